using Matrix.Core.Event;
using Matrix.Core.State;
using Matrix.Core.Sync;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Rooms.State;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Rooms.Servers;

/// <summary>
/// Decides which events of a room another server sees whole, by the state after each: a server sees what one of its
/// users could see. It gets the others in redacted form, so that it can walk through them. Client-Server API, "Room
/// History Visibility".
/// </summary>
/// <remarks>
/// Messages of erased users are redacted for servers that joined after the erasure. Client-Server API, "Account
/// deactivation".
/// </remarks>
public sealed class ServerVisibility(EventStore events, StateStore states, ErasedUsers erased)
{
    private const string SettingType = "m.room.history_visibility";
    private const string MemberType = "m.room.member";

    /// <summary>The events as a server with a user in the room may have them.</summary>
    public async ValueTask<Pdu[]> ShowAsync(
        RoomSnapshot snapshot, string server, IReadOnlyList<StoredEvent> among, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(among);
        ArgumentNullException.ThrowIfNull(snapshot);
        var room = snapshot.Room;
        var byStep = new Dictionary<int, bool>();
        var wasInRoom = new Dictionary<(long Time, int Step), bool>();
        var shown = new List<Pdu>(among.Count);
        foreach (var stored in among)
        {
            // State is no secret to a server in the room: it gets all of it with its join.
            var isWhole = stored.Pdu.IsState || (stored.Row.Marks & EventMarks.Outlier) != 0;
            if (!isWhole && !byStep.TryGetValue(stored.Row.Step, out isWhole))
            {
                isWhole = await MaySeeAsync(room, server, stored.Row.Step, stop).ConfigureAwait(false);
                byStep[stored.Row.Step] = isWhole;
            }

            if (isWhole && !stored.Pdu.IsState && erased.ErasedAt(stored.Row.Sender) is { } erasedAt)
            {
                if (!wasInRoom.TryGetValue((erasedAt, stored.Row.Step), out isWhole))
                {
                    isWhole = await WasInRoomAsync(snapshot, server, stored.Row.Step, erasedAt, stop)
                        .ConfigureAwait(false);
                    wasInRoom.Add((erasedAt, stored.Row.Step), isWhole);
                }
            }

            shown.Add(isWhole ? stored.Pdu : room.Rules.Redact(stored.Pdu));
        }

        return [.. shown];
    }

    /// <summary>Whether a server was in the room at a step, or joined it before a time.</summary>
    private async ValueTask<bool> WasInRoomAsync(
        RoomSnapshot snapshot, string server, int step, long time, CancellationToken stop)
    {
        if (await AnyMemberAsync(
            snapshot.Room, server, snapshot.State,
            member => member.Membership == "join" && member.OriginServerTs < time, stop).ConfigureAwait(false))
        {
            return true;
        }

        var state = await states.AtAsync(snapshot.Room.Nid, step, stop).ConfigureAwait(false);
        return await AnyMemberAsync(
            snapshot.Room, server, state, static member => member.Membership == "join", stop).ConfigureAwait(false);
    }

    /// <summary>Whether a server with a user in the room sees an event whole.</summary>
    public async ValueTask<bool> MaySeeAsync(
        RoomIdentity room, string server, StoredEvent stored, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(stored);
        ArgumentNullException.ThrowIfNull(room);
        return stored.Pdu.IsState || await MaySeeAsync(room, server, stored.Row.Step, stop).ConfigureAwait(false);
    }

    private async ValueTask<bool> MaySeeAsync(RoomIdentity room, string server, int step, CancellationToken stop)
    {
        var state = await states.AtAsync(room.Nid, step, stop).ConfigureAwait(false);
        var setting = state.Find(SettingType, "") is { } entry
            && await events.GetAsync(room, EventNid.Of(room.Nid, entry.Ordinal), stop).ConfigureAwait(false) is { } it
                ? HistoryVisibility.SettingOf(it.Pdu.Content)
                : null;
        if (setting is not ("invited" or "joined")) return true;

        return await AnyMemberAsync(
            room,
            server,
            state,
            member => member.Membership == "join" || (setting == "invited" && member.Membership == "invite"),
            stop).ConfigureAwait(false);
    }

    private async ValueTask<bool> AnyMemberAsync(
        RoomIdentity room, string server, StateTree state, Func<StoredEvent, bool> holds, CancellationToken stop)
    {
        var nids = state.OfType(MemberType)
            .Where(member => RoomNames.ServerOf(member.StateKey) == server)
            .Select(member => EventNid.Of(room.Nid, member.Ordinal))
            .ToArray();
        return (await events.GetManyAsync(room, nids, stop).ConfigureAwait(false)).Any(holds);
    }
}
