namespace Matrix.Host.Storage.Commits;

/// <summary>A flush that was committed, as the node that wrote it tells others.</summary>
/// <param name="After">The position of the sequence before it.</param>
/// <param name="Last">Its own last position.</param>
/// <param name="Changes">
/// Its changes as they are in the database; null if they are too many. The bytes may be used again after the call.
/// </param>
public readonly record struct FlushNews(long After, long Last, ReadOnlyMemory<byte>? Changes);
