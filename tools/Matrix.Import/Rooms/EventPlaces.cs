using Matrix.Host.Storage;
using Matrix.Import.Sources;

namespace Matrix.Import.Rooms;

/// <summary>
/// Numbers a room's events. Live events rise in stream order, outliers rise from 1. Backfilled events lie before the
/// first live event, or before the live event that names missing ones and that they lead to: in a gap. While something
/// is missing there, numbers stay free.
/// </summary>
/// <param name="source">Synapse's databases.</param>
/// <param name="roomId">The room.</param>
/// <param name="events">Its events, in stream order.</param>
internal sealed class EventPlaces(SynapseSource source, string roomId, EventIndex events)
{
    /// <summary>The most numbers that one gap leaves free: the default of `federation.gap_numbers`.</summary>
    private const uint GapNumbers = 100_000;

    private const uint LastFree = 0xC000_0000;
    private const int History = -1;

    /// <summary>The places of live events that name missing ones, or lead to backfilled ones that do.</summary>
    private readonly HashSet<int> _open = [];

    /// <summary>The backfilled events that events name as previous ones, by the place of these.</summary>
    private readonly Dictionary<int, List<int>> _previous = [];

    /// <summary>Numbers all events.</summary>
    /// <param name="isFederated">Whether events may be missing: in a room of this server alone none is.</param>
    /// <returns>The lowest ordinal of history, and the last live one.</returns>
    public async Task<(uint First, uint Last)> NumberAsync(bool isFederated, CancellationToken stop)
    {
        var (live, backfilled, outliers) = ByKind();
        if (isFederated) await ReadEdgesAsync(backfilled.Count > 0, stop);
        uint next = 1;
        foreach (var at in outliers) events.Number(at, next++);

        var gaps = GapsOf(live, backfilled);
        var first = EventNid.FirstLiveOrdinal - (uint)gaps[History].Count;
        next = first;
        foreach (var at in gaps[History]) events.Number(at, next++);
        for (var i = 0; i < live.Count; i++)
        {
            var filled = gaps.GetValueOrDefault(live[i]);
            if (i > 0 && _open.Contains(live[i]))
            {
                next += Math.Min(GapNumbers, (Math.Max(next, LastFree) - next) / 4096);
            }

            foreach (var at in filled ?? []) events.Number(at, next++);
            events.Number(live[i], next++);
        }

        return (first, live.Count == 0 ? EventNid.FirstLiveOrdinal - 1 : next - 1);
    }

    private (List<int> Live, List<int> Backfilled, List<int> Outliers) ByKind()
    {
        var found = (Live: new List<int>(), Backfilled: new List<int>(), Outliers: new List<int>());
        for (var at = 0; at < events.Count; at++)
        {
            (events.Kind(at) switch
            {
                EventKind.Live => found.Live,
                EventKind.Backfilled => found.Backfilled,
                _ => found.Outliers,
            }).Add(at);
        }

        found.Live.Sort((a, b) => events.Stream(a).CompareTo(events.Stream(b)));
        found.Backfilled.Sort(ByDepth);
        found.Outliers.Sort(ByDepth);
        return found;
    }

    private int ByDepth(int a, int b) =>
        (events.Depth(a), events.Stream(a)).CompareTo((events.Depth(b), events.Stream(b)));

    /// <summary>The backfilled events of each gap, in their order.</summary>
    private Dictionary<int, List<int>> GapsOf(List<int> live, List<int> backfilled)
    {
        var gaps = new Dictionary<int, List<int>> { [History] = [] };
        if (backfilled.Count == 0) return gaps;
        var placed = new Dictionary<int, int>(backfilled.Count);
        for (var i = 0; i < live.Count; i++) Claim(live[i], i == 0 ? History : live[i], placed);
        foreach (var at in backfilled)
        {
            if (!placed.TryGetValue(at, out var gap)) gap = ByDepthAmong(live, at);
            if (!gaps.TryGetValue(gap, out var filled)) gaps[gap] = filled = [];
            filled.Add(at);
        }

        return gaps;
    }

    /// <summary>Gives a gap all backfilled events that lead to an event, and that no earlier gap has.</summary>
    private void Claim(int live, int gap, Dictionary<int, int> placed)
    {
        if (!_previous.TryGetValue(live, out var named)) return;
        var isOpen = _open.Remove(live);
        var pending = new Stack<int>(named);
        while (pending.TryPop(out var at))
        {
            if (!placed.TryAdd(at, gap)) continue;
            isOpen |= _open.Contains(at);
            foreach (var previous in _previous.GetValueOrDefault(at) ?? []) pending.Push(previous);
        }

        if (isOpen) _open.Add(live);
    }

    /// <summary>An event that nothing here leads to lies before the first live event that is deeper.</summary>
    private int ByDepthAmong(List<int> live, int at)
    {
        var index = live.FindIndex(each => events.Depth(each) > events.Depth(at));
        return index <= 0 ? History : live[index];
    }

    private async Task ReadEdgesAsync(bool hasBackfilled, CancellationToken stop)
    {
        var isPrevious = source.HasColumn("event_edges", "is_state") ? "AND NOT d.is_state" : "";
        await foreach (var row in source.RowsAsync(
            $"""
            SELECT d.event_id FROM event_backward_extremities b
            JOIN event_edges d ON d.prev_event_id = b.event_id {isPrevious} WHERE b.room_id = $1
            """,
            stop,
            roomId))
        {
            if (events.Find(row.Text(0)) is >= 0 and var at) _open.Add(at);
        }

        if (!hasBackfilled) return;
        await foreach (var row in source.RowsAsync(
            $"""
            SELECT d.event_id, p.event_id FROM events p
            JOIN event_edges d ON d.prev_event_id = p.event_id {isPrevious}
            WHERE p.room_id = $1 AND p.stream_ordering < 0 AND NOT p.outlier
            """,
            stop,
            roomId))
        {
            var (at, previous) = (events.Find(row.Text(0)), events.Find(row.Text(1)));
            if (at < 0 || previous < 0 || events.Kind(previous) != EventKind.Backfilled) continue;
            if (!_previous.TryGetValue(at, out var named)) _previous[at] = named = [];
            named.Add(previous);
        }
    }
}
