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
/// users could see. It gets the others in redacted form, so that it can walk through them.
/// v1.19 client-server-api#room-history-visibility
/// </summary>
/// <remarks>
/// Messages of erased users are redacted for servers that joined after the erasure.
/// v1.19 client-server-api#account-deactivation
/// </remarks>
public sealed class ServerVisibility(
    EventStore events, StateStore states, ErasedUsers erased, RoomsOptions options)
{
    /// <summary>The events as a server with a user in the room may have them.</summary>
    public async ValueTask<Pdu[]> ShowAsync(
        RoomSnapshot snapshot, string server, IReadOnlyList<StoredEvent> among, CancellationToken stop)
    {
        var room = snapshot.Room;
        var byStep = new Dictionary<int, bool>();
        var members = MembersOf(room, server, stop);
        var wasInRoom = new Dictionary<(string Erased, int Step), bool>();
        var joinedBefore = new Dictionary<string, bool>(StringComparer.Ordinal);
        var shown = new List<Pdu>(among.Count);
        foreach (var stored in among)
        {
            // State is no secret to a server in the room: it gets all of it with its join.
            var isWhole = stored.Pdu.IsState || (stored.Row.Marks & EventMarks.Outlier) != 0;
            if (!isWhole && !byStep.TryGetValue(stored.Row.Step, out isWhole))
            {
                isWhole = await MaySeeAsync(room, members, stored.Row.Step, stop);
                byStep[stored.Row.Step] = isWhole;
            }

            if (isWhole && !stored.Pdu.IsState && erased.ErasedAt(stored.Row.Sender) is { } erasedAt)
            {
                var sender = stored.Row.Sender;
                if (!wasInRoom.TryGetValue((sender, stored.Row.Step), out isWhole))
                {
                    if (!joinedBefore.TryGetValue(sender, out isWhole))
                    {
                        isWhole = await HasJoinedBeforeAsync(snapshot, server, sender, erasedAt, stop);
                        joinedBefore.Add(sender, isWhole);
                    }

                    isWhole = isWhole
                        || await WasInRoomAsync(room, members, stored.Row.Step, stop);
                    wasInRoom.Add((sender, stored.Row.Step), isWhole);
                }
            }

            shown.Add(isWhole ? stored.Pdu : room.Rules.Redact(stored.Pdu));
        }

        return [.. shown];
    }

    /// <summary>Whether a user of a server who is in the room joined it before a user was erased.</summary>
    private async ValueTask<bool> HasJoinedBeforeAsync(
        RoomSnapshot snapshot, string server, string erasedUser, long time, CancellationToken stop)
    {
        // The time in a join is what its server claims; the erased user's own leave is of this server's clock.
        var left = snapshot.State.Find(ServerMembers.MemberType, erasedUser) is { } entry
            && await events.GetAsync(snapshot.Room, EventNid.Of(snapshot.Room.Nid, entry.Ordinal), stop) is { } leave
            && leave.OriginServerTs >= time
                ? leave.Row.Position
                : long.MaxValue;
        return await MembersOf(snapshot.Room, server, stop).AnyAsync(
            snapshot.State,
            member => member.Membership == "join" && member.Time < time && member.Position < left);
    }

    /// <summary>Whether a server was in the room at a step.</summary>
    private async ValueTask<bool> WasInRoomAsync(
        RoomIdentity room, ServerMembers members, int step, CancellationToken stop)
    {
        var state = await states.AtAsync(room.Nid, step, stop);
        return await members.AnyAsync(state, static member => member.Membership == "join");
    }

    /// <summary>Whether a server with a user in the room sees an event whole.</summary>
    public async ValueTask<bool> MaySeeAsync(
        RoomIdentity room, string server, StoredEvent stored, CancellationToken stop) =>
        stored.Pdu.IsState
            || await MaySeeAsync(room, MembersOf(room, server, stop), stored.Row.Step, stop);

    private async ValueTask<bool> MaySeeAsync(
        RoomIdentity room, ServerMembers members, int step, CancellationToken stop)
    {
        var state = await states.AtAsync(room.Nid, step, stop);
        var setting = state.Find(EventTypes.HistoryVisibility, "") is { } entry
            && await events.GetAsync(room, EventNid.Of(room.Nid, entry.Ordinal), stop) is { } it
                ? HistoryVisibility.SettingOf(it.Pdu.Content)
                : null;
        if (setting is not ("invited" or "joined")) return true;

        return await members.AnyAsync(
            state,
            member => member.Membership == "join" || (setting == "invited" && member.Membership == "invite"));
    }

    /// <summary>The members of a server in states of a room, for one request.</summary>
    private ServerMembers MembersOf(RoomIdentity room, string server, CancellationToken stop) => new(
        server,
        options.MaxServerMembers,
        async ordinals =>
        {
            var found = await events.ByNumberAsync(
                room, [.. ordinals.Select(ordinal => EventNid.Of(room.Nid, ordinal))], stop);
            return found.ToDictionary(
                static each => each.Key.Ordinal,
                static each => new ServerMember(
                    each.Value.Membership, each.Value.OriginServerTs, each.Value.Row.Position));
        });
}
