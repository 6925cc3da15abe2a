using System.Security.Cryptography;
using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Ident;
using Matrix.Core.Room;
using Matrix.Core.Room.Incoming.Graph;
using Matrix.Host.Crypto;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.State;

namespace Matrix.Host.Rooms.Sending;

/// <summary>
/// Makes an event of a draft in the room's lane, on the extremities and the state of the room's machine: selects its
/// auth events, hashes, signs and decides it. The machine then adopts the event. The session writes the changes when
/// it is submitted.
/// </summary>
internal sealed class EventAppender
{
    private static readonly Func<byte[], byte[], byte[], bool> _verify =
        static (key, message, signature) => Ed25519.Verify(key, message, signature);

    private readonly EventStore _events;
    private readonly ServerSigner _signer;
    private readonly TimeProvider _time;
    private readonly Redactions _redactions;

    internal EventAppender(
        EventStore events,
        AuthChainWriter authChains,
        ServerSigner signer,
        IPushEvaluation push,
        IStateTable states,
        RoomsOptions options,
        TimeProvider time)
    {
        _events = events;
        _signer = signer;
        _time = time;
        State = new LaneState(events);
        _redactions = new Redactions(events, State, options);
        Writer = new DecisionWriter(
            events,
            State,
            _redactions,
            authChains,
            push,
            new HiddenMembers(State),
            new NearSteps(states),
            options);
    }

    /// <summary>The state that events are built on.</summary>
    internal LaneState State { get; }

    /// <summary>Writes the changes that decisions lead to.</summary>
    internal DecisionWriter Writer { get; }

    /// <summary>Appends a draft. If it is refused, nothing has changed.</summary>
    /// <param name="session">The session in the room's lane.</param>
    /// <param name="draft">The draft.</param>
    /// <param name="sentAs">The device and transaction id of the request; null if the server makes the event.</param>
    /// <param name="timestamp">Milliseconds since the epoch; null for now.</param>
    internal async ValueTask<RoomResult<StoredEvent>> AppendAsync(
        LaneSession session, Draft draft, SentAs? sentAs, long? timestamp, CancellationToken stop)
    {
        var made = await TryAppendAsync(session, draft, sentAs, timestamp, stop);

        // Users who never were in the room get the failure of a room that does not exist, whatever the reason.
        return !made.IsOk
            && session.Pending.Exists
            && session.Pending.State.Find(EventTypes.Member, draft.Sender) is null
            ? RoomFailure.Unknown
            : made;
    }

    private async ValueTask<RoomResult<StoredEvent>> TryAppendAsync(
        LaneSession session, Draft draft, SentAs? sentAs, long? timestamp, CancellationToken stop)
    {
        if (draft is { Type: EventTypes.Member, StateKey: { } userId } && !UserId.IsValid(userId))
        {
            return new RoomFailure(RoomFailureKind.InvalidParam, "The state key of a member event must be a user id.");
        }

        var prepared = await PrepareAsync(session, stop);
        var made = await DecideAsync(session, prepared, draft, timestamp, stop);
        if (!made.IsOk) return made.Failure;

        var pdu = made.Value;
        var redaction = default(RedactionOutcome);
        if (pdu.Redacts is { } targetId)
        {
            redaction = await _redactions.OfAsync(session, pdu, targetId, stop);
            if (redaction.Failure is { } refused) return refused;
        }

        var auth = session.Pending.Room.Rules.Prepare(pdu);
        var adoption = session.Machine.Adopt(prepared, auth, -1);
        while (adoption.Refusal is AdoptionRefusal.NeedsLookUps or AdoptionRefusal.Resolving)
        {
            if (adoption.Refusal == AdoptionRefusal.NeedsLookUps)
            {
                await session.SupplyAsync(adoption.LookUps, stop);
            }
            else
            {
                await session.ResolveAsync(stop);
            }

            adoption = session.Machine.Adopt(prepared, auth, -1);
        }

        if (adoption.Decided is not { } decided)
        {
            throw new InvalidOperationException(
                $"The machine of room {session.Pending.Room.RoomId} refused an event made on it: {adoption.Refusal}.");
        }

        session.Adopted(decided);
        if (redaction.Change is { } change) session.Write(change);
        return await Writer.WriteAsync(
            session,
            decided,
            sentAs,
            redaction.IsWaiting ? EventMarks.WaitingRedaction : EventMarks.None,
            stop);
    }

    /// <summary>Why the draft would be refused now; null if it would be allowed.</summary>
    internal async ValueTask<RoomFailure?> WouldRefuseAsync(LaneSession session, Draft draft, CancellationToken stop)
    {
        var prepared = await PrepareAsync(session, stop);
        return (await DecideAsync(session, prepared, draft, null, stop)).Failure;
    }

    /// <summary>Makes an event of a draft and decides it, without adding it to the room.</summary>
    internal async ValueTask<RoomResult<Pdu>> DecideAsync(
        LaneSession session, Prepared prepared, Draft draft, long? timestamp, CancellationToken stop)
    {
        var room = session.Pending.Room;
        var rules = room.Rules;
        var keys = rules.AuthKeys(draft);
        var state = await State.SnapshotAsync(session, prepared.StateBefore!, keys, stop);
        var nameable = state.Nameable;
        var authEvents = AuthEventsOf(nameable, rules.AuthEventsIncludeCreate);
        var moment = timestamp ?? _time.GetUtcNow().ToUnixTimeMilliseconds();
        var outcome = rules.AssignsIds
            ? rules.ComposeNamed(
                room.RoomId,
                draft,
                OpaqueIds.New(),
                _signer.ServerName,
                await EventsAsync(session, prepared.PreviousEvents, stop),
                authEvents,
                prepared.GreatestDepth,
                moment)
            : rules.Compose(
                room.RoomId,
                draft,
                prepared.PreviousIds,
                Array.ConvertAll(authEvents, pdu => pdu.EventId),
                prepared.GreatestDepth,
                moment);
        if (outcome.Refusal is { } malformed) return RoomFailure.Of(malformed);

        using var unsigned = outcome.Value;
        var signature = _signer.Sign(unsigned.BytesToSign.Span);
        var signed = rules.Sign(unsigned, signature.Entity, signature.KeyId, signature.Bytes);
        if (signed.Refusal is { } tooLarge) return RoomFailure.Of(tooLarge);
        if (rules.Decide(signed.Value, authEvents, nameable, state, _signer.ServerName, _verify) is { } refused)
        {
            return RoomFailure.Of(refused);
        }

        if (ReferenceEquals(prepared.StateBefore, prepared.CurrentState)) return signed.Value;

        // More extremities than an event may name: the current state has to allow it too, or others soft-fail it.
        var current = await State.SnapshotAsync(session, prepared.CurrentState, keys, stop);
        return rules.Decide(signed.Value, authEvents, nameable, current, _signer.ServerName, _verify) is { } refusedNow
            ? RoomFailure.Of(refusedNow)
            : signed.Value;
    }

    /// <summary>The previous events, depth and state of the next event.</summary>
    internal static async ValueTask<Prepared> PrepareAsync(LaneSession session, CancellationToken stop)
    {
        var prepared = session.Machine.Prepare();
        while (prepared.NeedsResolution)
        {
            prepared = session.Machine.Resolve();
            if (prepared.LookUps.IsEmpty) break;
            await session.SupplyAsync(prepared.LookUps, stop);
        }

        return prepared;
    }

    /// <summary>The previous events. An event of room version 1 or 2 contains their hashes.</summary>
    private async ValueTask<Pdu[]> EventsAsync(
        LaneSession session, IReadOnlyList<ForwardExtremity> named, CancellationToken stop)
    {
        var found = new Pdu[named.Count];
        for (var i = 0; i < found.Length; i++)
        {
            var stored = session.Undurable(named[i].Ordinal)
                ?? await _events.GetAsync(
                    session.Pending.Room,
                    EventNid.Of(session.Pending.Room.Nid, named[i].Ordinal),
                    stop)
                ?? throw new InvalidDataException(
                    $"Room {session.Pending.Room.RoomId} lacks its extremity {named[i].EventId}.");
            found[i] = stored.Pdu;
        }

        return found;
    }

    private static Pdu[] AuthEventsOf(AuthSnapshot state, bool authEventsIncludeCreate)
    {
        var authEvents = new Pdu[state.Events.Count];
        var count = 0;
        foreach (var auth in state.Events)
        {
            if (authEventsIncludeCreate || auth.Pdu.Type != EventTypes.Create) authEvents[count++] = auth.Pdu;
        }

        return count == authEvents.Length ? authEvents : authEvents[..count];
    }
}

/// <summary>The random part of room ids and event ids, in versions where the server chooses them.</summary>
internal static class OpaqueIds
{
    /// <summary>Over 100 random bits: two ids are never equal.</summary>
    private const int Length = 18;

    internal static string New() =>
        RandomNumberGenerator.GetString("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", Length);
}
