using System.Collections.Concurrent;
using Matrix.Core.Room.Incoming;
using Matrix.Host.Network.FederationClient.Operations;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Rooms.Inbound;

/// <summary>
/// Fetches older history from the servers of a room, one page at a time. At most one fetch of a room runs; others wait
/// for it. Server-Server API, "Backfilling and retrieving missing events".
/// </summary>
internal sealed partial class MissingHistory(
    FederationApi api,
    RoomReceiver receiver,
    SignatureChecker signatures,
    EventStore events,
    IStorage storage,
    RoomsOptions options,
    TimeProvider time,
    ILogger<MissingHistory> log) : IMissingHistory, IDisposable
{
    /// <summary>The most places that are remembered because no server had their history.</summary>
    private const int MostGivenUp = 10_000;

    /// <summary>The most missing events that one request asks for.</summary>
    private const int MostNamed = 20;

    private readonly CancellationTokenSource _closing = new();
    private readonly SemaphoreSlim _slots = new(options.Receiving.HistoryFetches, options.Receiving.HistoryFetches);
    private readonly ConcurrentDictionary<RoomNid, Task<HistoryFetch>> _running = new();
    private readonly ConcurrentDictionary<EventNid, long> _givenUp = new();

    /// <inheritdoc/>
    public async ValueTask<HistoryFetch> FetchAsync(
        RoomIdentity room, IReadOnlyList<EventNid> followers, EventNid below, CancellationToken stop)
    {
        if (IsGivenUp(below)) return HistoryFetch.NowhereNow;
        using var patience = new CancellationTokenSource(options.Receiving.HistoryWait, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, patience.Token);
        var starting = new TaskCompletionSource<HistoryFetch>(TaskCreationOptions.RunContinuationsAsynchronously);
        try
        {
            while (true)
            {
                var running = _running.GetOrAdd(room.Nid, starting.Task);
                if (running == starting.Task)
                {
                    // Not cancelled with this caller: others may wait for it.
                    _ = Task.Run(() => RunAsync(room, followers, below, starting), CancellationToken.None);
                    return await running.WaitAsync(either.Token).ConfigureAwait(false);
                }

                // A fetch for another place of the room.
                if (await running.WaitAsync(either.Token).ConfigureAwait(false) == HistoryFetch.Fetched)
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

    private async Task RunAsync(
        RoomIdentity room, IReadOnlyList<EventNid> followers, EventNid below, TaskCompletionSource<HistoryFetch> ended)
    {
        var hasMore = false;
        try
        {
            await _slots.WaitAsync(_closing.Token).ConfigureAwait(false);
            try
            {
                hasMore = await FromServersAsync(room, followers, below, _closing.Token).ConfigureAwait(false);
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
            if (!_closing.IsCancellationRequested) Failed(fault, room.RoomId);
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
        var named = await events.GetManyAsync(room, [.. followers], stop).ConfigureAwait(false);
        if (named.Count == 0) return false;
        string[] from = [.. named.Select(stored => stored.EventId)];
        foreach (var server in await ServersAsync(room, named, stop).ConfigureAwait(false))
        {
            if (await PageAsync(server, room, from, stop).ConfigureAwait(false) is not { } page) continue;
            var (newest, missing) = await NewestAsync(room, named, Ancestors(named, page), [], stop)
                .ConfigureAwait(false);
            if (newest.Count == 0
                && missing.Count > 0
                && await PageAsync(server, room, missing, stop).ConfigureAwait(false) is { } further)
            {
                // The previous events of a branch that goes far back are not among the latest events: their place is
                // known once they are here. What the server does not have keeps no place.
                page = [.. page, .. further];
                (newest, _) = await NewestAsync(room, named, Ancestors(named, page), missing, stop)
                    .ConfigureAwait(false);
            }

            var decided = await receiver.ReceiveHistoryAsync(server, room, newest, below, stop).ConfigureAwait(false);
            if (decided == 0 && Ancestors(named, page) is var all && all.Count > newest.Count)
            {
                // A server may claim any depths, and the newest may lack something. The order of the graph holds within
                // the page.
                decided = await receiver.ReceiveHistoryAsync(server, room, all, below, stop).ConfigureAwait(false);
            }

            Fetched(room.RoomId, server, page.Count, decided);
            if (decided > 0) return true;
        }

        return false;
    }

    /// <summary>These events and the latest ones before them; null if the server does not return any.</summary>
    private async ValueTask<IReadOnlyList<ReceivedEvent>?> PageAsync(
        string server, RoomIdentity room, IReadOnlyList<string> from, CancellationToken stop)
    {
        var sent = await api.BackfillAsync(server, room.RoomId, from, options.Receiving.HistoryPage, stop)
            .ConfigureAwait(false);
        if (!sent.IsOk) return null;
        return await Task.WhenAll(
            sent.Value.Take(options.Receiving.HistoryPage)
                .Select(room.Rules.ReadReceived)
                .Where(static read => read.IsOk)
                .Select(read => signatures.CheckAsync(room.Rules, read.Value, stop, sentBy: server).AsTask()))
            .ConfigureAwait(false);
    }

    /// <summary>
    /// Those of the returned events from which the followers descend. Others are no history here: they would be decided
    /// without the checks of events that come live.
    /// </summary>
    private static List<ReceivedEvent> Ancestors(
        IReadOnlyList<StoredEvent> followers, IReadOnlyList<ReceivedEvent> returned)
    {
        var byId = returned.DistinctBy(each => each.Pdu.EventId).ToDictionary(each => each.Pdu.EventId);
        var next = new Queue<string>(followers.SelectMany(follower => follower.Pdu.PrevEvents));
        var reached = new List<ReceivedEvent>();
        while (next.TryDequeue(out var id))
        {
            if (!byId.Remove(id, out var ancestor)) continue;
            reached.Add(ancestor);
            foreach (var previous in ancestor.Pdu.PrevEvents) next.Enqueue(previous);
        }

        return reached;
    }

    /// <summary>
    /// The events of a page that are not here, as far as no missing event can come after them: it would get a number
    /// below those of the events before it. A branch of the page may go back further than another one.
    /// </summary>
    /// <param name="room">The room.</param>
    /// <param name="followers">The events that name missing ones.</param>
    /// <param name="page">The events.</param>
    /// <param name="without">Missing events that the server does not have.</param>
    /// <param name="stop">Cancels reading.</param>
    /// <returns>These events, and the ids of the missing ones that may be the latest.</returns>
    private async ValueTask<(IReadOnlyList<ReceivedEvent> Newest, IReadOnlyList<string> Missing)> NewestAsync(
        RoomIdentity room,
        IReadOnlyList<StoredEvent> followers,
        List<ReceivedEvent> page,
        IReadOnlyCollection<string> without,
        CancellationToken stop)
    {
        var returned = page.Select(static each => each.Pdu.EventId).ToHashSet();
        var depths = new Dictionary<string, long>();
        foreach (var pdu in followers.Select(static each => each.Pdu).Concat(page.Select(static each => each.Pdu)))
        {
            foreach (var previous in pdu.PrevEvents.Where(id => !returned.Contains(id) && !without.Contains(id)))
            {
                depths[previous] = Math.Min(depths.GetValueOrDefault(previous, long.MaxValue), pdu.Depth - 1);
            }
        }

        var known = await storage.Events.NidsAsync(room.Nid, [.. depths.Keys, .. returned], stop)
            .ConfigureAwait(false);
        bool IsHere(string id) => known.TryGetValue(id, out var nid) && !nid.IsOutlier;
        var missing = depths.Where(each => !IsHere(each.Key)).OrderByDescending(static each => each.Value).ToList();
        var deepest = missing.Count > 0 ? missing[0].Value : long.MinValue;
        return (
            page.FindAll(each => each.Pdu.Depth >= deepest && !IsHere(each.Pdu.EventId)),
            [.. missing.Take(MostNamed).Select(static each => each.Key)]);
    }

    /// <summary>The servers to ask: those of the events, the latest first, then those with the most members.</summary>
    private async ValueTask<IReadOnlyList<string>> ServersAsync(
        RoomIdentity room, IReadOnlyList<StoredEvent> named, CancellationToken stop)
    {
        var joined = await storage.Memberships.RemoteServersAsync(
            room.Nid, options.Receiving.PeersOfRoom, stop).ConfigureAwait(false);
        var senders = named.Reverse().Select(stored => RoomNames.ServerOf(stored.Row.Sender)).Where(joined.Contains);
        return [.. senders.Concat(joined).Distinct().Take(options.Receiving.HistoryServers)];
    }

    private bool IsGivenUp(EventNid below) =>
        _givenUp.TryGetValue(below, out var until) && time.GetUtcNow().ToUnixTimeMilliseconds() < until;

    private void GiveUp(EventNid below)
    {
        if (_givenUp.Count >= MostGivenUp) _givenUp.Clear();
        _givenUp[below] =
            (time.GetUtcNow() + options.Receiving.HistoryPause).ToUnixTimeMilliseconds();
    }

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "Fetched history of {RoomId} from {Server}: {Sent} events, of which {Decided} are new")]
    private partial void Fetched(string roomId, string server, int sent, int decided);

    [LoggerMessage(Level = LogLevel.Error, Message = "History of {RoomId} was not fetched")]
    private partial void Failed(Exception fault, string roomId);
}
