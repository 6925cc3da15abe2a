using Matrix.Core.Json;

namespace Matrix.Host.Sync.V3;

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
