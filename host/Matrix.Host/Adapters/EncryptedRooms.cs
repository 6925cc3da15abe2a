using Matrix.Core.Event;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Users.RemoteKeys;

namespace Matrix.Host.Adapters;

/// <summary>Reads the encryption of rooms for the users.</summary>
internal sealed class EncryptedRooms(RoomSnapshots rooms) : IEncryptedRooms
{
    public async ValueTask<bool> AnyAsync(IReadOnlyCollection<RoomNid> nids, CancellationToken stop)
    {
        foreach (var nid in nids)
        {
            if (await rooms.FindAsync(nid, stop) is { } room
                && room.State.Find(EventTypes.Encryption, "") is not null)
            {
                return true;
            }
        }

        return false;
    }
}
