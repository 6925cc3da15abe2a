using System.Collections.Concurrent;
using Matrix.Core.Event;
using Matrix.Core.Room.Incoming.Fetching;
using Matrix.Core.Room.Incoming.Protocol;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Network.FederationClient.Operations;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Rooms.Inbound;

/// <summary>What a server returned of the events before others.</summary>
/// <param name="Server">The server.</param>
/// <param name="Events">The events that get their places next: none that is missing comes after them.</param>
/// <param name="Reached">All returned events that lead to the others; none if the server failed.</param>
/// <param name="Returned">How many events it returned.</param>
/// <param name="IsWhole">Whether it had each event that was requested.</param>
/// <param name="IsExhausted">Whether more was to be requested than may be.</param>
/// <param name="LeavesToEarlier">Whether it has nothing for this place, and something for one further down.</param>
/// <param name="IsOfEarlier">Whether all that is missing gets its place further down.</param>
internal sealed record HistoryWalk(
    string Server,
    IReadOnlyList<ReceivedEvent> Events,
    IReadOnlyList<ReceivedEvent> Reached,
    int Returned,
    bool IsWhole,
    bool IsExhausted,
    bool LeavesToEarlier,
    bool IsOfEarlier);

/// <summary>What is missing at places further down, as far as it is known.</summary>
/// <param name="Followers">The events there that name missing ones, the latest first.</param>
/// <param name="Servers">The servers in the room.</param>
internal sealed record EarlierPlaces(IReadOnlyList<Pdu> Followers, IReadOnlyCollection<string> Servers)
{
    /// <summary>Events before these that their servers returned.</summary>
    internal List<ReceivedEvent> Returned { get; } = [];

    /// <summary>The greatest depth that the other missing events have.</summary>
    internal long Bound { get; set; } = long.MaxValue;

    /// <summary>Whether their servers were asked.</summary>
    internal bool IsAsked { get; set; }
}

/// <summary>
/// Requests missing events of one server, those that may be the latest first, until none of the others can be later
/// than those that came: a branch that goes far back lies before much that it does not name.
/// v1.19 server-server-api#backfilling-and-retrieving-missing-events
/// </summary>
internal sealed class HistoryWalker(
    FederationOperations api,
    SignatureChecker signatures,
    IEventsTable eventsTable,
    RoomsOptions options,
    TimeProvider time)
{
    /// <summary>The most events that one request names.</summary>
    private const int MostNamed = 20;

    /// <summary>The most events that are remembered because a server lacks them.</summary>
    private const int MostLacking = 10_000;

    /// <summary>The most servers that are asked for what lies before places further down.</summary>
    private const int MostServersFurtherDown = 2;

    private readonly ConcurrentDictionary<(string Server, string EventId), long> _lacking = new();

    /// <summary>Requests events before these, which are here and name missing ones.</summary>
    /// <param name="server">The server.</param>
    /// <param name="room">The room.</param>
    /// <param name="followers">The events.</param>
    /// <param name="earlier">What lies before places further down, and gets its place there.</param>
    internal async ValueTask<HistoryWalk> WalkAsync(
        string server,
        RoomIdentity room,
        IReadOnlyList<Pdu> followers,
        EarlierPlaces earlier,
        CancellationToken stop)
    {
        var returned = new List<ReceivedEvent>();
        var bounds = new Dictionary<string, long>();
        var requested = new HashSet<string>();
        var here = new Here(room.Nid, eventsTable);
        var (hasNamedFollowers, requests) = (false, 0);
        while (true)
        {
            var page = HistoryPage.Of(followers, earlier.Followers, [.. returned, .. earlier.Returned]);
            await here.ReadAsync(page.Ids, stop);
            var newest = NewestOf(page, here, bounds, earlier.Bound, requested, server);
            string[] next = [.. newest.Missing.Where(id => !requested.Contains(id)).Take(MostNamed)];
            var isExhausted = requests >= options.Receiving.HistoryRequests;
            var isOfEarlier = newest.LeavesToEarlier && newest.Missing.Count == 0;
            HistoryWalk Ends(IReadOnlyList<ReceivedEvent> reached) => new(
                server,
                newest.Events,
                reached,
                returned.Count,
                !bounds.ContainsValue(long.MinValue),
                isExhausted && next.Length > 0,
                newest.LeavesToEarlier,
                isOfEarlier);

            if (newest.Events.Count > 0 || isOfEarlier) return Ends(newest.Reached);
            var isEnd = next.Length == 0 || isExhausted;
            var isReached = isEnd && newest.Reached.Count > 0;
            if (newest.IsHeldBack || (isReached && !earlier.IsAsked))
            {
                await LookFurtherDownAsync(server, room, earlier, stop);
                continue;
            }

            if (isReached || (isEnd && hasNamedFollowers)) return Ends(newest.Reached);

            // Some servers return only what is before the events that a request names.
            string[] named = isEnd ? [.. followers.Take(MostNamed).Select(static each => each.EventId)] : next;
            requests++;
            if (await PageAsync(server, room, named, stop) is not { } further) return Ends([]);
            returned.AddRange(further);
            hasNamedFollowers |= isEnd;
            if (isEnd) continue;
            requested.UnionWith(next);
            foreach (var (id, bound) in HistoryPage.Absent(next, further))
            {
                bounds[id] = bound;
                if (bound == long.MinValue) Remember(server, id);
            }
        }
    }

    /// <summary>The part of the page that gets its place next: events that the server lacks are not waited for.
    /// </summary>
    private HistoryPart NewestOf(
        HistoryPage page,
        Here here,
        Dictionary<string, long> bounds,
        long earlierBound,
        HashSet<string> requested,
        string server)
    {
        var newest = page.Newest(here.Ids, bounds, earlierBound, options.Receiving.HistoryReferences);
        var lacking = newest.Missing.Where(id => !requested.Contains(id) && Lacks(server, id)).ToArray();
        if (lacking.Length == 0) return newest;
        requested.UnionWith(lacking);
        foreach (var id in lacking) bounds[id] = long.MinValue;
        return page.Newest(here.Ids, bounds, earlierBound, options.Receiving.HistoryReferences);
    }

    /// <summary>These events and the latest ones before them; null if the server does not answer.</summary>
    private async ValueTask<IReadOnlyList<ReceivedEvent>?> PageAsync(
        string server, RoomIdentity room, IReadOnlyList<string> from, CancellationToken stop)
    {
        try
        {
            var sent = await api.BackfillAsync(server, room.RoomId, from, options.Receiving.HistoryPage, stop);

            // Some servers refuse a request that names no event that they have.
            if (sent.Failure is { Kind: FederationFailureKind.Refused, Status: 400 or 404 }) return [];
            if (!sent.IsOk) return null;
            return await Task.WhenAll(
                sent.Value.Take(options.Receiving.HistoryPage)
                    .Select(room.Rules.ReadHistory)
                    .Where(static read => read.IsOk)
                    .Select(read => signatures.CheckAsync(room.Rules, read.Value, stop, sentBy: server).AsTask()));
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    /// <summary>
    /// Requests what lies before places further down of the servers whose events are there. This server lacks what is
    /// before its own events, as after a join: the other one is asked, as it is for servers that have left. If all that
    /// is not enough, it is not waited for.
    /// </summary>
    private async ValueTask LookFurtherDownAsync(
        string server, RoomIdentity room, EarlierPlaces earlier, CancellationToken stop)
    {
        earlier.Bound = long.MinValue;
        if (earlier.IsAsked) return;
        earlier.IsAsked = true;
        var bySender = earlier.Followers.GroupBy(each =>
            RoomNames.ServerOf(each.Sender) is var sender && earlier.Servers.Contains(sender) ? sender : server);
        using var late = new CancellationTokenSource(options.Receiving.HistoryWait, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, late.Token);
        var pages = await Task.WhenAll(bySender.Take(MostServersFurtherDown).Select(ofServer => PageAsync(
            ofServer.Key,
            room,
            [.. ofServer.Take(MostNamed).Select(static each => each.EventId)],
            either.Token).AsTask()));
        foreach (var page in pages)
        {
            if (page is null) continue;
            earlier.Returned.AddRange(page);
            earlier.Bound = Math.Max(earlier.Bound, HistoryPage.Bound(page));
        }
    }

    private bool Lacks(string server, string eventId) =>
        _lacking.TryGetValue((server, eventId), out var until) && time.GetUtcNow().ToUnixTimeMilliseconds() < until;

    private void Remember(string server, string eventId)
    {
        if (_lacking.Count >= MostLacking) _lacking.Clear();
        _lacking[(server, eventId)] = (time.GetUtcNow() + options.Receiving.HistoryPause).ToUnixTimeMilliseconds();
    }

    /// <summary>Which events have a place here. Each is looked up once.</summary>
    private sealed class Here(RoomNid room, IEventsTable eventsTable)
    {
        private readonly HashSet<string> _looked = [];
        private readonly HashSet<string> _ids = [];

        internal IReadOnlySet<string> Ids => _ids;

        internal async ValueTask ReadAsync(IReadOnlyCollection<string> ids, CancellationToken stop)
        {
            var known = await eventsTable.NidsAsync(room, [.. ids.Where(_looked.Add)], stop);
            _ids.UnionWith(known.Where(static each => !each.Value.IsOutlier).Select(static each => each.Key));
        }
    }
}
