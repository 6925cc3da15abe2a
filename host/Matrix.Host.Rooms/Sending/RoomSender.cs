using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Host.Rooms.Commands;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Rooms.Transactions;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Relations;
using Matrix.Host.Storage.Tables.Transactions;

namespace Matrix.Host.Rooms.Sending;

/// <summary>
/// Sends events of local users. A returned event is durable. v1.19 client-server-api#sending-events-to-a-room
/// </summary>
public sealed class RoomSender
{
    private readonly RoomLanes _lanes;
    private readonly RoomSnapshots _rooms;
    private readonly EventAppender _appender;
    private readonly TransactionLog _transactions;
    private readonly EventStore _events;
    private readonly RelationsTable _relations;
    private readonly RoomCommands _commands;

    internal RoomSender(
        RoomLanes lanes,
        RoomSnapshots rooms,
        EventAppender appender,
        TransactionLog transactions,
        EventStore events,
        RelationsTable relations,
        RoomCommands commands)
    {
        _lanes = lanes;
        _rooms = rooms;
        _appender = appender;
        _transactions = transactions;
        _events = events;
        _relations = relations;
        _commands = commands;
    }

    /// <summary>Sends a message event (or any event without a state key), once per transaction id.</summary>
    /// <param name="sender">The device that sends it.</param>
    /// <param name="roomId">The room.</param>
    /// <param name="draft">The event; its sender is the user of the device.</param>
    /// <param name="key">Identifies repeated requests.</param>
    /// <param name="timestamp">Milliseconds since the epoch that an application service gives the event; null for
    /// now.</param>
    /// <returns>The event's id.</returns>
    public ValueTask<RoomResult<string>> SendAsync(
        UserDevice sender, string roomId, Draft draft, TransactionKey key, long? timestamp, CancellationToken stop) =>
        _transactions.OnceAsync(
            Authority.Room(roomId),
            key,
            transaction => AppendAsync(
                roomId, draft, new SentAs(sender.DeviceId, key.TransactionId), timestamp, transaction, stop),
            stop);

    /// <summary>
    /// Sends a state event. If the current state event has the same sender and content, returns that one instead.
    /// </summary>
    /// <returns>The event's id.</returns>
    public ValueTask<RoomResult<string>> SendStateAsync(
        string roomId, Draft draft, long? timestamp, CancellationToken stop) =>
        SendOwnAsync(roomId, draft, timestamp, stop);

    /// <summary>
    /// Sends an event without a transaction id, such as one that the server makes, to a room that another node may
    /// have.
    /// </summary>
    /// <param name="id">What another node knows a repetition by; null if it has no repetition.</param>
    /// <returns>The event's id.</returns>
    internal ValueTask<RoomResult<string>> SendOwnAsync(
        string roomId, Draft draft, long? timestamp, CancellationToken stop, string? id = null) =>
        _commands.RunAsync(
            roomId,
            () => AppendAsync(roomId, draft, sentAs: null, timestamp, transaction: null, stop),
            () => new SendEvent(roomId, id ?? RoomCommands.NewId(), draft, timestamp),
            stop);

    /// <summary>Carries out a command of another node.</summary>
    internal ValueTask<RoomResult<string>> SendHereAsync(SendEvent command, CancellationToken stop) =>
        _transactions.OnceAsync(
            RoomCommands.OwnerOf(command),
            RoomCommands.KeyOf(command.Event.Sender, command.Id),
            transaction => AppendAsync(
                command.RoomId, command.Event, sentAs: null, command.Timestamp, transaction, stop),
            stop);

    /// <summary>
    /// Whether a user may send a state event of this type, with an empty state key, to a room now. Sends nothing.
    /// </summary>
    public async ValueTask<bool> MaySendStateAsync(
        string roomId, string userId, string eventType, CancellationToken stop)
    {
        if (await _rooms.FindAsync(roomId, stop) is null) return false;
        var draft = Draft.State(eventType, "", userId, JsonObject.Empty);
        return await RefusedAsync(roomId, draft, stop) is null;
    }

    /// <summary>
    /// Why a room would refuse a state event now; null if it would not. Users who are not in the room do not learn of
    /// it. Sends nothing.
    /// </summary>
    internal async ValueTask<RoomFailure?> RefusedStateAsync(
        RoomSnapshot snapshot, Draft draft, CancellationToken stop)
    {
        if (!snapshot.Local.IsJoined(draft.Sender)) return RoomFailure.Unknown;
        return await RefusedAsync(snapshot.Room.RoomId, draft, stop);
    }

    /// <summary>Why a room would refuse an event now; null if it would not. The room is here.</summary>
    internal async ValueTask<RoomFailure?> RefusedHereAsync(string roomId, Draft draft, CancellationToken stop)
    {
        if (await _rooms.FindAsync(roomId, stop) is not { } snapshot) return RoomFailure.Unknown;
        var result = await _lanes.EnterAsync<bool>(
            snapshot.Room.Nid,
            async session => await _appender.WouldRefuseAsync(session, draft, stop) is { } refused
                ? refused
                : true,
            stop);
        return result.Failure;
    }

    private ValueTask<RoomFailure?> RefusedAsync(string roomId, Draft draft, CancellationToken stop) =>
        _commands.RunAsync(
            roomId, () => RefusedHereAsync(roomId, draft, stop), () => new CheckState(roomId, draft), stop);

    /// <summary>Appends one event to a room that is here, in its lane, and waits until it is durable.</summary>
    private ValueTask<RoomResult<string>> AppendAsync(
        string roomId, Draft draft, SentAs? sentAs, long? timestamp, Transaction? transaction, CancellationToken stop)
    {
        return _rooms.Known(roomId) is { } known ? AppendToAsync(known) : FindFirstAsync();

        async ValueTask<RoomResult<string>> FindFirstAsync() =>
            await _rooms.FindAsync(roomId, stop) is { } found
                ? await AppendToAsync(found)
                : RoomFailure.Unknown;

        ValueTask<RoomResult<string>> AppendToAsync(RoomSnapshot snapshot) => _lanes.EnterAsync<string>(
            snapshot.Room.Nid,
            async session =>
            {
                if (await SameStateAsync(session, draft, stop) is { } same) return same.EventId;
                var made = await _appender.AppendAsync(session, draft, sentAs, timestamp, stop);
                if (!made.IsOk) return made.Failure;
                if (transaction is null) return made.Value.EventId;
                if (await RefusedRelationAsync(session, draft, stop) is { } refused)
                {
                    return refused;
                }

                session.Request = transaction.Record(made.Value.Nid);
                return made.Value.EventId;
            },
            stop);
    }

    private async ValueTask<StoredEvent?> SameStateAsync(LaneSession session, Draft draft, CancellationToken stop)
    {
        if (draft.StateKey is not { } stateKey || draft.Type == EventTypes.Create) return null;
        var now = await _appender.State.EventAsync(session, draft.Type, stateKey, stop);
        if (now is null || now.Pdu.Sender != draft.Sender || !now.Pdu.Content.Equals(draft.Content)) return null;

        // Only members may learn the state; everyone may learn their own membership.
        if (draft.Type == EventTypes.Member && stateKey == draft.Sender) return now;
        var member = await _appender.State.EventAsync(session, EventTypes.Member, draft.Sender, stop);
        return member is not null && LaneState.MembershipOf(member.Pdu) == Membership.Join ? now : null;
    }

    /// <summary>
    /// Refuses a second annotation of an event with the same key, and threads on an event that relates to another.
    /// Checked in the lane's session, after the event itself was allowed: of several requests at once the first
    /// succeeds, and senders without power learn nothing. v1.19 client-server-api#event-annotations-and-reactions,
    /// v1.19 client-server-api#threading
    /// </summary>
    private async ValueTask<RoomFailure?> RefusedRelationAsync(LaneSession session, Draft draft, CancellationToken stop)
    {
        if (Relation.Of(draft.Content) is not { } relation) return null;
        var room = session.Pending.Room;

        // Undurable events first: one that becomes durable in between is found in the database.
        if (relation.Key is { } key
            && (session.AnyWaiting(stored =>
                    stored.Pdu.Sender == draft.Sender
                    && stored.Pdu.Type == draft.Type
                    && IsSame(relation, stored))
                || await _relations.HasAnnotationAsync(
                    room.Nid, relation.ParentId, draft.Sender, draft.Type, key, stop)))
        {
            return new RoomFailure(
                RoomFailureKind.DuplicateAnnotation, "You have annotated this event with the same key already.");
        }

        if (relation.RelType == "m.thread"
            && (session.Undurable(relation.ParentId)
                ?? await _events.ByIdAsync(room, relation.ParentId, stop)) is { } root
            && root.Pdu.Content.Has("m.relates_to"))
        {
            return new RoomFailure(
                RoomFailureKind.BadState, "A thread cannot start at an event that relates to another.");
        }

        return null;
    }

    private static bool IsSame(Relation relation, StoredEvent stored) =>
        Relation.Of(stored.Pdu.Content) is { } other
        && other.RelType == relation.RelType && other.ParentId == relation.ParentId && other.Key == relation.Key;
}
