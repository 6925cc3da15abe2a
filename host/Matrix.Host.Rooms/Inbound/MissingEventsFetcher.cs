using System.Collections.Concurrent;
using Matrix.Core.Event;
using Matrix.Core.Room.Incoming;
using Matrix.Core.Room.Incoming.Protocol;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Network.FederationClient.Operations;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Storage;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Rooms.Inbound;

/// <summary>What rooms' machines are given from outside of their lanes.</summary>
internal interface IMachineInputs
{
    /// <summary>
    /// Gives a machine the response to one of its requests, a resolution or the time, if it is still the room's. False
    /// if the room is busy.
    /// </summary>
    ValueTask<bool> ReceiveAsync(RoomIdentity room, RoomMachine machine, Input input, CancellationToken stop);

    /// <summary>
    /// Lets a machine decide what an earlier call has left. False if the room is busy.
    /// </summary>
    /// <param name="room">The room.</param>
    /// <param name="machine">The machine.</param>
    /// <param name="begin">Called in the lane, before the machine decides.</param>
    /// <param name="stop">Cancels it.</param>
    ValueTask<bool> ContinueAsync(RoomIdentity room, RoomMachine machine, Action begin, CancellationToken stop);
}

/// <summary>
/// Carries out the open requests of rooms' machines, outside the lanes: requests to other servers (missing events, auth
/// chains, states, keys), resolutions of large states, and pauses. A result enters its room's lane; if the lane is
/// busy, or the storage fails, the result is kept and tried again.
/// </summary>
public sealed partial class MissingEventsFetcher : BackgroundService
{
    /// <summary>The events whose signatures are checked at once for one response.</summary>
    private const int ChecksAtOnce = 32;

    private readonly OpenRequests _requests;
    private readonly IMachineInputs _inputs;
    private readonly FederationOperations _api;
    private readonly FetchSlots _slots;
    private readonly SignatureChecker _signatures;
    private readonly RoomResolutions _resolutions;
    private readonly RepeatedTasks _tasks;
    private readonly RoomsOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<MissingEventsFetcher> _log;

    /// <summary>The next alarm of each room's machine.</summary>
    private readonly Dictionary<RoomNid, Alarm> _alarms = [];

    /// <summary>The machines for which a further session waits for the lane.</summary>
    private readonly ConcurrentDictionary<RoomNid, RoomMachine> _continued = new();

    internal MissingEventsFetcher(
        OpenRequests requests,
        IMachineInputs inputs,
        FederationOperations api,
        FetchSlots slots,
        SignatureChecker signatures,
        RoomResolutions resolutions,
        RepeatedTasks tasks,
        RoomsOptions options,
        TimeProvider time,
        ILogger<MissingEventsFetcher> log)
    {
        _requests = requests;
        _inputs = inputs;
        _api = api;
        _slots = slots;
        _signatures = signatures;
        _resolutions = resolutions;
        _tasks = tasks;
        _options = options;
        _time = time;
        _log = log;
    }

    private ReceivingOptions Limits => _options.Receiving;

    /// <summary>Starts each request as the lanes add it.</summary>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await foreach (var requested in _requests.ReadAllAsync(stoppingToken))
        {
            try
            {
                Start(requested);
            }
#pragma warning disable CA1031 // What one room asks for must not end the requests of all rooms.
            catch (Exception fault)
#pragma warning restore CA1031
            {
                NotStarted(fault, requested.Room.RoomId);
            }
        }
    }

    private void Start(RequestedByMachine requested)
    {
        var (room, machine, output, staged) = requested;
        foreach (var request in output.Requests)
        {
            var isStaged = staged.TryGetValue(request.Number, out var pdu);
            Start(room, machine, request, isStaged ? pdu : default(ReadOnlyMemory<byte>?));
        }

        if (output.HasMore) Continue(room, machine);
        if (output.RetryAt > 0) WakeAt(room, machine, output.RetryAt);
        if (output.Resolve is not { } resolution || !_resolutions.TryTake(resolution)) return;
        _tasks.Run(room, async stop =>
        {
            await _resolutions.RunAsync(room, resolution).WaitAsync(stop);
            return await _inputs.ReceiveAsync(room, machine, Input.NewResolved(resolution), stop);
        });
    }

    private void Start(RoomIdentity room, RoomMachine machine, PeerRequest request, ReadOnlyMemory<byte>? staged)
    {
        Response? response = null;
        _tasks.Run(room, async stop =>
        {
            response ??= request.Request.IsKeys
                ? await KeysAsync(room, request, staged, stop)
                : await ResponseAsync(room, request, stop);
            return await _inputs.ReceiveAsync(room, machine, Input.NewResponded(request.Number, response), stop);
        });
    }

    /// <summary>
    /// Begins a further session for a room's machine that has more to decide: a task of its own, so that requests of
    /// local users have their turn before. Until it has the lane there is no second one, however often the machine says
    /// so meanwhile.
    /// </summary>
    private void Continue(RoomIdentity room, RoomMachine machine)
    {
        if (_continued.TryGetValue(room.Nid, out var known) && ReferenceEquals(known, machine)) return;
        _continued[room.Nid] = machine;
        var began = KeyValuePair.Create(room.Nid, machine);
        _tasks.Run(room, stop => _inputs.ContinueAsync(room, machine, () => _continued.TryRemove(began), stop));
    }

    /// <summary>
    /// Wakes a room's machine at a given time. A machine has one alarm: the earliest. It ends a later one, so that
    /// these do not add up: some are a day away.
    /// </summary>
    private void WakeAt(RoomIdentity room, RoomMachine machine, long at)
    {
        var alarm = new Alarm(machine, at);
        lock (_alarms)
        {
            if (_alarms.TryGetValue(room.Nid, out var known))
            {
                if (ReferenceEquals(known.Machine, machine) && known.At <= at) return;
                known.Replaced.TrySetResult();
            }

            _alarms[room.Nid] = alarm;
        }

        _tasks.Run(room, async stop =>
        {
            var pause = DateTimeOffset.FromUnixTimeMilliseconds(at) - _time.GetUtcNow();
            if (pause > TimeSpan.Zero && await IsReplacedAsync(alarm, pause, stop)) return true;
            lock (_alarms)
            {
                if (_alarms.TryGetValue(room.Nid, out var latest) && latest == alarm) _alarms.Remove(room.Nid);
            }

            var now = Input.NewAt(_time.GetUtcNow().ToUnixTimeMilliseconds());
            return await _inputs.ReceiveAsync(room, machine, now, stop);
        });
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "What room {RoomId} asked for was not begun")]
    private partial void NotStarted(Exception fault, string roomId);

    private async ValueTask<Response> ResponseAsync(RoomIdentity room, PeerRequest request, CancellationToken stop)
    {
        var peer = request.Peer;
        switch (request.Request)
        {
            case Request.Events { eventIds: var ids } when request.IsOfState && ids.Length > Limits.BulkState:
                return await WholeStateAsync(room, peer, request.For, ids, stop);
            case Request.Events events:
                return await SingleAsync(room, peer, events.eventIds, stop);
            case Request.AuthChain chain:
                var auth = await _slots.RequestAsync(
                    peer, s => _api.GetEventAuthAsync(peer, room.RoomId, chain.eventId, s), isLarge: true, stop);
                return await EventsAsync(room, peer, auth, Limits.AuthChain, stop);
            case Request.Missing missing:
                var gap = new HistoryGap(missing.earliest, [missing.latest], missing.limit, 0);
                var between = await _slots.RequestAsync(
                    peer, s => _api.GetMissingEventsAsync(peer, room.RoomId, gap, s), isLarge: false, stop);
                return await EventsAsync(room, peer, between, missing.limit, stop);
            case Request.StateBefore state:
                var found = await _slots.RequestAsync(
                    peer, s => _api.GetStateIdsAsync(peer, room.RoomId, state.eventId, s), isLarge: true, stop);
                return found switch
                {
                    { Value: { } ids } => Response.NewState([.. ids.State], [.. ids.AuthChain]),
                    { IsReached: true } => Response.Nothing,
                    _ => NotNow(peer),
                };
            default:
                return Response.Nothing;
        }
    }

    /// <summary>
    /// Checks the signatures of a staged event again. The fetches of keys have pauses of their own; a machine asks for
    /// keys only if the event came when they could not be fetched.
    /// </summary>
    private async ValueTask<Response> KeysAsync(
        RoomIdentity room, PeerRequest request, ReadOnlyMemory<byte>? staged, CancellationToken stop)
    {
        if (staged is not { } json || !room.Rules.ReadHistory(json).IsOk) return Response.Nothing;

        // Repeated attempts are bounded for each room, whoever sent the events.
        var received = await _signatures.CheckAsync(
            room.Rules, room.Rules.ReadHistory(json).Value, stop, sentBy: room.RoomId);
        return Array.Exists(
            received.Signatures,
            each => each.Signature.Entity == request.Peer && each.Fate != SignatureFate.Skipped)
                ? Response.NewSignatures(received.Signatures)
                : Response.NewNotNow([], _time.GetUtcNow().ToUnixTimeMilliseconds());
    }

    /// <summary>
    /// These events, one by one: some side by side. If the server is not reached for one of them, the others are not
    /// asked for either.
    /// </summary>
    private async ValueTask<Response> SingleAsync(
        RoomIdentity room, string peer, string[] ids, CancellationToken stop)
    {
        var found = new ReadOnlyMemory<byte>[ids.Length];
        var isReached = true;
        var side = new ParallelOptions { MaxDegreeOfParallelism = Limits.FetchesOfServer, CancellationToken = stop };
        await Parallel.ForAsync(0, ids.Length, side, async (at, stopped) =>
        {
            if (!Volatile.Read(ref isReached)) return;
            var one = await _slots.RequestAsync(peer, s => EventAsync(peer, ids[at], s), isLarge: false, stopped);
            if (!one.IsReached) Volatile.Write(ref isReached, false);
            else if (one.Value is [var json]) found[at] = json;
        });

        var events = await ReadAsync(room, peer, [.. found.Where(json => !json.IsEmpty)], ids.Length, stop);
        return isReached ? Response.NewEvents(events) : Response.NewNotNow(events, _slots.MayRequestAt(peer));
    }

    private async ValueTask<FederationResult<IReadOnlyList<ReadOnlyMemory<byte>>>> EventAsync(
        string peer, string eventId, CancellationToken stop)
    {
        var sent = await _api.GetEventAsync(peer, eventId, stop);
        return sent.Then(static json => FederationResult.Of<IReadOnlyList<ReadOnlyMemory<byte>>>([json]));
    }

    /// <summary>Many events of the state before an event, in one response.</summary>
    private async ValueTask<Response> WholeStateAsync(
        RoomIdentity room, string peer, string eventId, string[] ids, CancellationToken stop)
    {
        var state = await _slots.RequestAsync(
            peer, s => _api.GetStateAsync(peer, room.RoomId, eventId, s), isLarge: true, stop);
        if (!state.IsReached) return NotNow(peer);

        // Not one by one: they may be thousands, and another server has the state.
        if (state.Value is not { } whole) return Response.Nothing;

        var wanted = ids.ToHashSet();
        var events = await ReadAsync(room, peer, [.. whole.State, .. whole.AuthChain], 2 * Limits.State, stop, wanted);
        return Response.NewEvents(events);
    }

    private async ValueTask<Response> EventsAsync(
        RoomIdentity room,
        string peer,
        Fetched<IReadOnlyList<ReadOnlyMemory<byte>>> fetched,
        int most,
        CancellationToken stop) => fetched switch
        {
            { Value: { } events } =>
                Response.NewEvents(await ReadAsync(room, peer, events, most, stop)),
            { IsReached: true } => Response.Nothing,
            _ => NotNow(peer),
        };

    private Response NotNow(string peer) => Response.NewNotNow([], _slots.MayRequestAt(peer));

    /// <summary>
    /// The well-formed events of a response, with their signatures checked. The response is cut before: no event beyond
    /// the bounds costs a signature or a key.
    /// </summary>
    /// <param name="most">The most events.</param>
    /// <param name="wanted">The ids of the events; null for all.</param>
    private async ValueTask<ReceivedEvent[]> ReadAsync(
        RoomIdentity room,
        string peer,
        IReadOnlyList<ReadOnlyMemory<byte>> events,
        int most,
        CancellationToken stop,
        HashSet<string>? wanted = null)
    {
        var read = new List<ReceivedPdu>();
        var bytes = 0L;
        foreach (var json in events.Take(most))
        {
            var one = room.Rules.ReadReceived(json);
            if (!one.IsOk) continue;
            if (wanted?.Remove(one.Value.EventId) == false) continue;
            bytes += json.Length;
            if (bytes > Limits.StagedBytes) break;
            read.Add(one.Value);
        }

        var found = new ReceivedEvent[read.Count];
        var side = new ParallelOptions { MaxDegreeOfParallelism = ChecksAtOnce, CancellationToken = stop };
        await Parallel.ForAsync(0, read.Count, side, async (at, stopped) =>
            found[at] = await _signatures.CheckAsync(room.Rules, read[at], stopped, peer));
        return found;
    }

    /// <summary>Waits for the time of an alarm. True if another one replaced it meanwhile.</summary>
    private async ValueTask<bool> IsReplacedAsync(Alarm alarm, TimeSpan pause, CancellationToken stop)
    {
        try
        {
            await alarm.Replaced.Task.WaitAsync(pause, _time, stop);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    /// <summary>When a machine needs the time.</summary>
    private sealed class Alarm(RoomMachine machine, long at)
    {
        public RoomMachine Machine => machine;

        public long At => at;

        /// <summary>Completed once another alarm takes its place.</summary>
        public TaskCompletionSource Replaced { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
