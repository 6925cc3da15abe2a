using System.Collections.Concurrent;
using Matrix.Core.Event;
using Matrix.Core.Room.Incoming;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Network.FederationClient.Operations;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Storage;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Rooms.Inbound;

/// <summary>
/// Carries out what room machines wait for, outside the lanes: requests to other servers (missing events, auth chains,
/// states, keys), resolutions of large states, and pauses. A result re-enters its room's lane; if the lane is busy, or
/// the storage fails, the result is kept and tried again.
/// </summary>
internal sealed partial class MissingEventsFetcher(
    FederationApi api,
    FetchSlots slots,
    SignatureChecker signatures,
    RoomResolutions resolutions,
    RoomsOptions options,
    TimeProvider time,
    ILogger<MissingEventsFetcher> log) : IDisposable
{
    /// <summary>The events whose signatures are checked at once for one response.</summary>
    private const int ChecksAtOnce = 32;

    private static readonly TimeSpan _firstPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan _longestPause = TimeSpan.FromSeconds(30);

    private readonly CancellationTokenSource _closing = new();

    /// <summary>The next alarm of each room's machine.</summary>
    private readonly Dictionary<RoomNid, Alarm> _alarms = [];

    /// <summary>The machines for which a further session waits for the lane.</summary>
    private readonly ConcurrentDictionary<RoomNid, RoomMachine> _goingOn = new();

    private ReceivingOptions Limits => options.Receiving;

    /// <summary>
    /// Gives a room's machine what it waited for. False if the room is busy. Set once, by the receiver of events.
    /// </summary>
    internal Func<RoomIdentity, RoomMachine, Input, CancellationToken, ValueTask<bool>>? Ended { get; set; }

    /// <summary>
    /// Lets a room's machine decide what it has left. Calls <see cref="HasGoneOn"/> in the lane. False if the room is
    /// busy. Set once, by the receiver of events.
    /// </summary>
    internal Func<RoomIdentity, RoomMachine, CancellationToken, ValueTask<bool>>? GoesOn { get; set; }

    /// <summary>
    /// Starts what a room's machine asks for, and returns at once. Called while the room's lane is held.
    /// </summary>
    internal void Start(RoomIdentity room, RoomMachine machine, Output output)
    {
        foreach (var request in output.Requests) Start(room, machine, request);
        if (output.HasMore) GoOn(room, machine);
        if (output.RetryAt > 0) WakeAt(room, machine, output.RetryAt);
        if (output.Resolve is not { } resolution || !resolutions.TryTake(resolution)) return;
        Run(room, async stop =>
        {
            await resolutions.RunAsync(room, resolution).WaitAsync(stop);
            return await Ended!(room, machine, Input.NewResolved(resolution), stop);
        });
    }

    /// <summary>
    /// Starts a task of a room, and returns at once. The task is repeated after a pause while it fails or returns
    /// false.
    /// </summary>
    internal void Run(RoomIdentity room, Func<CancellationToken, ValueTask<bool>> act) =>
        _ = Task.Run(() => RepeatAsync(room, act));

    /// <summary>
    /// Called when a server sent a request. True if it was not reached last, and may be asked again now.
    /// </summary>
    internal bool Wake(string server) => slots.Wake(server);

    /// <inheritdoc/>
    public void Dispose() => _closing.Cancel();

    private async Task RepeatAsync(RoomIdentity room, Func<CancellationToken, ValueTask<bool>> act)
    {
        var stop = _closing.Token;
        try
        {
            for (var pause = _firstPause; ; pause = pause * 2 < _longestPause ? pause * 2 : _longestPause)
            {
                try
                {
                    if (await act(stop)) return;
                }
#pragma warning disable CA1031 // What a room waits for has no caller that could take the exception.
                catch (Exception fault) when (!stop.IsCancellationRequested)
#pragma warning restore CA1031
                {
                    Failed(fault, room.RoomId, pause);
                }

                await Task.Delay(pause, time, stop);
            }
        }
#pragma warning disable CA1031 // Parts that a task uses may be disposed before it.
        catch (Exception) when (stop.IsCancellationRequested)
#pragma warning restore CA1031
        {
            // The server stops: the next start gives the staged events to the machine again.
        }
    }

    private void Start(RoomIdentity room, RoomMachine machine, PeerRequest request)
    {
        // Read here, because the machine belongs to the lane.
        var staged = request.Request.IsKeys ? machine.Staged(request.For)?.Canonical : null;
        Response? response = null;
        Run(room, async stop =>
        {
            response ??= request.Request.IsKeys
                ? await KeysAsync(room, request, staged, stop)
                : await ResponseAsync(room, request, stop);
            return await Ended!(room, machine, Input.NewResponded(request.Number, response), stop);
        });
    }

    /// <summary>
    /// Begins a further session for a room's machine that has more to decide: a task of its own, so that requests of
    /// local users have their turn before. Until it has the lane there is no second one, however often the machine says
    /// so meanwhile.
    /// </summary>
    private void GoOn(RoomIdentity room, RoomMachine machine)
    {
        if (_goingOn.TryGetValue(room.Nid, out var known) && ReferenceEquals(known, machine)) return;
        _goingOn[room.Nid] = machine;
        Run(room, stop => GoesOn!(room, machine, stop));
    }

    /// <summary>Called when the further session of a machine has the lane.</summary>
    internal void HasGoneOn(RoomIdentity room, RoomMachine machine) =>
        _goingOn.TryRemove(KeyValuePair.Create(room.Nid, machine));

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

        Run(room, async stop =>
        {
            var pause = DateTimeOffset.FromUnixTimeMilliseconds(at) - time.GetUtcNow();
            if (pause > TimeSpan.Zero && await IsReplacedAsync(alarm, pause, stop)) return true;
            lock (_alarms)
            {
                if (_alarms.TryGetValue(room.Nid, out var latest) && latest == alarm) _alarms.Remove(room.Nid);
            }

            var now = Input.NewAt(time.GetUtcNow().ToUnixTimeMilliseconds());
            return await Ended!(room, machine, now, stop);
        });
    }

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "Room {RoomId} did not get what it waited for, and tries again after {Pause}")]
    private partial void Failed(Exception fault, string roomId, TimeSpan pause);

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
                var auth = await slots.AskAsync(
                    peer, s => api.GetEventAuthAsync(peer, room.RoomId, chain.eventId, s), isLarge: true, stop);
                return await EventsAsync(room, peer, auth, Limits.AuthChain, stop);
            case Request.Missing missing:
                var gap = new HistoryGap(missing.earliest, [missing.latest], missing.limit, 0);
                var between = await slots.AskAsync(
                    peer, s => api.GetMissingEventsAsync(peer, room.RoomId, gap, s), isLarge: false, stop);
                return await EventsAsync(room, peer, between, missing.limit, stop);
            case Request.StateBefore state:
                var found = await slots.AskAsync(
                    peer, s => api.GetStateIdsAsync(peer, room.RoomId, state.eventId, s), isLarge: true, stop);
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
        var received = await signatures.CheckAsync(
            room.Rules, room.Rules.ReadHistory(json).Value, stop, sentBy: room.RoomId);
        return Array.Exists(
            received.Signatures,
            each => each.Signature.Entity == request.Peer && each.Fate != SignatureFate.Skipped)
                ? Response.NewSignatures(received.Signatures)
                : Response.NewNotNow([], time.GetUtcNow().ToUnixTimeMilliseconds());
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
            var one = await slots.AskAsync(peer, s => EventAsync(peer, ids[at], s), isLarge: false, stopped);
            if (!one.IsReached) Volatile.Write(ref isReached, false);
            else if (one.Value is [var json]) found[at] = json;
        });

        var events = await ReadAsync(room, peer, [.. found.Where(json => !json.IsEmpty)], ids.Length, stop);
        return isReached ? Response.NewEvents(events) : Response.NewNotNow(events, slots.MayAskAt(peer));
    }

    private async ValueTask<FederationResult<IReadOnlyList<ReadOnlyMemory<byte>>>> EventAsync(
        string peer, string eventId, CancellationToken stop)
    {
        var sent = await api.GetEventAsync(peer, eventId, stop);
        return sent.Then(static json => FederationResult.Of<IReadOnlyList<ReadOnlyMemory<byte>>>([json]));
    }

    /// <summary>Many events of the state before an event, in one response.</summary>
    private async ValueTask<Response> WholeStateAsync(
        RoomIdentity room, string peer, string eventId, string[] ids, CancellationToken stop)
    {
        var state = await slots.AskAsync(
            peer, s => api.GetStateAsync(peer, room.RoomId, eventId, s), isLarge: true, stop);
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

    private Response NotNow(string peer) => Response.NewNotNow([], slots.MayAskAt(peer));

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
            found[at] = await signatures.CheckAsync(room.Rules, read[at], stopped, peer));
        return found;
    }

    /// <summary>Waits for the time of an alarm. True if another one replaced it meanwhile.</summary>
    private async ValueTask<bool> IsReplacedAsync(Alarm alarm, TimeSpan pause, CancellationToken stop)
    {
        try
        {
            await alarm.Replaced.Task.WaitAsync(pause, time, stop);
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
