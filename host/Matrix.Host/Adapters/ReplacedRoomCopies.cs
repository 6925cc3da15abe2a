using Matrix.Host.Outbound.Federation;
using Matrix.Host.Rooms.Upgrading;
using Matrix.Host.Users.AccountData;

namespace Matrix.Host.Adapters;

/// <summary>Copies users' settings for a room to the one that replaces it.</summary>
internal sealed class ReplacedRoomCopies(ReplacedRooms copies) : IRoomSettings
{
    public ValueTask CopyAsync(string userId, string oldRoomId, string newRoomId, CancellationToken stop) =>
        copies.CopyAsync(userId, oldRoomId, newRoomId, stop);
}
