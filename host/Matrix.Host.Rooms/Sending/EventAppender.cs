using Matrix.Core.Auth;
using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Core.State;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Rooms;
using Matrix.Host.Storage.Tables.State;

namespace Matrix.Host.Rooms.Sending;

/// <summary>
/// Makes a draft an event of the room in whose lane it is: chooses its auth events and previous events, hashes, signs, decides, and moves the
/// head on. What it makes is written when the turn is submitted.
/// </summary>
internal sealed class EventAppender(
    EventStore events, ServerSigner signer, IPushEvaluation push, RoomsOptions options, TimeProvider time)
{
    /// <summary>Appends a draft; nothing has changed if it is refused.</summary>
    /// <param name="turn">The turn in the room's lane.</param>
    /// <param name="draft">What somebody wants to send.</param>
    /// <param name="sentAs">The device and transaction id that it was sent with; null if the server makes it.</param>
    /// <param name="timestamp">Milliseconds since the epoch; null for now.</param>
    /// <param name="stop">Cancels reading.</param>
    internal async ValueTask<RoomResult<StoredEvent>> AppendAsync(
        LaneTurn turn, Draft draft, SentAs? sentAs, long? timestamp, CancellationToken stop)
    {
        if (draft is { Type: "m.room.member", StateKey: { } userId } && !UserId.isValid(userId))
        {
            return new RoomFailure(RoomFailureKind.InvalidParam, "The state key of a member event is a user id.");
        }

        var decided = await DecideAsync(turn, draft, timestamp, stop).ConfigureAwait(false);
        if (!decided.IsOk) return decided.Failure;

        var pdu = decided.Value;
        if (pdu.Redacts is not { } targetId) return await AcceptAsync(turn, pdu, sentAs, stop).ConfigureAwait(false);

        var target = turn.Undurable(targetId) ?? await events.ByIdAsync(turn.Head.Room, targetId, stop).ConfigureAwait(false);
        var refused = target is null
            ? await RefusesUnseenAsync(turn, pdu, stop).ConfigureAwait(false)
            : await RedactAsync(turn, pdu, target, stop).ConfigureAwait(false);
        if (refused is not null) return refused;
        return await AcceptAsync(turn, pdu, sentAs, stop, isWaiting: target is null).ConfigureAwait(false);
    }

    /// <summary>Why the draft would be refused now; null if it would not.</summary>
    internal async ValueTask<RoomFailure?> WouldRefuseAsync(LaneTurn turn, Draft draft, CancellationToken stop) =>
        (await DecideAsync(turn, draft, null, stop).ConfigureAwait(false)).Failure;

    /// <summary>Makes an event of a draft, and decides it; the room does not have it yet.</summary>
    internal async ValueTask<RoomResult<Pdu>> DecideAsync(
        LaneTurn turn, Draft draft, long? timestamp, CancellationToken stop)
    {
        var head = turn.Head;
        var rules = head.Room.Rules;
        var state = await SnapshotAsync(turn, rules.AuthKeys(draft), stop).ConfigureAwait(false);
        var cited = Cited(state, rules.CitesCreate);
        var previous = Extremities.Choose(head.Extremities, options.MaxPrevEvents);
        var moment = timestamp ?? time.GetUtcNow().ToUnixTimeMilliseconds();
        var outcome = rules.AssignsIds
            ? rules.ComposeNamed(
                head.Room.RoomId,
                draft,
                OpaqueIds.New(),
                signer.ServerName,
                await EventsAsync(turn, previous.Named, stop).ConfigureAwait(false),
                cited,
                head.Depth,
                moment)
            : rules.Compose(
                head.Room.RoomId, draft, previous.Ids, Array.ConvertAll(cited, pdu => pdu.EventId), head.Depth, moment);
        if (outcome.Refusal is { } malformed) return FailureOf(malformed);

        using var composed = outcome.Value;
        var signature = signer.Key.Sign(composed.BytesToSign.Span);
        var signed = composed.Sign(signer.ServerName, signer.KeyId, signature);
        if (signed.Refusal is { } tooLarge) return FailureOf(tooLarge);
        return rules.Decide(signed.Value, cited, state, signer.ServerName) is { } refused ? FailureOf(refused) : signed.Value;
    }

    /// <summary>The previous events themselves, whose hashes are named in room versions 1 and 2.</summary>
    private async ValueTask<Pdu[]> EventsAsync(LaneTurn turn, IReadOnlyList<ForwardExtremity> named, CancellationToken stop)
    {
        var found = new Pdu[named.Count];
        for (var i = 0; i < found.Length; i++)
        {
            var stored = turn.Undurable(named[i].Ordinal)
                ?? await events.GetAsync(turn.Head.Room, EventNid.Of(turn.Head.Room.Nid, named[i].Ordinal), stop).ConfigureAwait(false)
                ?? throw new InvalidDataException($"Room {turn.Head.Room.RoomId} lacks its extremity {named[i].EventId}.");
            found[i] = stored.Pdu;
        }

        return found;
    }

    /// <summary>The events of the state that stand for these keys, and the create event, each read once.</summary>
    internal async ValueTask<AuthSnapshot> SnapshotAsync(LaneTurn turn, IReadOnlyList<StateKey> keys, CancellationToken stop)
    {
        var found = new List<AuthEvent>(keys.Count + 1);
        var hasCreate = false;
        foreach (var key in keys)
        {
            if (await StateEventAsync(turn, key.Type, key.Key, stop).ConfigureAwait(false) is not { } stored) continue;
            found.Add(stored.Auth);
            hasCreate |= key.Type == "m.room.create";
        }

        // Needed for deciding where it is not cited, too.
        if (!hasCreate && await StateEventAsync(turn, "m.room.create", "", stop).ConfigureAwait(false) is { } create) found.Add(create.Auth);
        return new AuthSnapshot(found);
    }

    /// <summary>The state event of a key, as the turn sees the room; null if there is none.</summary>
    internal ValueTask<StoredEvent?> StateEventAsync(LaneTurn turn, string eventType, string stateKey, CancellationToken stop)
    {
        var room = turn.Head.Room;
        if (turn.Head.State.Find(eventType, stateKey) is not { } entry) return ValueTask.FromResult<StoredEvent?>(null);
        var nid = EventNid.Of(room.Nid, entry.Ordinal);
        return (turn.Undurable(entry.Ordinal) ?? events.Known(nid)) is { } known
            ? ValueTask.FromResult<StoredEvent?>(known)
            : ReadStateAsync(room, nid, entry, stop);
    }

    private async ValueTask<StoredEvent?> ReadStateAsync(RoomIdentity room, EventNid nid, StateEntry entry, CancellationToken stop) =>
        await events.GetAsync(room, nid, stop).ConfigureAwait(false)
            ?? throw new InvalidDataException($"Room {room.RoomId} lacks its state event {entry.EventId}.");

    private static Pdu[] Cited(AuthSnapshot state, bool citesCreate)
    {
        var cited = new Pdu[state.Events.Count];
        var count = 0;
        foreach (var auth in state.Events)
        {
            if (citesCreate || auth.Pdu.Type != "m.room.create") cited[count++] = auth.Pdu;
        }

        return count == cited.Length ? cited : cited[..count];
    }

    /// <summary>
    /// Takes an accepted event into the room: as a redaction leaves it that was here before it, if there is one.
    /// </summary>
    /// <param name="turn">The turn in the room's lane.</param>
    /// <param name="pdu">The event.</param>
    /// <param name="sentAs">The device and transaction id that it was sent with.</param>
    /// <param name="stop">Cancels reading.</param>
    /// <param name="isWaiting">Whether it is a redaction whose event is not here.</param>
    internal async ValueTask<RoomResult<StoredEvent>> AcceptAsync(
        LaneTurn turn, Pdu pdu, SentAs? sentAs, CancellationToken stop, bool isWaiting = false)
    {
        var head = turn.Head;
        var redaction = head.HasWaitingRedactions ? await EndWaitingAsync(turn, pdu, stop).ConfigureAwait(false) : null;
        if (redaction is not null) pdu = head.Room.Rules.Redact(pdu);
        var room = head.Room.RoomId.Length > 0 ? head.Room : head.Room with { RoomId = pdu.RoomId };
        var ordinal = head.LastOrdinal + 1;
        var nid = EventNid.Of(room.Nid, ordinal);
        var next = head with
        {
            Room = room,
            LastOrdinal = ordinal,
            Depth = pdu.Depth,
            HasWaitingRedactions = head.HasWaitingRedactions || isWaiting,
            Extremities = Extremities.After(head.Extremities, pdu.PrevEvents, new ForwardExtremity(ordinal, pdu.EventId), true),
        };
        if (pdu.StateKey is { } stateKey) next = await ApplyStateAsync(turn, next, pdu, stateKey, nid, stop).ConfigureAwait(false);

        var row = new EventRow(
            nid,
            pdu.EventId,
            Position: 0,
            next.CurrentStep,
            (pdu.IsState ? EventStanding.State : EventStanding.None) | (isWaiting ? EventStanding.WaitingRedaction : EventStanding.None),
            NotifyClass: 0,
            pdu.Sender,
            await ThreadRootAsync(turn, StoredEvent.RelationOf(pdu.Type, pdu.Content), stop).ConfigureAwait(false),
            redaction?.Nid ?? EventNid.None,
            sentAs,
            pdu.Canonical);
        var stored = new StoredEvent(room, row, pdu);
        if (stored.Relation is not null) next = next with { HasRelations = true };

        // What is not shown notifies nobody.
        var outcome = isWaiting || redaction is not null ? PushOutcome.Nobody : await push.EvaluateAsync(new EventInRoom(stored, next.Local, next.JoinedCount, (type, key) => StateEventAsync(turn, type, key, stop)), stop)
            .ConfigureAwait(false);
        if (outcome.NotifyClass != 0) stored.Notifies(outcome.NotifyClass);

        if (redaction is not null) turn.Write(new EventRedacted(stored));
        if (isWaiting) turn.Write(new RedactionWaits(nid, pdu.Redacts ?? "", options.MaxWaitingRedactions));
        foreach (var unread in outcome.Rows) turn.Write(unread);
        turn.Events.Add(stored);
        turn.Head = next;
        return stored;
    }

    /// <summary>
    /// Takes out of the redacted event what redaction removes. Who may redact what is for the room's rules to say; that nobody redacts the create
    /// event is this server's own policy, for a room is nothing without it.
    /// </summary>
    private async ValueTask<RoomFailure?> RedactAsync(LaneTurn turn, Pdu redaction, StoredEvent target, CancellationToken stop)
    {
        var room = turn.Head.Room;
        var state = await SnapshotAsync(turn, Levels, stop).ConfigureAwait(false);
        if (room.Rules.RefusesRedaction(redaction, target.Pdu, state) is { } refused) return FailureOf(refused);

        if (target.Pdu.Type == "m.room.create")
        {
            return new RoomFailure(RoomFailureKind.Forbidden, "The event that created the room cannot be redacted.");
        }

        if (target.IsRedacted) return null;
        var redacted = room.Rules.Redact(target.Pdu);
        var by = EventNid.Of(room.Nid, turn.Head.LastOrdinal + 1);
        turn.Write(new EventRedacted(new StoredEvent(room, target.Row with { RedactedBy = by, Json = redacted.Canonical }, redacted)));
        return null;
    }

    /// <summary>Whose event it is that is not here nobody knows: only those may redact it who may redact the events of others.</summary>
    private async ValueTask<RoomFailure?> RefusesUnseenAsync(LaneTurn turn, Pdu redaction, CancellationToken stop)
    {
        var state = await SnapshotAsync(turn, Levels, stop).ConfigureAwait(false);
        return turn.Head.Room.Rules.RefusesUnseenRedaction(redaction, state) is { } refused ? FailureOf(refused) : null;
    }

    /// <summary>
    /// The event comes that redactions waited for: the first of them that is valid is applied and shown, and none waits any more. Null if there is
    /// none. Room versions, "Handling redactions".
    /// </summary>
    private async ValueTask<StoredEvent?> EndWaitingAsync(LaneTurn turn, Pdu target, CancellationToken stop)
    {
        var room = turn.Head.Room;
        var waiting = new List<StoredEvent>(
            await events.WaitingRedactionsAsync(room, target.EventId, options.MaxWaitingRedactions, stop).ConfigureAwait(false));
        _ = turn.AnyWaiting(stored =>
        {
            if (!stored.IsShown && stored.Pdu.Redacts == target.EventId && waiting.TrueForAll(known => known.Nid != stored.Nid)) waiting.Add(stored);
            return false;
        });
        if (waiting.Count == 0) return null;

        turn.Write(new RedactionsWaitNoMore(room.Nid, target.EventId));
        var state = await SnapshotAsync(turn, Levels, stop).ConfigureAwait(false);
        if (waiting.OrderBy(stored => stored.Nid.Value).FirstOrDefault(stored => room.Rules.AppliesRedaction(stored.Pdu, target, state)) is not { } first)
        {
            return null;
        }

        turn.Write(new StandingChanged(first.Nid, first.Row.Standing & ~EventStanding.WaitingRedaction));
        return first;
    }

    /// <summary>What says how much power anyone has.</summary>
    internal static IReadOnlyList<StateKey> Levels { get; } = [new("m.room.create", ""), new("m.room.power_levels", "")];

    private async ValueTask<LaneHead> ApplyStateAsync(
        LaneTurn turn, LaneHead next, Pdu pdu, string stateKey, EventNid nid, CancellationToken stop)
    {
        var before = next.State.Find(pdu.Type, stateKey);
        var replaced = before is null ? null : await StateEventAsync(turn, pdu.Type, stateKey, stop).ConfigureAwait(false);
        var entry = StateEntry.Of(pdu.Type, stateKey, pdu.EventId, nid.Ordinal);
        var change = before is null ? StateChange.Added(entry) : StateChange.Replaced(before, entry);
        var step = next.LastStep + 1;
        var since = next.StepsSinceBase + 1;

        var delta = StateStep.Of([change], next.State.IsPartial);
        var parent = next.CurrentStep;
        next = next with { State = next.State.Set(entry), CurrentStep = step, LastStep = step, StepsSinceBase = since };
        var isWhole = StateCheckpoint.IsDue(since, branchesMeet: false);
        var checkpoint = isWhole ? StateCheckpoint.Take(next.State, next.NewestCheckpoint) : null;
        turn.Write(new StateNumbered(next.Room.Nid, step, parent, next.BaseStep, delta) { Checkpoint = checkpoint });
        if (checkpoint is not null)
        {
            next = next with { State = checkpoint.Tree, NewestCheckpoint = checkpoint.Header, BaseStep = step, StepsSinceBase = 0 };
        }

        return pdu.Type == "m.room.member" ? ApplyMembership(turn, next, pdu, stateKey, replaced, nid) : next;
    }

    private LaneHead ApplyMembership(
        LaneTurn turn, LaneHead next, Pdu pdu, string userId, StoredEvent? replaced, EventNid nid)
    {
        if (MembershipOf(pdu) is not { } after) return next;
        Membership? before = replaced is null ? null : MembershipOf(replaced.Pdu);
        var isLocal = RoomNames.ServerOf(userId) == signer.ServerName;

        turn.Write(new MembershipChanged(next.Room.Nid, userId, before, after, nid, isLocal));
        return next with
        {
            JoinedCount = next.JoinedCount + Change(before, after, Membership.Join),
            InvitedCount = next.InvitedCount + Change(before, after, Membership.Invite),
            Local = isLocal ? next.Local.With(userId, after == Membership.Join) : next.Local,
        };
    }

    private static int Change(Membership? before, Membership after, Membership counted) =>
        (after == counted ? 1 : 0) - (before == counted ? 1 : 0);

    /// <summary>The membership that a member event gives; null if it gives none that is known.</summary>
    internal static Membership? MembershipOf(Pdu pdu) => pdu.Content.Text("membership") switch
    {
        "join" => Membership.Join,
        "invite" => Membership.Invite,
        "knock" => Membership.Knock,
        "leave" => Membership.Leave,
        "ban" => Membership.Ban,
        _ => null,
    };

    /// <summary>The thread that a relation puts its event into: the thread itself, or that of the event related to.</summary>
    private async ValueTask<EventNid> ThreadRootAsync(LaneTurn turn, Relation? relation, CancellationToken stop)
    {
        if (relation is null) return EventNid.None;
        var parent = turn.Undurable(relation.ParentId)
            ?? await events.ByIdAsync(turn.Head.Room, relation.ParentId, stop).ConfigureAwait(false);
        if (parent is null) return EventNid.None;
        return relation.RelType == "m.thread" ? parent.Nid : parent.Row.ThreadRoot;
    }

    private static RoomFailure FailureOf(Refusal refusal) => new(
        refusal.Kind switch
        {
            RefusalKind.Size => RoomFailureKind.TooLarge,
            RefusalKind.Form => RoomFailureKind.BadJson,
            _ => RoomFailureKind.Forbidden,
        },
        refusal.Reason);
}
