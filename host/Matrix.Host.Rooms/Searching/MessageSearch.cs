using Matrix.Core.Search;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Caching;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.RoomRows;
using Matrix.Host.Storage.Tables.Search;

namespace Matrix.Host.Rooms.Searching;

/// <summary>
/// Finds events by words, in all rooms that a user is in or was in, as far as the user may see them.
/// v1.19 client-server-api#server-side-search
/// </summary>
public sealed class MessageSearch(
    IMembershipsTable membershipsTable,
    SearchTable searchTable,
    SearchIndexer index,
    RoomAccess access,
    Visibility visibility,
    ErasedUsers erased,
    EventStore events,
    ILocalUsers users,
    SearchOptions options,
    ReadingOptions reading,
    TimeProvider time) : IChangeConsumer
{
    /// <summary>
    /// The hits of each room that the first look for the most recent ones reads, beside twice its share of the page.
    /// </summary>
    private const int FirstLook = 4;

    /// <summary>The growth of the next looks.</summary>
    private const int NextLook = 4;

    /// <summary>
    /// The searches that have more hits than a rare word, by words and keys: these are not looked up to learn it again.
    /// Words that become rare by redactions may stay here, which changes only how their hits are found.
    /// </summary>
    private readonly ByteCache<(string Words, int Kinds), string> _frequent =
        new(options.FrequentBytes, static words => 2L * words.Length);

    /// <inheritdoc/>
    public void OnChange(Change change, long position)
    {
        // Many events may have gone. Beyond a bound the hits of a frequent word are not all found.
        if (change is EventsPurged or RoomRowsDeleted { Table: "search_events" }) _frequent.Clear();
    }

    /// <inheritdoc/>
    public void Missed(long through) => _frequent.Clear();

    /// <summary>A page of hits.</summary>
    public async ValueTask<SearchPage> FindAsync(SearchCriteria criteria, CancellationToken stop)
    {
        var terms = SearchWords.OfSearch(criteria.Term, options.WordsOfSearch);
        if (terms.Length == 0) return SearchPage.Empty;
        await index.CatchUpAsync(stop);
        var rooms = await RoomsAsync(criteria, stop);
        var scope = new SearchScope(
            access,
            visibility,
            erased,
            membershipsTable,
            events,
            criteria,
            terms,
            await users.IgnoredByAsync(criteria.UserId, stop),
            options.WordsOfEvent,
            rooms);
        var budget = new ScanBudget(time, reading.LongestScan);
        var pass = new Pass(scope, criteria, terms.Length, budget, reading.PageBytes);

        // A page whose token does not say the number of all hits counts those before it too.
        var from = criteria.From is { Count: null } ? null : pass.From;
        await SearchAsync(pass, QueryOf(terms, criteria, from), stop);
        var count = await CountAsync(pass, criteria.From?.Count, stop);
        return new SearchPage(
            pass.Hits,
            count,
            pass.Next is { } next ? next with { Count = count } : null,
            SearchWords.Highlights(criteria.Term, options.WordsOfSearch));
    }

    private static SearchWordsQuery QueryOf(SearchTerm[] terms, SearchCriteria criteria, SearchRow? from) => new(
        string.Join(' ', terms.Select(term => term.IsPrefix ? term.Word + "*" : term.Word)),
        criteria.Keys.Count == 0
            ? (1 << (int)SearchKey.Body) | (1 << (int)SearchKey.Name) | (1 << (int)SearchKey.Topic)
            : criteria.Keys.Aggregate(0, (kinds, key) => kinds | (1 << (int)key)),
        criteria.ByRank || from is null ? long.MaxValue : from.Value.Ts)
    {
        Before = criteria.ByRank || from is null ? new EventNid(long.MaxValue) : from.Value.Event,
    };

    /// <summary>
    /// The user's rooms that the search admits; those of invites and knocks are among them, where they may never have
    /// been.
    /// </summary>
    private async ValueTask<IReadOnlyDictionary<RoomNid, UserRoomRow>> RoomsAsync(
        SearchCriteria criteria, CancellationToken stop)
    {
        var rooms = await membershipsTable.RoomsOfAsync(criteria.UserId, MembershipSet.Any, stop);
        var group = criteria.From?.Group is { IsRoom: true } asked ? asked.Value : null;
        return rooms
            .Where(room => !room.Forgotten
                && criteria.Filter.AdmitsRoom(room.RoomId)
                && (group is null || group == room.RoomId))
            .ToDictionary(room => room.Room);
    }

    private async ValueTask SearchAsync(Pass pass, SearchWordsQuery query, CancellationToken stop)
    {
        if (pass.Scope.Rooms.Count == 0) return;
        if (!await IsFrequentAsync(pass, query, stop)) return;

        // A word with many hits.
        RoomNid[] rooms =
        [
            .. pass.Scope.Rooms.Values
                .OrderBy(room => OrderOf(room.Membership))
                .ThenByDescending(room => room.Position)
                .Take(options.SearchedRooms)
                .Select(room => room.Room),
        ];
        var most = Math.Max(1, options.RankedHits / rooms.Length);
        var first = FirstLook + (2 * (pass.Limit + 1) / rooms.Length);
        for (var each = pass.IsByRank ? most : Math.Min(first, most); ; each = Math.Min(each * NextLook, most))
        {
            var rows = await searchTable.NewestAsync(rooms, query, each, stop);

            // Rooms with more hits may have some that are earlier than the earliest read. Only what is later than
            // these is in order.
            SearchRow[] ends = pass.IsByRank
                ? []
                : [.. rows.GroupBy(row => row.Event.Room)
                    .Where(room => room.Count() >= each)
                    .Select(room => room.Max(pass.Order))];
            await pass.TakeAsync(rows, ends.Length == 0 ? null : ends.Min(pass.Order), stop);
            if (pass.IsFull || ends.Length == 0 || each == most || pass.IsOver) return;
        }
    }

    /// <summary>Others may invite a user to any number of rooms, which must not displace those they were in.</summary>
    private static int OrderOf(Membership membership) => membership switch
    {
        Membership.Join => 0,
        Membership.Leave or Membership.Ban => 1,
        _ => 2,
    };

    /// <summary>Whether many events have the words. If few have them, this takes their hits.</summary>
    private async ValueTask<bool> IsFrequentAsync(Pass pass, SearchWordsQuery query, CancellationToken stop)
    {
        if (_frequent.TryGet((query.Words, query.Kinds), out _)) return true;
        var few = await searchTable.FindAsync(query, options.RareHits + 1, stop);
        if (few.Count > options.RareHits)
        {
            _frequent.Put((query.Words, query.Kinds), query.Words);
            return true;
        }

        await pass.TakeAsync(few, null, stop);
        return false;
    }

    /// <summary>
    /// The number of hits in rooms that the user sees as a whole, if the search leaves nothing out, and of the hits of
    /// the page in others: the number says nothing of what the user may not see. All pages have that of the first. If
    /// the search leaves something out, it is the number of the hits so far.
    /// </summary>
    private static async ValueTask<long> CountAsync(Pass pass, long? before, CancellationToken stop)
    {
        if (!pass.Scope.FindsAll) return (before ?? 0) + pass.Hits.Count;
        if (before is { } all) return all;
        var count = 0L;
        foreach (var room in pass.Rows.GroupBy(row => row.Event.Room))
        {
            if (await pass.Scope.ReadableAsync(room.Key, stop) is not { } readable) continue;
            var since = new EventNid(room.Min(row => Math.Min(row.Event.Value, row.Text.Value)));
            count += await pass.Scope.SeesAllSinceAsync(readable, since, stop)
                ? room.Count()
                : pass.Hits.Count(hit => hit.Event.Nid.Room == room.Key);
        }

        return Math.Max(count, pass.Hits.Count);
    }

    /// <summary>One search: the hits so far.</summary>
    private sealed class Pass(
        SearchScope scope, SearchCriteria criteria, int terms, ScanBudget budget, int pageBytes)
    {
        private const int LeastChunk = 8;
        private const int MostChunk = 64;

        private SearchRow? _examined;
        private long _bytes;
        private int _further;

        public SearchScope Scope => scope;

        /// <summary>The order of the hits.</summary>
        public SearchOrder Order { get; } = new(criteria.ByRank);

        /// <summary>The place of the token; null for none.</summary>
        public SearchRow? From { get; } = FromOf(scope, criteria);

        public bool IsByRank => criteria.ByRank;

        public int Limit => criteria.Limit;

        /// <summary>The hits of the page.</summary>
        public List<SearchHit> Hits { get; } = [];

        /// <summary>What was found in the user's rooms, in order.</summary>
        public List<SearchRow> Rows { get; private set; } = [];

        /// <summary>The place after which the next page begins; null if there is none.</summary>
        public SearchToken? Next { get; private set; }

        /// <summary>Whether the page has all hits that it may have, and there is one more.</summary>
        public bool IsFull { get; private set; }

        /// <summary>Whether the time is up.</summary>
        public bool IsOver { get; private set; }

        /// <summary>Takes what was found, and fills the page with what comes after the token.</summary>
        /// <param name="found">The hits. A later look repeats those of the one before.</param>
        /// <param name="known">Down to this hit these are all; null if no room has others.</param>
        public async ValueTask TakeAsync(IReadOnlyList<SearchRow> found, SearchRow? known, CancellationToken stop)
        {
            bool IsKnown(SearchRow row) => known is not { } end || Order.Compare(row, end) <= 0;

            Rows = [.. found.Where(row => scope.MayContain(row.Event))];
            Rows.Sort(Order);
            Next = null;
            var at = Rows.FindIndex(row => IsKnown(row) && IsAfter(row, _examined ?? From));
            _further = at < 0 ? Rows.Count : at;
            while (_further < Rows.Count && IsKnown(Rows[_further]))
            {
                if (!budget.MayGoOn())
                {
                    IsOver = true;
                    break;
                }

                // As many as the page lacks, and the one after it.
                var size = Math.Clamp(criteria.Limit + 1 - Hits.Count, LeastChunk, MostChunk);
                var chunk = Rows.Skip(_further).Take(size).Where(IsKnown).ToArray();
                var seen = await scope.SeenAsync(chunk, stop);
                foreach (var row in chunk)
                {
                    if (seen[row.Event] is { } stored)
                    {
                        if (Hits.Count == criteria.Limit || _bytes >= pageBytes)
                        {
                            IsFull = true;
                            Next = Hits.Count > 0 ? Hits[^1].Place : PlaceOf(_examined ?? row);
                            return;
                        }

                        var readable = await scope.ReadableAsync(row.Event.Room, stop);
                        _bytes += stored.Row.Json.Length;
                        Hits.Add(new SearchHit(readable!, stored, SearchOrder.RankOf(row, terms), PlaceOf(row)));
                    }

                    _examined = row;
                    _further++;
                }
            }

            // What is left was not looked at, or comes after hits that are not known yet. A page that looked at nothing
            // has no next one, which would be the same.
            if (_further < Rows.Count && _examined is { } last) Next = PlaceOf(last);
        }

        private bool IsAfter(SearchRow row, SearchRow? from) => from is not { } last || Order.Compare(row, last) > 0;

        private SearchToken PlaceOf(SearchRow row) => new(
            row.Words,
            row.Ts,
            row.Event.Ordinal,
            scope.Rooms.TryGetValue(row.Event.Room, out var room) ? room.RoomId : "",
            criteria.From?.Group);

        /// <summary>The place of the token. If its room is forgotten, hits of the same time come again.</summary>
        private static SearchRow? FromOf(SearchScope scope, SearchCriteria criteria) => criteria.From is { } from
            ? SearchOrder.RowOf(
                from,
                scope.Rooms.Values.FirstOrDefault(room => room.RoomId == from.RoomId)?.Room
                    ?? new RoomNid(int.MaxValue))
            : null;
    }
}
