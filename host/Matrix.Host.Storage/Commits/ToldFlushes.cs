namespace Matrix.Host.Storage.Commits;

/// <summary>
/// Flushes that other nodes told before the flushes in front of them were read. There are few: a flush begins when the
/// one before it was committed. Not thread-safe.
/// </summary>
internal sealed class ToldFlushes
{
    /// <summary>More are not kept: they are read from the database.</summary>
    private const int Most = 64;

    private readonly SortedList<long, FoundFlush> _flushes = [];

    public bool IsEmpty => _flushes.Count == 0;

    /// <summary>Keeps a flush.</summary>
    public void Add(FoundFlush flush)
    {
        if (_flushes.Count < Most) _flushes[flush.Last] = flush;
    }

    /// <summary>Takes the flush that comes next after a position. Null if it is not here.</summary>
    public FoundFlush? TakeNext(long position)
    {
        while (_flushes.Count > 0)
        {
            var first = _flushes.GetValueAtIndex(0);
            if (first.Last > position && first.After > position) return null;
            _flushes.RemoveAt(0);
            if (first.Last > position) return first;
        }

        return null;
    }
}
