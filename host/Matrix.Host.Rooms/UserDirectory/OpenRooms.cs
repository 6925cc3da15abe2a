using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;

namespace Matrix.Host.Rooms.UserDirectory;

/// <summary>Rooms whose members everyone may see, because everyone may join or read them.</summary>
public sealed class OpenRooms(IStorage storage, RoomSnapshots rooms, StateReader state, UserDirectoryOptions options)
{
    /// <summary>Whether one of the rooms that the user joined last is open.</summary>
    public async ValueTask<bool> HasMemberAsync(string userId, CancellationToken stop)
    {
        foreach (var room in await storage.UserDirectory.RoomsAsync(userId, options.RoomsOfUser, stop)
            .ConfigureAwait(false))
        {
            if (await IsOpenAsync(room.Room, stop).ConfigureAwait(false)) return true;
        }

        return false;
    }

    /// <summary>Whether the room's members are visible to everyone.</summary>
    internal async ValueTask<bool> IsOpenAsync(RoomNid room, CancellationToken stop)
    {
        // The state of a room without local users is old.
        if (await rooms.FindAsync(room, stop).ConfigureAwait(false) is not { IsResident: true } snapshot)
        {
            return false;
        }

        var rule = await state.ContentAsync(snapshot, "m.room.join_rules", "", stop).ConfigureAwait(false);
        if (rule?.Text("join_rule") == "public") return true;
        var visibility = await state.ContentAsync(snapshot, "m.room.history_visibility", "", stop)
            .ConfigureAwait(false);
        return visibility?.Text("history_visibility") == "world_readable";
    }
}
