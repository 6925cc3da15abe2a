using Matrix.Core.Json;

namespace Matrix.Host.Rooms.Reading;

/// <summary>
/// The body of a response that is written in steps: one is sent while the next is read, so that a slow reader costs
/// two. Nothing that others wait for is held while the client is waited for: no reader of the database, no lock.
/// </summary>
public abstract class ResponseWriter : IDisposable
{
    /// <summary>The bytes that end a step.</summary>
    public const int Step = 128 * 1024;

    private long _sent;

    /// <summary>What was written and not sent.</summary>
    public ByteBuffer Buffer { get; } = new(4096);

    /// <summary>The bytes of the body so far.</summary>
    public long Length => _sent + Buffer.Length;

    /// <summary>Whether the client has got a part of it: what fails now ends the connection.</summary>
    public bool HasBegun => _sent > 0;

    /// <summary>
    /// Waits until memory for a large response is free. False if that takes too long, or if too many requests of the
    /// caller wait.
    /// </summary>
    public abstract ValueTask<bool> ReserveAsync(CancellationToken stop);

    /// <summary>Returns the memory, while the request waits for something to write.</summary>
    public abstract void Release();

    /// <summary>Sends what was written, if it is enough for a step, and waits for a slow reader.</summary>
    public ValueTask StepAsync(CancellationToken stop) =>
        Buffer.Length < Step ? ValueTask.CompletedTask : SendAsync(stop);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(isDisposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Sends the bytes, after the reader has taken most of those before.</summary>
    protected abstract ValueTask SendAsync(ReadOnlyMemory<byte> written, CancellationToken stop);

    /// <summary>Returns the buffer's memory.</summary>
    protected virtual void Dispose(bool isDisposing) => ((IDisposable)Buffer).Dispose();

    private async ValueTask SendAsync(CancellationToken stop)
    {
        var length = Buffer.Length;
        await SendAsync(Buffer.WrittenMemory, stop);
        _sent += length;
        Buffer.Clear();
    }
}

/// <summary>The rest of a response is not to be sent, such as after the caller's access ended: the connection ends.
/// </summary>
public sealed class ResponseEndedException : Exception
{
    /// <summary>Creates the exception.</summary>
    public ResponseEndedException()
    {
    }

    /// <summary>Creates the exception with the reason.</summary>
    public ResponseEndedException(string message) : base(message)
    {
    }

    /// <summary>Creates the exception with the reason.</summary>
    public ResponseEndedException(string message, Exception inner) : base(message, inner)
    {
    }
}
