using Matrix.Host.Storage;

namespace Matrix.Host.Users.RemoteKeys;

/// <summary>The rooms, as the tracking of device lists uses them.</summary>
public interface IEncryptedRooms
{
    /// <summary>Whether one of these rooms is encrypted.</summary>
    ValueTask<bool> AnyAsync(IReadOnlyCollection<RoomNid> rooms, CancellationToken stop);
}
