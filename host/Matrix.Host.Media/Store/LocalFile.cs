namespace Matrix.Host.Media.Store;

/// <summary>A content in this machine's file system.</summary>
internal sealed class LocalFile(string path, long length) : MediaFile
{
    public override long Length => length;

    public override string Path => path;

    public override ValueTask<Stream> OpenAsync(long offset, long length, CancellationToken stop)
    {
        var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        stream.Position = offset;
        return ValueTask.FromResult<Stream>(stream);
    }
}
