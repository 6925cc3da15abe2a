using System.Collections.Concurrent;
using Matrix.Core.Event;
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

    /// <summary>The most requests to one server until some events have their places.</summary>
    private const int MostRequests = 10;

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
        // A refused event may be the only one through which accepted ones descend from what is missing.
        var named = await events.GetManyAsync(room, [.. followers], stop).ConfigureAwait(false);
        if (named.Count == 0) return false;
        Pdu[] followed = [.. named.Select(static stored => stored.Pdu)];
        foreach (var server in await ServersAsync(room, named, stop).ConfigureAwait(false))
        {
            var (newest, returned) = await NewestAsync(server, room, followed, stop).ConfigureAwait(false);
            var decided = await receiver.ReceiveHistoryAsync(server, room, newest.Events, below, stop)
                .ConfigureAwait(false);
            if (decided == 0 && newest.Reached.Count > newest.Events.Count)
            {
                // A server may claim any depths, and the newest may lack something. The order of the graph holds within
                // the page.
                decided = await receiver.ReceiveHistoryAsync(server, room, newest.Reached, below, stop)
                    .ConfigureAwait(false);
            }

            Fetched(room.RoomId, server, returned, decided);
            if (decided > 0) return true;
        }

        return false;
    }

    /// <summary>
    /// The events of a server that get their places next, and how many it returned. The missing events that may be the
    /// latest are requested until none of the others can be later than those that came: a branch that goes far back
    /// lies before much that it does not name.
    /// </summary>
    private async ValueTask<(HistoryPart Newest, int Returned)> NewestAsync(
        string server, RoomIdentity room, IReadOnlyList<Pdu> followed, CancellationToken stop)
    {
        var returned = new List<ReceivedEvent>();
        var bounds = new Dictionary<string, long>();
        var requested = new HashSet<string>();
        for (var requests = 0; ; requests++)
        {
            var page = HistoryPage.Of(followed, returned);
            var known = await storage.Events.NidsAsync(room.Nid, page.Ids, stop).ConfigureAwait(false);
            var here = known.Where(static each => !each.Value.IsOutlier).Select(static each => each.Key).ToHashSet();
            var newest = page.Newest(here, bounds, options.Receiving.HistoryReferences);
            string[] next = [.. newest.Missing.Where(id => !requested.Contains(id)).Take(MostNamed)];
            if (newest.Events.Count > 0
                || next.Length == 0
                || requests == MostRequests
                || await PageAsync(server, room, next, stop).ConfigureAwait(false) is not { } further)
            {
                return (newest, returned.Count);
            }

            returned.AddRange(further);
            requested.UnionWith(next);
            foreach (var (id, bound) in HistoryPage.Absent(next, further)) bounds[id] = bound;
        }
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
                .Select(room.Rules.ReadHistory)
                .Where(static read => read.IsOk)
                .Select(read => signatures.CheckAsync(room.Rules, read.Value, stop, sentBy: server).AsTask()))
            .ConfigureAwait(false);
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
