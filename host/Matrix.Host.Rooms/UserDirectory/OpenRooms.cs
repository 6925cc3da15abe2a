using Matrix.Core.Event;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.UserDirectory;

namespace Matrix.Host.Rooms.UserDirectory;

/// <summary>Rooms whose members everyone may see, because everyone may join or read them.</summary>
public sealed class OpenRooms(
    UserDirectoryTable userDirectoryTable, RoomSnapshots rooms, StateReader state, UserDirectoryOptions options)
{
    /// <summary>Whether one of the rooms that the user joined last is open.</summary>
    public async ValueTask<bool> HasMemberAsync(string userId, CancellationToken stop)
    {
        foreach (var room in await userDirectoryTable.RoomsAsync(userId, options.RoomsOfUser, stop))
        {
            if (await IsOpenAsync(room.Room, stop)) return true;
        }

        return false;
    }

    /// <summary>Whether the room's members are visible to everyone.</summary>
    internal async ValueTask<bool> IsOpenAsync(RoomNid room, CancellationToken stop)
    {
        // The state of a room without local users is old.
        if (await rooms.FindAsync(room, stop) is not { IsResident: true } snapshot)
        {
            return false;
        }

        var rule = await state.ContentAsync(snapshot, EventTypes.JoinRules, "", stop);
        if (rule?.Text("join_rule") == "public") return true;
        var visibility = await state.ContentAsync(snapshot, EventTypes.HistoryVisibility, "", stop);
        return visibility?.Text("history_visibility") == "world_readable";
    }
}
