using Matrix.Host.Rooms.Changes;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Consumers;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Relations;
using Matrix.Host.Storage.Tables.Search;

namespace Matrix.Host.Rooms.Searching;

/// <summary>
/// Indexes the words of events after their commit, each once. Events that were stored before there was an index,
/// fetched history, and events whose edit was redacted come from a list of ranges.
/// </summary>
public sealed class SearchIndexer(
    IEventsTable eventsTable,
    RelationsTable relationsTable,
    SearchTable searchTable,
    IConsumersTable consumersTable,
    IStorageWriter writer,
    ShardGates gates,
    SearchOptions options,
    RoomsOptions rooms,
    TimeProvider time)
    : IndexWorker(Name, writer, gates, time)
{
    private const string Name = "search";
    private const int RangesAtOnce = 100;

    /// <summary>Segments are merged when all but the largest have this part of its pages: an eighth.</summary>
    private const int LeastPart = 8;

    private readonly IndexedTexts _texts = new(eventsTable, relationsTable, searchTable, options, time);
    private long? _position;
    private IReadOnlyList<long> _merged = [];

    /// <summary>The duty of the index: searches are answered where it is.</summary>
    public static Authority Duty { get; } = Authority.Duty(Name);

    /// <inheritdoc/>
    protected override IndexTimes Times =>
        new(options.IndexDelay, options.IndexWait, rooms.LongestConsumerPause)
        {
            BusyPercent = options.IndexPercent,
            LongestBehind = options.IndexBehind,
            Quiet = options.MergeAfter,
        };

    /// <inheritdoc/>
    protected override bool Concerns(Change change) => change is EventsAppended or EventRedacted;

    /// <inheritdoc/>
    protected internal override async ValueTask<IndexStep> StepAsync(long through, CancellationToken stop)
    {
        var after = _position
            ??= await consumersTable.PositionAsync(Name, stop) ?? 0;
        var (rows, read, isLast) = await PageAsync(after, through, stop);
        var batch = new WriteBatch(Authority);
        if (rows.Count > 0)
        {
            await _texts.AddAsync(batch, rows, areNew: true, stop);
            batch.Add(new ConsumerAdvanced(Name, read));
        }

        // Ranges do not wait for a step without new events: while many send, there is none.
        var left = isLast
            ? await AddRangesAsync(batch, options.IndexedAtOnce - rows.Count, stop)
            : StepsFor(through - read, read - after);
        if (batch.Changes.Count > 0) await Writer.WriteAsync(batch, stop);
        _position = read;
        return new IndexStep(batch.Changes.Count > 0, left);
    }

    /// <summary>
    /// Merges SQLite's segments into one: a search looks for its words in each. Small additions to a large segment stay
    /// apart until they are worth writing all of it again.
    /// </summary>
    protected internal override async ValueTask<bool> TidyAsync(CancellationToken stop)
    {
        var pages = await searchTable.SegmentPagesAsync(stop);
        if (!IsToMerge(pages))
        {
            _merged = [];
            return false;
        }

        _merged = pages;
        var batch = new WriteBatch(Authority).Add(new SegmentsMerged(options.MergedPages));
        await Writer.WriteAsync(batch, stop);
        return true;
    }

    /// <inheritdoc/>
    protected override void Forget()
    {
        _position = null;
        _merged = [];
    }

    /// <summary>A merge that began goes on until one segment is left, unless it changes nothing.</summary>
    private bool IsToMerge(IReadOnlyList<long> pages)
    {
        if (pages.Count < 2) return false;
        if (_merged.Count > 0) return !pages.SequenceEqual(_merged);
        return pages.Sum() - pages.Max() >= Math.Max(options.MergedPages, pages.Max() / LeastPart);
    }

    /// <summary>
    /// The live events of whole batches, and whether they are the last; a batch that is longer than a page is read
    /// alone.
    /// </summary>
    private async ValueTask<(IReadOnlyList<EventRow> Rows, long Through, bool IsLast)> PageAsync(
        long after, long published, CancellationToken stop)
    {
        for (var limit = options.IndexedAtOnce; ; limit *= 2)
        {
            var rows = await eventsTable.AfterPositionAsync(after, published, limit, stop);
            if (rows.Count < limit) return (rows, Math.Max(after, published), true);
            var last = rows[^1].Position;
            if (rows[0].Position == last) continue;
            IReadOnlyList<EventRow> whole = [.. rows.TakeWhile(row => row.Position < last)];
            return (whole, whole[^1].Position, false);
        }
    }

    /// <summary>Adds the events of pending ranges. Returns how many steps those need that are left.</summary>
    /// <param name="most">The most events.</param>
    private async ValueTask<int> AddRangesAsync(WriteBatch batch, int most, CancellationToken stop)
    {
        var ranges = await searchTable.PendingAsync(RangesAtOnce, stop);
        var left = 0L;
        foreach (var range in ranges)
        {
            var next = range.First;
            if (most > 0)
            {
                var rows = await eventsTable.RangeAsync(
                    range.First.Room,
                    new EventNid(range.First.Value - 1),
                    range.Last,
                    Direction.Forward,
                    most,
                    StoredEvent.Hidden,
                    stop);
                await _texts.AddAsync(batch, rows, areNew: false, stop);
                var isWhole = rows.Count < most || rows[^1].Nid.Value >= range.Last.Value;
                next = isWhole ? EventNid.None : new EventNid(rows[^1].Nid.Value + 1);
                batch.Add(new RangeIndexed(range, next));
                most -= rows.Count;
            }

            if (!next.IsNone) left += range.Last.Value - next.Value + 1;
        }

        // There may be further ranges.
        if (ranges.Count == RangesAtOnce) left++;
        return StepsFor(left, options.IndexedAtOnce);
    }

    private static int StepsFor(long all, long each) =>
        (int)Math.Min((all + Math.Max(each, 1) - 1) / Math.Max(each, 1), int.MaxValue);
}
