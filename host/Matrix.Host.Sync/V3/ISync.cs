using Matrix.Core.Json;

namespace Matrix.Host.Sync.V3;

/// <summary>Answers sync. Client-Server API, "Syncing".</summary>
public interface ISync
{
    /// <summary>
    /// What is new for a device, at once or when there is something, at the latest when the time is up. Null if the token is none of this
    /// server's.
    /// </summary>
    ValueTask<SyncAnswer?> SyncAsync(SyncRequest request, CancellationToken stop);
}

/// <summary>The body of a sync answer. Dispose it when it was sent.</summary>
public sealed class SyncAnswer : IDisposable
{
    private readonly ByteBuffer _buffer;

    internal SyncAnswer(ByteBuffer buffer) => _buffer = buffer;

    /// <summary>A JSON object.</summary>
    public ReadOnlyMemory<byte> Json => _buffer.WrittenMemory;

    /// <inheritdoc/>
    public void Dispose() => ((IDisposable)_buffer).Dispose();
}
