using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Room.Incoming.Protocol;
using Matrix.Host.Network.FederationClient.Operations;
using Matrix.Host.Network.Keys;
using Matrix.Host.Rooms.Inbound;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Rooms.Joining;

/// <summary>A room at a join through another server, with everything checked that needs no decision.</summary>
/// <param name="Join">The join, with the resident server's signature if it returned one.</param>
/// <param name="Events">The events of the state and the auth chain, by id, with the auth events of each.</param>
/// <param name="StateIds">The ids of the state before the join.</param>
/// <param name="ChainIds">The ids of the auth chain.</param>
internal sealed record CheckedRoom(
    ReceivedEvent Join,
    IReadOnlyDictionary<string, ReceivedEvent> Events,
    IReadOnlyList<string> StateIds,
    IReadOnlyList<string> ChainIds);

/// <summary>The well-formed events of a response to `send_join`.</summary>
/// <param name="Returned">The number of events that were returned.</param>
internal sealed record ReadRoom(IReadOnlyList<ReceivedPdu> State, IReadOnlyList<ReceivedPdu> AuthChain, int Returned)
{
    /// <summary>All events, each once.</summary>
    internal IReadOnlyList<ReceivedPdu> Events { get; } =
        [.. State.Concat(AuthChain).DistinctBy(pdu => pdu.EventId)];
}

/// <summary>
/// Checks the response to `send_join`, outside the room's lane, in steps of which only some need other servers. Events
/// that are malformed, of another room, or not validly signed are dropped, and with them those whose auth events are
/// not all in the response. v1.19 server-server-api#joining-rooms,
/// v1.19 server-server-api#checks-performed-on-receipt-of-a-pdu
/// </summary>
internal sealed partial class JoinedRoomChecker(
    SignatureChecker signatures,
    IServerKeys keys,
    ServerSigner signer,
    FederationOperations api,
    RoomsOptions options,
    TimeProvider time,
    ILogger<JoinedRoomChecker> log)
{
    /// <summary>Reads a response. Needs no other server.</summary>
    /// <param name="peer">The resident server.</param>
    /// <param name="rules">The rules of the version that `make_join` returned.</param>
    internal async ValueTask<RoomResult<ReadRoom>> ReadAsync(
        string peer, RoomRules rules, string roomId, JoinedRoom response, CancellationToken stop)
    {
        var count = response.State.Count + response.AuthChain.Count;
        if (count > options.JoinEvents)
        {
            return RemoteFailures.Unusable(
                peer, $"the room's state and auth chain have {count} events, more than {options.JoinEvents}");
        }

        if (response.MembersOmitted) return RemoteFailures.Unusable(peer, "the state lacks members");
        var state = await ReadAsync(rules, roomId, response.State, stop);
        var chain = await ReadAsync(rules, roomId, response.AuthChain, stop);
        return new ReadRoom(state, chain, count);
    }

    /// <summary>
    /// Asks the senders' servers, once for each event, for the events whose content hash is wrong: they may have been
    /// damaged on their way, or by the resident server. Those that it does not get stay in their redacted form.
    /// </summary>
    /// <param name="peer">The resident server. It is not asked for its own users' events: it returned them so.</param>
    internal async ValueTask<ReadRoom> MendAsync(
        string peer, RoomRules rules, ReadRoom room, CancellationToken stop)
    {
        ReceivedPdu[] damaged = [.. room.Events
            .Where(pdu => !pdu.HashHolds && RoomNames.ServerOf(pdu.Sender) is var server
                && server != peer && server != signer.ServerName)
            .Take(options.MendedJoinEvents)];
        if (damaged.Length == 0) return room;
        using var clock = new CancellationTokenSource(options.JoinKeyTime, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(stop, clock.Token);
        var mended = await Task.WhenAll(damaged.Select(async pdu =>
        {
            try
            {
                var sent = await api.GetEventAsync(RoomNames.ServerOf(pdu.Sender), pdu.EventId, both.Token);
                var read = sent.IsOk ? rules.ReadReceived(sent.Value) : null;
                return read is { IsOk: true, Value: var copy }
                    && copy.EventId == pdu.EventId
                    && copy.RoomId == pdu.RoomId
                    && copy.HashHolds
                    && copy.SignedBytes.Span.SequenceEqual(pdu.SignedBytes.Span)
                        ? copy
                        : null;
            }
            catch (OperationCanceledException) when (!stop.IsCancellationRequested)
            {
                return null;
            }
        }));
        var whole = mended.OfType<ReceivedPdu>().ToDictionary(pdu => pdu.EventId);
        return new ReadRoom(
            [.. room.State.Select(pdu => whole.GetValueOrDefault(pdu.EventId, pdu))],
            [.. room.AuthChain.Select(pdu => whole.GetValueOrDefault(pdu.EventId, pdu))],
            room.Returned);
    }

    /// <summary>
    /// Checks the events that were read, with the keys that are known: those of servers without any are dropped.
    /// </summary>
    /// <param name="withoutKeys">The servers without keys, by <see cref="FetchKeysAsync"/>.</param>
    internal async ValueTask<RoomResult<CheckedRoom>> CheckAsync(
        string peer,
        RoomRules rules,
        ReceivedEvent join,
        ReadRoom room,
        IReadOnlySet<string> withoutKeys,
        CancellationToken stop)
    {
        var signed = await SignedAsync(rules, room.Events, withoutKeys, stop);
        var events = Complete(signed);
        var stateIds = Known(room.State, events);
        if (Fault(rules, join.Pdu, events, stateIds) is { } fault) return RemoteFailures.Unusable(peer, fault);

        var malformed = room.Returned - room.State.Count - room.AuthChain.Count;
        var dropped = room.Events.Count - events.Count + malformed;
        if (dropped > 0) Dropped(dropped, peer, join.Pdu.RoomId);
        return new CheckedRoom(join, events, stateIds, Known(room.AuthChain, events));
    }

    /// <summary>
    /// The join with its checked signatures: as the resident server returned it, if that is the same event. A failure
    /// if the authorising user's server has not signed it.
    /// </summary>
    internal async ValueTask<RoomResult<ReceivedEvent>> JoinAsync(
        string peer, RoomRules rules, Pdu join, ReadOnlyMemory<byte>? returned, CancellationToken stop)
    {
        var own = rules.ReadReceived(join.Canonical).Value;
        var read = returned is { } bytes ? rules.ReadReceived(bytes) : null;
        var taken = read is { IsOk: true }
            && read.Value.EventId == own.EventId
            && read.Value.HashHolds
            && read.Value.SignedBytes.Span.SequenceEqual(own.SignedBytes.Span)
            && Array.Exists(read.Value.Signatures, each => IsOwn(each, own))
                ? read.Value
                : own;
        var found = await signatures.CheckAsync(rules, taken, stop);
        var received = ReceivedEvent.OfPdu(
            taken,
            Array.ConvertAll(
                found.Signatures,
                each => IsOwn(each.Signature, own)
                    ? new CheckedSignature(each.Signature, SignatureFate.Valid)
                    : each));
        var authorising = received.AuthorisingServer;
        return authorising.Length == 0 || received.IsSignedBy(authorising)
            ? received
            : RemoteFailures.Unusable(peer, $"the join is not signed by {authorising}, which allows it");
    }

    private bool IsOwn(Signature signature, ReceivedPdu join) => signer.HasMade(signature, join.SignedBytes.Span);

    /// <summary>The well-formed events of this room, read on several threads.</summary>
    private static async ValueTask<IReadOnlyList<ReceivedPdu>> ReadAsync(
        RoomRules rules, string roomId, IReadOnlyList<ReadOnlyMemory<byte>> events, CancellationToken stop)
    {
        var read = new ReceivedPdu?[events.Count];
        await Parallel.ForAsync(0, events.Count, stop, (at, _) =>
        {
            var outcome = rules.ReadReceived(events[at]);
            if (outcome.IsOk && outcome.Value.RoomId == roomId) read[at] = outcome.Value;
            return ValueTask.CompletedTask;
        });
        return [.. read.OfType<ReceivedPdu>()];
    }

    /// <summary>The events with all required signatures, by id.</summary>
    private async ValueTask<Dictionary<string, ReceivedEvent>> SignedAsync(
        RoomRules rules,
        IReadOnlyList<ReceivedPdu> distinct,
        IReadOnlySet<string> withoutKeys,
        CancellationToken stop)
    {
        var found = new ReceivedEvent?[distinct.Count];
        var kept = new FoundKeys();
        await Parallel.ForAsync(0, distinct.Count, stop, async (at, stopped) =>
        {
            var required = distinct[at].RequiredSigners;
            if (withoutKeys.Count > 0 && Array.Exists(required, withoutKeys.Contains)) return;
            var received = await signatures.CheckAsync(rules, distinct[at], stopped, found: kept);
            foreach (var server in required)
            {
                if (!received.IsSignedBy(server)) return;
            }

            found[at] = received;
        });
        return found.OfType<ReceivedEvent>().ToDictionary(received => received.Pdu.EventId);
    }

    /// <summary>
    /// Fetches the keys of all signers side by side, and returns the servers without any: their events need not be
    /// checked one by one.
    /// </summary>
    internal async ValueTask<IReadOnlySet<string>> FetchKeysAsync(
        RoomRules rules, ReadRoom room, CancellationToken stop)
    {
        var signers = new Dictionary<string, Signer>();
        foreach (var pdu in room.Events)
        {
            var required = pdu.RequiredSigners;
            var authorising = pdu.AuthorisingServer;
            foreach (var signature in pdu.Signatures)
            {
                var server = signature.Entity;
                if (server != authorising && Array.IndexOf(required, server) < 0) continue;
                if (!signers.TryGetValue(server, out var of)) signers.Add(server, of = new Signer());
                of.Signed(signature.KeyId, pdu.OriginServerTs);
            }
        }

        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        var use = SignatureChecker.UseOf(rules);

        // Large rooms have many servers that are gone.
        using var clock = new CancellationTokenSource(options.JoinKeyTime, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(stop, clock.Token);
        var without = await Task.WhenAll(signers.Select(async of =>
        {
            var (server, signer) = of;
            var ids = signer.KeyIds;
            try
            {
                var latest = await keys.FindAsync(server, ids, Math.Min(signer.Last, now), use, both.Token);
                if (latest.Count > 0) return null;
                var earliest = await keys.FindAsync(server, ids, signer.First, use, both.Token);
                return earliest.Count > 0 ? null : server;
            }
            catch (OperationCanceledException) when (!stop.IsCancellationRequested)
            {
                return server;
            }
        }));
        return without.OfType<string>().ToHashSet();
    }

    /// <summary>A server that signed events: by which keys, and the times of the first and last of them.</summary>
    private sealed class Signer
    {
        internal HashSet<string> KeyIds { get; } = [];

        internal long First { get; private set; } = long.MaxValue;

        internal long Last { get; private set; } = long.MinValue;

        internal void Signed(string keyId, long time)
        {
            KeyIds.Add(keyId);
            First = Math.Min(First, time);
            Last = Math.Max(Last, time);
        }
    }

    /// <summary>
    /// Those of the events whose whole auth chain is among them. An event that is in its own auth chain is not.
    /// </summary>
    private static Dictionary<string, ReceivedEvent> Complete(Dictionary<string, ReceivedEvent> events)
    {
        var missing = events.ToDictionary(each => each.Key, each => each.Value.Pdu.AuthEvents.Length);
        var naming = new Dictionary<string, List<string>>();
        foreach (var (id, received) in events)
        {
            foreach (var auth in received.Pdu.AuthEvents)
            {
                if (!naming.TryGetValue(auth, out var by)) naming.Add(auth, by = []);
                by.Add(id);
            }
        }

        var complete = new Dictionary<string, ReceivedEvent>(events.Count);
        var ready = new Queue<string>(missing.Where(each => each.Value == 0).Select(each => each.Key));
        while (ready.TryDequeue(out var id))
        {
            complete.Add(id, events[id]);
            foreach (var by in naming.GetValueOrDefault(id) ?? [])
            {
                if (--missing[by] == 0) ready.Enqueue(by);
            }
        }

        return complete;
    }

    private static string[] Known(IReadOnlyList<ReceivedPdu> among, Dictionary<string, ReceivedEvent> events) =>
        [.. among.Select(pdu => pdu.EventId).Where(events.ContainsKey).Distinct()];

    /// <summary>Why the response is no room of this version that the join can enter; null if it is one.</summary>
    private static string? Fault(
        RoomRules rules, Pdu join, Dictionary<string, ReceivedEvent> events, IReadOnlyList<string> stateIds)
    {
        var keys = new HashSet<(string, string)>();
        Pdu? create = null;
        foreach (var id in stateIds)
        {
            var pdu = events[id].Pdu;
            if (pdu.StateKey is not { } key) return $"{id} is in the state, and is no state event";
            if (!keys.Add((pdu.Type, key))) return $"the state has two events of the type {pdu.Type} and the same key";
            if (pdu.Type == EventTypes.Create && key.Length == 0) create = pdu;
        }

        if (create is null) return "the state has no valid create event";
        if ((create.Content.Text("room_version") ?? "1") != rules.Id)
        {
            return $"the create event does not have the room version {rules.Id}";
        }

        return join.AuthEvents.FirstOrDefault(id => !events.ContainsKey(id)) is { } missing
            ? $"{missing}, an auth event of the join, is missing or not valid"
            : null;
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Dropped {Count} events that {Server} returned for a join of {RoomId}: they are malformed, of "
            + "another room, not validly signed, or lack auth events")]
    private partial void Dropped(int count, string server, string roomId);
}
