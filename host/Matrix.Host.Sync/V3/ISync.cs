using Matrix.Core.Json;

namespace Matrix.Host.Sync.V3;

/// <summary>Sync. Client-Server API, "Syncing".</summary>
public interface ISync
{
    /// <summary>
    /// Returns the news for a device, at once or as soon as there is some, or an empty response after the timeout. Null
    /// if the token is not this server's.
    /// </summary>
    ValueTask<SyncAnswer?> SyncAsync(SyncRequest request, CancellationToken stop);
}

/// <summary>The body of a sync response. Dispose it when it was sent.</summary>
public sealed class SyncAnswer : IDisposable
{
    private readonly ByteBuffer _buffer;

    internal SyncAnswer(ByteBuffer buffer) => _buffer = buffer;

    /// <summary>A JSON object.</summary>
    public ReadOnlyMemory<byte> Json => _buffer.WrittenMemory;

    /// <inheritdoc/>
    public void Dispose() => ((IDisposable)_buffer).Dispose();
}
