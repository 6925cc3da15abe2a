namespace Matrix.Host.Cluster.Membership;

/// <summary>What a node says of itself. The numbers are stored.</summary>
public enum Readiness
{
    /// <summary>It is alive, but should have no shards yet.</summary>
    Starting = 0,

    /// <summary>It should have shards.</summary>
    Ready = 1,

    /// <summary>It gives its shards, because it is about to end.</summary>
    Leaving = 2,

    /// <summary>It gives its shards, because its clock differs from those of the others.</summary>
    ClockApart = 3,
}
