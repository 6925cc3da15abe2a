namespace Matrix.Host.Outbound.Shards;

/// <summary>
/// The shards for which a sender handles changes here, and from which position on. Written by the task that handles
/// changes, read by all.
/// </summary>
internal sealed class HandledShards
{
    private const long NotHere = long.MaxValue;

    private readonly long[] _after = [.. Enumerable.Repeat(NotHere, Core.Cluster.Shards.Count)];

    /// <summary>Whether a change is to be handled: the shard is here, and it was not handled before.</summary>
    internal bool Takes(int shard, long position) => position > Volatile.Read(ref _after[shard]);

    /// <summary>A shard is handled from a position on.</summary>
    internal void Begin(int shard, long after) => Volatile.Write(ref _after[shard], after);

    /// <summary>All changes up to a position were handled: they may come once more.</summary>
    internal void Reach(long position)
    {
        for (var shard = 0; shard < _after.Length; shard++)
        {
            if (_after[shard] < position) Begin(shard, position);
        }
    }

    /// <summary>A shard is not handled any more.</summary>
    internal void End(int shard) => Begin(shard, NotHere);
}
