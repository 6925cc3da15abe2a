using System.Collections.Concurrent;
using Matrix.Core.Event;
using Matrix.Core.Room.Incoming.Protocol;
using Matrix.Host.Rooms.Commands;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Followers;
using Matrix.Host.Storage.Tables.Memberships;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Rooms.Inbound;

/// <summary>
/// Fetches older history from the servers of a room, one page at a time. At most one fetch of a room runs; others wait
/// for it. The node that has the room fetches; a fetch is cancelled when the room's shard closes.
/// v1.19 server-server-api#backfilling-and-retrieving-missing-events
/// </summary>
internal sealed partial class MissingHistory(
    HistoryWalker walker,
    RoomReceiver receiver,
    EventStore events,
    IMembershipsTable membershipsTable,
    IFollowersTable followersTable,
    RoomCommands commands,
    ShardGates gates,
    RoomsOptions options,
    TimeProvider time,
    ILogger<MissingHistory> log) : IMissingHistory, IDisposable
{
    /// <summary>The most places that are remembered because no server had their history.</summary>
    private const int MostGivenUp = 10_000;

    /// <summary>The most events of places further down that name other missing ones.</summary>
    private const int MostEarlier = 20;

    /// <summary>The most events that are read to find them.</summary>
    private const int MostOpen = 100;

    /// <summary>How often missing events are left to an earlier place, which may never be read.</summary>
    private const int MostLeft = 20;

    /// <summary>How often they are left to one after no server had what is missing there.</summary>
    private const int MostInVain = 3;

    private readonly CancellationTokenSource _closing = new();
    private readonly SemaphoreSlim _slots = new(options.Receiving.HistoryFetches, options.Receiving.HistoryFetches);
    private readonly ConcurrentDictionary<RoomNid, Task<HistoryFetch>> _running = new();
    private readonly ConcurrentDictionary<EventNid, long> _givenUp = new();

    // How often the missing events of a place were left to an earlier one, before which they lie, too.
    private readonly ConcurrentDictionary<EventNid, int> _leftToEarlier = new();

    // How often in turn no server had what is missing before an event.
    private readonly ConcurrentDictionary<EventNid, int> _inVain = new();

    /// <summary>How often shards had been opened when the three began to be filled.</summary>
    private long _filledSince;

    /// <inheritdoc/>
    public async ValueTask<HistoryFetch> FetchAsync(
        RoomIdentity room, IReadOnlyList<EventNid> followers, EventNid below, CancellationToken stop)
    {
        if (!gates.TryEnter(Authority.Room(room.RoomId), out var visit))
        {
            return await ElsewhereAsync(new FetchHistory(room.RoomId, followers, below), stop);
        }

        using var inside = visit;
        ForgetBefore(visit);
        using var patience = new CancellationTokenSource(options.Receiving.HistoryWait, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, patience.Token, visit.Closing);
        var starting = new TaskCompletionSource<HistoryFetch>(TaskCreationOptions.RunContinuationsAsynchronously);
        try
        {
            while (true)
            {
                if (IsGivenUp(below)) return HistoryFetch.NowhereNow;
                var running = _running.GetOrAdd(room.Nid, starting.Task);
                if (running == starting.Task)
                {
                    // Not cancelled with this caller: others may wait for it.
                    _ = Task.Run(() => RunAsync(room, followers, below, starting), CancellationToken.None);
                    return await running.WaitAsync(either.Token);
                }

                // A fetch for another place of the room.
                if (await running.WaitAsync(either.Token) == HistoryFetch.Fetched)
                {
                    return HistoryFetch.Fetched;
                }
            }
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            // The fetch goes on: a later page has what comes.
            return HistoryFetch.NotYet;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _closing.Cancel();

    /// <summary>Has the node fetch that has the room. It waits no longer than it would here.</summary>
    private async ValueTask<HistoryFetch> ElsewhereAsync(FetchHistory command, CancellationToken stop)
    {
        try
        {
            var answer = await commands.AskAsync(command, stop);
            return Enum.TryParse(answer.Value, out HistoryFetch outcome) ? outcome : HistoryFetch.NotYet;
        }
        catch (StorageException)
        {
            // A later page has what comes.
            return HistoryFetch.NotYet;
        }
    }

    private async Task RunAsync(
        RoomIdentity room, IReadOnlyList<EventNid> followers, EventNid below, TaskCompletionSource<HistoryFetch> ended)
    {
        var hasMore = false;
        var isHere = gates.TryEnter(Authority.Room(room.RoomId), out var visit);
        using var inside = visit;
        using var either = CancellationTokenSource.CreateLinkedTokenSource(_closing.Token, visit.Closing);
        try
        {
            if (!isHere) return;
            await _slots.WaitAsync(either.Token);
            try
            {
                hasMore = await FromServersAsync(room, followers, below, either.Token);
                if (!hasMore) GiveUp(below);
            }
            finally
            {
                _slots.Release();
            }
        }
#pragma warning disable CA1031 // Readers go on without the history, whatever the reason is.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            var isGivenAway = fault is StorageException { Failure: StorageFailure.NotOwned };
            if (!isGivenAway && !either.IsCancellationRequested) Failed(fault, room.RoomId);
        }
        finally
        {
            _running.TryRemove(room.Nid, out _);
            ended.TrySetResult(hasMore ? HistoryFetch.Fetched : HistoryFetch.NowhereNow);
        }
    }

    private async ValueTask<bool> FromServersAsync(
        RoomIdentity room, IReadOnlyList<EventNid> followers, EventNid below, CancellationToken stop)
    {
        // A refused event may be the only one through which accepted ones descend from what is missing.
        var named = await events.GetManyAsync(room, [.. followers], stop);
        if (named.Count == 0) return false;
        Pdu[] followed = [.. named.Select(static stored => stored.Pdu)];
        var joined = await membershipsTable.RemoteServersAsync(room.Nid, options.Receiving.PeersOfRoom, stop);
        var earlier = new EarlierPlaces(await EarlierAsync(room, followers[0], below, stop), joined);
        using var late = new CancellationTokenSource(options.Receiving.HistoryTime, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, late.Token);
        HistoryWalk? rest = null;
        var isLeft = false;
        foreach (var server in ServersOf(named, joined))
        {
            var walk = await WalkAsync(server, room, followed, earlier, either.Token, late.Token);
            if (walk is null) break;

            // Below the create event nothing is looked for: what this server lacks, another one may have.
            var decided = await receiver.ReceiveHistoryAsync(
                server, room, walk.IsWhole ? walk.Events : WithoutCreate(walk.Events), below, stop);
            Fetched(room.RoomId, server, walk.Returned, decided);
            if (decided > 0)
            {
                foreach (var follower in followers) _inVain.TryRemove(follower, out _);
                return true;
            }

            isLeft |= walk.LeavesToEarlier;
            if (walk is { IsOfEarlier: true, IsWhole: true }) break;
            if (walk.Reached.Count > 0) rest ??= walk;
        }

        if (rest is null || isLeft)
        {
            Count(isLeft ? [below] : followers, isLeft ? _leftToEarlier : _inVain);
            return false;
        }

        // Too many events may be later than these, or a server claims any depths. The order of the graph holds within
        // the page.
        var reached = rest.Reached
            .OrderByDescending(static each => each.Pdu.Depth)
            .Take(options.Receiving.HistoryPage);
        return await receiver.ReceiveHistoryAsync(
            rest.Server, room, [.. rest.IsExhausted ? WithoutCreate(reached) : reached], below, stop) > 0;
    }

    /// <summary>What a server has; null if the time is up before.</summary>
    private async ValueTask<HistoryWalk?> WalkAsync(
        string server,
        RoomIdentity room,
        Pdu[] followed,
        EarlierPlaces earlier,
        CancellationToken within,
        CancellationToken late)
    {
        if (late.IsCancellationRequested) return null;
        try
        {
            return await walker.WalkAsync(server, room, followed, earlier, within);
        }
        catch (OperationCanceledException) when (late.IsCancellationRequested)
        {
            return null;
        }
    }

    /// <summary>
    /// The latest accepted events before a follower that name missing ones, the latest first; none if what is missing
    /// was left to their places, and did not come there.
    /// </summary>
    private async ValueTask<IReadOnlyList<Pdu>> EarlierAsync(
        RoomIdentity room, EventNid follower, EventNid below, CancellationToken stop)
    {
        if (_leftToEarlier.GetValueOrDefault(below) >= MostLeft) return [];
        var open = await followersTable.OpenBeforeAsync(follower, MostOpen, stop);
        var stored = await events.GetManyAsync(room, [.. open], stop);
        var named = 0;
        return
        [
            .. stored.Where(static each => (each.Row.Marks & (EventMarks.Rejected | EventMarks.SoftFailed)) == 0)
                .Where(each => _inVain.GetValueOrDefault(each.Nid) < MostInVain)
                .OrderByDescending(static each => each.Nid)
                .Take(MostEarlier)
                .Select(static each => each.Pdu)
                .TakeWhile(pdu => (named += pdu.PrevEvents.Length) <= options.Receiving.HistoryReferences),
        ];
    }

    private static ReceivedEvent[] WithoutCreate(IEnumerable<ReceivedEvent> page) =>
        [.. page.Where(static each => each.Pdu.Type != EventTypes.Create)];

    /// <summary>The servers to ask: by turns those of the events, the latest first, and those with the most members.
    /// </summary>
    private string[] ServersOf(IReadOnlyList<StoredEvent> named, IReadOnlyList<string> joined)
    {
        var senders = named.Reverse().Select(stored => RoomNames.ServerOf(stored.Row.Sender)).Where(joined.Contains);
        var bySender = senders.Distinct().Take(options.Receiving.HistoryServers).ToArray();
        var byTurns = Enumerable.Range(0, Math.Max(bySender.Length, joined.Count))
            .SelectMany(i => bySender.Skip(i).Take(1).Concat(joined.Skip(i).Take(1)));
        return [.. byTurns.Distinct().Take(options.Receiving.HistoryServers)];
    }

    /// <summary>What was in vain before a shard was opened here the last time may have come elsewhere.</summary>
    private void ForgetBefore(ShardVisit visit)
    {
        if (visit.Opening <= Volatile.Read(ref _filledSince)) return;
        var openings = gates.Openings;
        _givenUp.Clear();
        _leftToEarlier.Clear();
        _inVain.Clear();
        Volatile.Write(ref _filledSince, openings);
    }

    private bool IsGivenUp(EventNid below) =>
        _givenUp.TryGetValue(below, out var until) && time.GetUtcNow().ToUnixTimeMilliseconds() < until;

    private void GiveUp(EventNid below)
    {
        if (_givenUp.Count >= MostGivenUp) _givenUp.Clear();
        _givenUp[below] =
            (time.GetUtcNow() + options.Receiving.HistoryPause).ToUnixTimeMilliseconds();
    }

    private static void Count(IReadOnlyList<EventNid> events, ConcurrentDictionary<EventNid, int> counts)
    {
        if (counts.Count >= MostGivenUp) counts.Clear();
        foreach (var nid in events) counts.AddOrUpdate(nid, 1, static (_, times) => times + 1);
    }

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "Fetched history of {RoomId} from {Server}: {Sent} events, of which {Decided} are new")]
    private partial void Fetched(string roomId, string server, int sent, int decided);

    [LoggerMessage(Level = LogLevel.Error, Message = "History of {RoomId} was not fetched")]
    private partial void Failed(Exception fault, string roomId);
}
