namespace Matrix.Host.Cluster.Membership;

/// <summary>
/// How far this machine's clock is ahead of the database's, which all nodes compare theirs with. Any thread may
/// measure, one at a time compares.
/// </summary>
internal sealed class NodeClock(ClusterNodeOptions options)
{
    /// <summary>A question that took longer says too little.</summary>
    private const long MostUncertain = 250;

    /// <summary>What others are told need not be closer.</summary>
    private const long Close = 50;

    /// <summary>So many comparisons in a row have to say the same before this node does.</summary>
    internal const int Repeats = 3;

    private const long Unknown = long.MinValue;

    private long _ahead = Unknown;
    private long? _said;
    private int _against;

    /// <summary>By how many milliseconds it is ahead; null if that was not measured.</summary>
    public long? Ahead => Volatile.Read(ref _ahead) is var ahead and not Unknown ? ahead : null;

    /// <summary>Whether it differs too much from those of the others.</summary>
    public bool IsApart { get; private set; }

    /// <summary>Whether others have to be told what was measured.</summary>
    public bool HasNews => Ahead is { } now && (_said is not { } said || Math.Abs(now - said) > Close);

    /// <summary>The time of this machine, in milliseconds since the epoch.</summary>
    public long Now => options.Clock.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Takes the answer of the database to the question what time it is.</summary>
    public void Measured(long asked, long answered, long database)
    {
        if (answered - asked is < 0 or > 2 * MostUncertain) return;
        Volatile.Write(ref _ahead, asked + ((answered - asked) / 2) - database);
    }

    /// <summary>Others were told what was measured.</summary>
    public void Said(long? ahead) => _said = ahead;

    /// <summary>
    /// Compares it with those of the other nodes. True if it is known now that it differs too much, or not any more.
    /// </summary>
    public bool Compare(IReadOnlyCollection<long> others)
    {
        var isApart = Ahead is { } mine && IsTooFar(mine, others, (long)options.ClockDifference.TotalMilliseconds);
        _against = isApart == IsApart ? 0 : _against + 1;
        if (_against < Repeats) return false;
        (IsApart, _against) = (isApart, 0);
        return true;
    }

    /// <summary>
    /// Whether a clock is too far from the middle one of all nodes; of two in the middle, from that which is closer to
    /// the database's. The middle one itself is never too far.
    /// </summary>
    internal static bool IsTooFar(long mine, IReadOnlyCollection<long> others, long most)
    {
        if (others.Count == 0) return false;
        long[] all = [.. others.Append(mine).Order()];
        var (low, high) = (all[(all.Length - 1) / 2], all[all.Length / 2]);
        var middle = Math.Abs(low) <= Math.Abs(high) ? low : high;
        return Math.Abs(mine - middle) > most;
    }
}
