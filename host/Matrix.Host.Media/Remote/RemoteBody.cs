namespace Matrix.Host.Media.Remote;

/// <summary>
/// The body of another server's response. What fails in it is that server's failure, or the network's; it must not look
/// like one of this server's disk.
/// </summary>
internal sealed class RemoteBody(Stream body) : Stream
{
    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Reads from the other server.</summary>
    /// <exception cref="RemoteBodyException">The body breaks off, or is malformed.</exception>
    internal static async ValueTask<T> ReadAsync<T>(Func<ValueTask<T>> read)
    {
        try
        {
            return await read();
        }
        catch (Exception fault) when (fault is IOException or InvalidDataException or FormatException)
        {
            throw new RemoteBodyException(fault.Message, fault);
        }
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        ReadAsync(() => body.ReadAsync(buffer, cancellationToken));

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush() => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}

/// <summary>The body of another server's response broke off, or is malformed.</summary>
internal sealed class RemoteBodyException(string message, Exception inner) : Exception(message, inner);
