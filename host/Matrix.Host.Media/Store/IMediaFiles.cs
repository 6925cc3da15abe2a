namespace Matrix.Host.Media.Store;

/// <summary>Where the contents of media are kept, each once, by its hash.</summary>
public interface IMediaFiles
{
    /// <summary>Keeps a content. It is durable when this returns.</summary>
    ValueTask KeepAsync(SpooledFile file, CancellationToken stop);

    /// <summary>Opens a content; null if there is none.</summary>
    /// <param name="hash">The SHA-256 in hexadecimal.</param>
    ValueTask<MediaFile?> OpenAsync(string hash, CancellationToken stop);

    /// <summary>Deletes a content, if there is one.</summary>
    ValueTask DeleteAsync(string hash, CancellationToken stop);

    /// <summary>The hashes of the contents that were last written between two times, in parts.</summary>
    IAsyncEnumerable<IReadOnlyList<string>> ListAsync(
        DateTimeOffset after, DateTimeOffset before, CancellationToken stop);
}

/// <summary>A content that can be read.</summary>
public abstract class MediaFile
{
    /// <summary>Bytes.</summary>
    public abstract long Length { get; }

    /// <summary>The file in this machine's file system; null if there is none.</summary>
    public virtual string? Path => null;

    /// <summary>Opens a part of the content.</summary>
    public abstract ValueTask<Stream> OpenAsync(long offset, long length, CancellationToken stop);
}
