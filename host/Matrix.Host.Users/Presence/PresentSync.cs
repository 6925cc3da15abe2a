using Matrix.Host.Storage;

namespace Matrix.Host.Users.Presence;

/// <summary>A sync that marks a device as present. Dispose it when the sync ends, once.</summary>
public readonly struct PresentSync : IDisposable, IEquatable<PresentSync>
{
    private readonly PresenceBoard? _board;
    private readonly UserDevice _device;

    internal PresentSync(PresenceBoard board, UserDevice device)
    {
        _board = board;
        _device = device;
    }

    /// <inheritdoc/>
    public void Dispose() => _board?.SyncEnded(_device);

    /// <inheritdoc/>
    public bool Equals(PresentSync other) => _board == other._board && _device == other._device;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is PresentSync other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => _device.GetHashCode();

    /// <summary>Whether both mark the same device.</summary>
    public static bool operator ==(PresentSync left, PresentSync right) => left.Equals(right);

    /// <summary>Whether they mark different devices.</summary>
    public static bool operator !=(PresentSync left, PresentSync right) => !left.Equals(right);
}
