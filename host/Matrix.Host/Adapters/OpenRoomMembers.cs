using Matrix.Host.Rooms.UserDirectory;
using Matrix.Host.Users.Profiles;

namespace Matrix.Host.Adapters;

/// <summary>Finds members of open rooms for the users.</summary>
internal sealed class OpenRoomMembers(OpenRooms rooms) : IOpenRooms
{
    public ValueTask<bool> HasMemberAsync(string userId, CancellationToken stop) =>
        rooms.HasMemberAsync(userId, stop);
}
