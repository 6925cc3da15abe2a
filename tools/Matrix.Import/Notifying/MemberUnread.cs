using Matrix.Host.Storage;

namespace Matrix.Import.Notifying;

/// <summary>
/// How far a local member of a room has read, and the notifications after that: by this server's way of counting, and
/// as Synapse showed them. Positions are Synapse's `stream_ordering`.
/// </summary>
/// <param name="userId">The member.</param>
/// <param name="memberEvent">The member event of the current state.</param>
/// <param name="memberSince">Its position.</param>
internal sealed class MemberUnread(string userId, EventNid memberEvent, long memberSince)
{
    private readonly Dictionary<EventNid, long> _threads = [];
    private readonly Dictionary<string, long> _receipts = new(StringComparer.Ordinal);
    private readonly HashSet<string> _summed = new(StringComparer.Ordinal);
    private long? _unthreaded;
    private long _all;
    private long _main;

    public string UserId => userId;

    public EventNid MemberEvent => memberEvent;

    /// <summary>The user's rules and what else decides for them; null if they are those of most users.</summary>
    public MemberRules? Rules { get; set; }

    /// <summary>The notifications that are shown here.</summary>
    public int Here { get; set; }

    /// <summary>Those that Synapse showed.</summary>
    public int There { get; private set; }

    /// <summary>Whether there is no receipt for all threads: then what came before the join counts as read.</summary>
    public bool NeedsJoin => _unthreaded is null;

    /// <summary>The threads with receipts of their own, by the ids of their roots.</summary>
    public IEnumerable<string> ThreadIds => _receipts.Keys.Where(static id => id != SourceCounts.Main);

    /// <summary>All events up to this one are read.</summary>
    public long ReadAll => _all;

    public void Add(SourceReceipt receipt)
    {
        if (receipt.ThreadId is not { } thread)
        {
            _unthreaded = Math.Max(_unthreaded ?? long.MinValue, receipt.Position);
            return;
        }

        _receipts[thread] = Math.Max(_receipts.GetValueOrDefault(thread, long.MinValue), receipt.Position);
    }

    /// <summary>All receipts were added.</summary>
    /// <param name="joined">The position of the join, for a member who needs it.</param>
    /// <param name="roots">The numbers of threads' roots.</param>
    public void Begin(long? joined, IReadOnlyDictionary<string, EventNid> roots)
    {
        _main = _all = _unthreaded ?? joined ?? memberSince;
        foreach (var (thread, position) in _receipts)
        {
            if (thread == SourceCounts.Main) _main = Math.Max(_main, position);
            else if (roots.TryGetValue(thread, out var root)) _threads[root] = position;
        }
    }

    /// <summary>Whether the member has read an event.</summary>
    public bool HasRead(EventNid thread, long position) =>
        position <= _all
        || (thread.IsNone ? position <= _main : _threads.TryGetValue(thread, out var read) && position <= read);

    /// <summary>The member sent a message: what came before it in its thread is read.</summary>
    public void Said(EventNid thread, long position)
    {
        if (thread.IsNone) _main = Math.Max(_main, position);
        else _threads[thread] = Math.Max(_threads.GetValueOrDefault(thread), position);
    }

    /// <summary>Counts a sum of Synapse's, unless a receipt has come since it was made.</summary>
    public void Count(PushSummary summary)
    {
        var read = ReadThere(summary.ThreadId);
        if (summary.Receipt is { } receipt ? receipt != read : summary.Through <= read) return;
        There += summary.Count;
        _summed.Add(summary.ThreadId);
    }

    /// <summary>Counts an action of Synapse's, unless it is in a sum.</summary>
    /// <param name="action">The action.</param>
    /// <param name="summedThrough">The last event that is in sums.</param>
    public void Count(PushAction action, long summedThrough)
    {
        var after = _summed.Contains(action.ThreadId) ? summedThrough : ReadThere(action.ThreadId);
        if (action.Notifies && action.Position > after) There++;
    }

    // Synapse takes the latest member event where there is no receipt, and a thread's receipt if it is the later one.
    private long ReadThere(string thread) =>
        Math.Max(_unthreaded ?? memberSince, _receipts.GetValueOrDefault(thread, long.MinValue));
}
