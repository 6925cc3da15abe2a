namespace Matrix.Host.Media.Store;

/// <summary>Where the contents of media are kept, each under a name that begins with its hash.</summary>
public interface IMediaFiles
{
    /// <summary>Keeps a content. It is durable when this returns.</summary>
    /// <param name="name">Its name, which no other content had.</param>
    ValueTask KeepAsync(SpooledFile file, string name, CancellationToken stop);

    /// <summary>Opens a content; null if there is none of that name.</summary>
    ValueTask<MediaFile?> OpenAsync(string name, CancellationToken stop);

    /// <summary>Deletes a content, if there is one of that name.</summary>
    ValueTask DeleteAsync(string name, CancellationToken stop);

    /// <summary>The names of the contents that were last written between two times, in parts.</summary>
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
