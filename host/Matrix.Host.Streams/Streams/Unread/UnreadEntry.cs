using Matrix.Core.Sync;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Unread;

namespace Matrix.Host.Streams.Streams.Unread;

/// <summary>A user's notifications by thread.</summary>
internal sealed class NotifyingByThread : Dictionary<long, (int Notifications, int Highlights)>
{
    /// <summary>Adds or subtracts counts.</summary>
    public void Plus(EventNid thread, int notifications, int highlights)
    {
        var (n, h) = this.GetValueOrDefault(thread.Value);
        this[thread.Value] = (n + notifications, h + highlights);
    }

    /// <summary>Subtracts another count from this one.</summary>
    public void Minus(NotifyingByThread other)
    {
        foreach (var (thread, (n, h)) in other) Plus(new EventNid(thread), -n, -h);
    }

    /// <summary>The effect of a user's own row on the counts of its thread.</summary>
    public static (int Notifications, int Highlights) Of(UnreadKind kind) => (
        ((kind & UnreadKind.Notify) != 0 ? 1 : 0) - ((kind & UnreadKind.Silent) != 0 ? 1 : 0),
        (kind & UnreadKind.Highlight) != 0 ? 1 : 0);
}

/// <summary>
/// The counts of one user in one room. The timeline is divided at the read positions into stretches, so that within a
/// stretch all events of a thread are either read or unread. For one thread at a time, except <see cref="Read"/>.
/// </summary>
internal sealed class UnreadEntry
{
    private const int MostReceipts = 256;

    private readonly List<(string Thread, EventNid Event)> _receipts = [];
    private readonly List<(EventNid After, NotifyingByThread Counts)> _stretches = [];
    private readonly Dictionary<long, long> _readThreads = [];

    /// <summary>The purges that the counter had seen when the entry was made.</summary>
    public int Purges { get; init; }

    /// <summary>Held while the entry counts on.</summary>
    public SemaphoreSlim Gate { get; } = new(1, 1);

    /// <summary>The last event that was counted.</summary>
    public EventNid Through { get; private set; }

    /// <summary>The user's read positions.</summary>
    public ReadPositions Positions { get; private set; } = ReadPositions.Since(0);

    /// <summary>Whether anything was counted yet.</summary>
    public bool IsFilled { get; set; }

    /// <summary>Starts counting after an event.</summary>
    public void Begin(EventNid since)
    {
        Positions = ReadPositions.Since(since.Value);
        Through = since;
        _stretches.Add((since, []));
    }

    /// <summary>Adds the counts up to an event; no read position lies in between.</summary>
    public void Add(EventNid through, NotifyingByThread counts)
    {
        var last = _stretches[^1].Counts;
        foreach (var (thread, (n, h)) in counts) last.Plus(new EventNid(thread), n, h);
        Through = through;
    }

    /// <summary>Adds the counts of one thread.</summary>
    public void Add(EventNid thread, int notifications, int highlights) =>
        _stretches[^1].Counts.Plus(thread, notifications, highlights);

    /// <summary>The event after which the kept part of the count begins.</summary>
    public EventNid First => _stretches[0].After;

    /// <summary>Applies the redaction of an event that was counted.</summary>
    public void Redact(EventNid nid, EventNid thread, int notifications, int highlights)
    {
        if (IndexOf(nid) is >= 0 and var at) _stretches[at].Counts.Plus(thread, -notifications, -highlights);
    }

    /// <summary>Moves the end of the count to an event.</summary>
    public void Reached(EventNid through) => Through = through;

    /// <summary>
    /// Queues a receipt, which is applied before the next result. False if too many are queued: counting again is
    /// cheaper then.
    /// </summary>
    public bool Read(string thread, EventNid upTo)
    {
        lock (_receipts)
        {
            if (_receipts.Count >= MostReceipts) return false;
            _receipts.Add((thread, upTo));
            return true;
        }
    }

    /// <summary>Takes the queued receipts.</summary>
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

    /// <summary>Applies a receipt in one thread or (null) in all.</summary>
    public void Advance(EventNid? thread, EventNid upTo)
    {
        Positions = thread is { } one ? Positions.ReadThread(one.Value, upTo.Value) : Positions.ReadAll(upTo.Value);
        if (thread is { } read) _readThreads[read.Value] = Positions.Of(read.Value);
    }

    /// <summary>
    /// The end of the stretch that contains an event; none if the event is the end of a stretch, or was not counted.
    /// </summary>
    public EventNid StretchEnd(EventNid within)
    {
        int at = IndexOf(within);
        if (at < 0) return EventNid.None;
        if (at + 1 < _stretches.Count)
        {
            return within.Value < _stretches[at + 1].After.Value ? _stretches[at + 1].After : EventNid.None;
        }

        return within.Value <= Through.Value ? Through : EventNid.None;
    }

    /// <summary>Cuts a stretch after an event; the part after the cut has been counted again.</summary>
    public void Cut(EventNid after, NotifyingByThread counts)
    {
        int at = IndexOf(after);
        _stretches[at].Counts.Minus(counts);
        _stretches.Insert(at + 1, (after, counts));
    }

    /// <summary>Drops read stretches, and joins stretches that no read position separates any more.</summary>
    public void Tidy()
    {
        while (_stretches.Count > 1 && _stretches[1].After.Value <= Positions.Unthreaded) _stretches.RemoveAt(0);
        for (int i = _stretches.Count - 1; i > 0; i--)
        {
            long after = _stretches[i].After.Value;
            if (after == Positions.Unthreaded || _readThreads.ContainsValue(after)) continue;
            foreach (var (thread, (n, h)) in _stretches[i].Counts)
            {
                _stretches[i - 1].Counts.Plus(new EventNid(thread), n, h);
            }

            _stretches.RemoveAt(i);
        }
    }

    /// <summary>The resulting counts.</summary>
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
