using Matrix.Core.Auth;
using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.State;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Memberships;

namespace Matrix.Host.Rooms.Sending;

/// <summary>Reads the events of a room's current state in a session of its lane, undurable events included.</summary>
internal sealed class LaneState(EventStore events)
{
    /// <summary>The current state's events of these keys, and the create event.</summary>
    internal ValueTask<AuthSnapshot> SnapshotAsync(
        LaneSession session, IReadOnlyList<StateKey> keys, CancellationToken stop) =>
        SnapshotAsync(session, session.Pending.State, keys, stop);

    /// <summary>A state's events of these keys, and the create event.</summary>
    internal async ValueTask<AuthSnapshot> SnapshotAsync(
        LaneSession session, StateTree state, IReadOnlyList<StateKey> keys, CancellationToken stop)
    {
        var found = new List<AuthEvent>(keys.Count + 1);
        List<AuthEvent>? rejected = null;
        var hasCreate = false;
        foreach (var key in keys)
        {
            if (state.Find(key.Type, key.Key) is not { } entry) continue;
            if (await EventAsync(session, entry, stop) is not { } stored) continue;
            found.Add(stored.Auth);
            if (IsRejected(session, entry, stored)) (rejected ??= []).Add(stored.Auth);
            hasCreate |= key.Type == EventTypes.Create;
        }

        // Decisions need the create event also in versions whose events do not name it.
        if (!hasCreate
            && await EventAsync(session, state, EventTypes.Create, "", stop) is { } create)
        {
            found.Add(create.Auth);
        }

        return rejected is null ? new AuthSnapshot(found) : new AuthSnapshot(found, rejected);
    }

    /// <summary>
    /// Whether an event of a state was rejected. It came as an outlier, by its auth events alone; the decision on it
    /// in its place may not be durable yet.
    /// </summary>
    private static bool IsRejected(LaneSession session, StateEntry entry, StoredEvent stored) =>
        EventNid.Of(session.Pending.Room.Nid, entry.Ordinal).IsOutlier
        && ((stored.Row.Marks & EventMarks.Rejected) != 0
            || session.Machine.Known(entry.EventId) is { IsRejected: true });

    /// <summary>The current state's event of a key; null if there is none.</summary>
    internal ValueTask<StoredEvent?> EventAsync(
        LaneSession session, string eventType, string stateKey, CancellationToken stop) =>
        EventAsync(session, session.Pending.State, eventType, stateKey, stop);

    /// <summary>A state's event of a key; null if there is none.</summary>
    internal ValueTask<StoredEvent?> EventAsync(
        LaneSession session, StateTree state, string eventType, string stateKey, CancellationToken stop) =>
        state.Find(eventType, stateKey) is { } entry
            ? EventAsync(session, entry, stop)
            : ValueTask.FromResult<StoredEvent?>(null);

    /// <summary>The event of an entry of a state.</summary>
    internal ValueTask<StoredEvent?> EventAsync(LaneSession session, StateEntry entry, CancellationToken stop)
    {
        var room = session.Pending.Room;
        var nid = EventNid.Of(room.Nid, entry.Ordinal);
        return (session.Undurable(entry.Ordinal) ?? events.Known(nid)) is { } known
            ? ValueTask.FromResult<StoredEvent?>(known)
            : ReadStateAsync(room, nid, entry, stop);
    }

    private async ValueTask<StoredEvent?> ReadStateAsync(
        RoomIdentity room, EventNid nid, StateEntry entry, CancellationToken stop) =>
        await events.GetAsync(room, nid, stop)
            ?? throw new InvalidDataException($"Room {room.RoomId} lacks its state event {entry.EventId}.");

    /// <summary>The keys of the state events that give power.</summary>
    internal static IReadOnlyList<StateKey> Levels { get; } =
        [new(EventTypes.Create, ""), new(EventTypes.PowerLevels, "")];

    /// <summary>The membership that a member event gives; null if it is unknown.</summary>
    internal static Membership? MembershipOf(Pdu pdu) => pdu.Content.Text("membership") switch
    {
        "join" => Membership.Join,
        "invite" => Membership.Invite,
        "knock" => Membership.Knock,
        "leave" => Membership.Leave,
        "ban" => Membership.Ban,
        _ => null,
    };
}
