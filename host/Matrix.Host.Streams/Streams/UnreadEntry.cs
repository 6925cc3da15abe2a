using Matrix.Core.Sync;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Unread;

namespace Matrix.Host.Streams.Streams;

/// <summary>What notifies a user, by thread.</summary>
internal sealed class NotifyingByThread : Dictionary<long, (int Notifications, int Highlights)>
{
    /// <summary>Adds, or takes away.</summary>
    public void Plus(EventNid thread, int notifications, int highlights)
    {
        var (n, h) = this.GetValueOrDefault(thread.Value);
        this[thread.Value] = (n + notifications, h + highlights);
    }

    /// <summary>Takes what another counted away from this.</summary>
    public void Minus(NotifyingByThread other)
    {
        foreach (var (thread, (n, h)) in other) Plus(new EventNid(thread), -n, -h);
    }

    /// <summary>What a user's own row adds to the counts of its thread.</summary>
    public static (int Notifications, int Highlights) Of(UnreadKind kind) => (
        ((kind & UnreadKind.Notify) != 0 ? 1 : 0) - ((kind & UnreadKind.Silent) != 0 ? 1 : 0),
        (kind & UnreadKind.Highlight) != 0 ? 1 : 0);
}

/// <summary>
/// What was counted of one user in one room: by stretches of the timeline that no read position lies within, so that all of a thread in a
/// stretch is read or unread together. Used by one thread at a time, but for <see cref="Read"/>.
/// </summary>
internal sealed class UnreadEntry
{
    private const int MostReceipts = 256;

    private readonly List<(string Thread, EventNid Event)> _receipts = [];
    private readonly List<(EventNid After, NotifyingByThread Counts)> _stretches = [];
    private readonly Dictionary<long, long> _readThreads = [];

    /// <summary>One at a time counts on.</summary>
    public SemaphoreSlim Gate { get; } = new(1, 1);

    /// <summary>Counted up to this event.</summary>
    public EventNid Through { get; private set; }

    /// <summary>How far the user has read.</summary>
    public ReadPositions Positions { get; private set; } = ReadPositions.Since(0);

    /// <summary>Whether anything was counted yet.</summary>
    public bool IsFilled { get; set; }

    /// <summary>Counting begins behind an event.</summary>
    public void Begin(EventNid since)
    {
        Positions = ReadPositions.Since(since.Value);
        Through = since;
        _stretches.Add((since, []));
    }

    /// <summary>Counting went on up to an event; nothing was read in between.</summary>
    public void Add(EventNid through, NotifyingByThread counts)
    {
        var last = _stretches[^1].Counts;
        foreach (var (thread, (n, h)) in counts) last.Plus(new EventNid(thread), n, h);
        Through = through;
    }

    /// <summary>The same, one by one.</summary>
    public void Add(EventNid thread, int notifications, int highlights) => _stretches[^1].Counts.Plus(thread, notifications, highlights);

    /// <summary>The event behind which counting began, or behind which all that is kept lies.</summary>
    public EventNid First => _stretches[0].After;

    /// <summary>An event that had been counted was redacted.</summary>
    public void Redact(EventNid nid, EventNid thread, int notifications, int highlights)
    {
        if (IndexOf(nid) is >= 0 and var at) _stretches[at].Counts.Plus(thread, -notifications, -highlights);
    }

    /// <summary>Counting went on up to an event.</summary>
    public void Reached(EventNid through) => Through = through;

    /// <summary>The user read on; counted in before the next answer. False if too much waits for an answer: counting anew is cheaper then.</summary>
    public bool Read(string thread, EventNid upTo)
    {
        lock (_receipts)
        {
            if (_receipts.Count >= MostReceipts) return false;
            _receipts.Add((thread, upTo));
            return true;
        }
    }

    /// <summary>What the user read since the last answer.</summary>
    public (string Thread, EventNid Event)[] TakeReceipts()
    {
        lock (_receipts)
        {
            if (_receipts.Count == 0) return [];
            var taken = _receipts.ToArray();
            _receipts.Clear();
            return taken;
        }
    }

    /// <summary>The user has read up to an event, in one thread or (null) in all.</summary>
    public void Advance(EventNid? thread, EventNid upTo)
    {
        Positions = thread is { } one ? Positions.ReadThread(one.Value, upTo.Value) : Positions.ReadAll(upTo.Value);
        if (thread is { } read) _readThreads[read.Value] = Positions.Of(read.Value);
    }

    /// <summary>The end of the stretch that an event lies within; none if another stretch begins behind the event, or nothing was counted there.</summary>
    public EventNid StretchEnd(EventNid within)
    {
        int at = IndexOf(within);
        if (at < 0) return EventNid.None;
        if (at + 1 < _stretches.Count) return within.Value < _stretches[at + 1].After.Value ? _stretches[at + 1].After : EventNid.None;
        return within.Value <= Through.Value ? Through : EventNid.None;
    }

    /// <summary>Cuts a stretch behind an event; what lies behind the cut was counted again.</summary>
    public void Cut(EventNid behind, NotifyingByThread counts)
    {
        int at = IndexOf(behind);
        _stretches[at].Counts.Minus(counts);
        _stretches.Insert(at + 1, (behind, counts));
    }

    /// <summary>Forgets what is read, and joins stretches between which no read position lies any more.</summary>
    public void Tidy()
    {
        while (_stretches.Count > 1 && _stretches[1].After.Value <= Positions.Unthreaded) _stretches.RemoveAt(0);
        for (int i = _stretches.Count - 1; i > 0; i--)
        {
            long after = _stretches[i].After.Value;
            if (after == Positions.Unthreaded || _readThreads.ContainsValue(after)) continue;
            foreach (var (thread, (n, h)) in _stretches[i].Counts) _stretches[i - 1].Counts.Plus(new EventNid(thread), n, h);
            _stretches.RemoveAt(i);
        }
    }

    /// <summary>The answer as it stands.</summary>
    public Matrix.Core.Sync.UnreadCounts ToCounts() => Matrix.Core.Sync.UnreadCounts.Count(Items(), Positions);

    private IEnumerable<UnreadItem> Items()
    {
        foreach (var (after, counts) in _stretches)
        {
            foreach (var (thread, (n, h)) in counts) yield return new UnreadItem(after.Value + 1, thread, n, h);
        }
    }

    private int IndexOf(EventNid within)
    {
        for (int i = _stretches.Count - 1; i >= 0; i--)
        {
            if (_stretches[i].After.Value < within.Value) return i;
        }

        return -1;
    }
}
