using Matrix.Processes;
using Matrix.Processes.Network;

namespace Matrix.ClusterNodes;

/// <summary>How a cluster is started.</summary>
internal sealed record ClusterOptions
{
    /// <summary>How many nodes it has.</summary>
    public int Nodes { get; init; } = 3;

    /// <summary>How many of them do not run yet.</summary>
    public int Held { get; init; }

    /// <summary>How HAProxy spreads requests; null if clients choose a node.</summary>
    public Balancing? Balancing { get; init; }

    /// <summary>Whether nodes reach each other and the database without proxies, which a test could cut.</summary>
    public bool IsDirect { get; init; }

    /// <summary>
    /// Who signs the certificates with which other servers of this machine reach it; null if none can.
    /// </summary>
    public IServerAuthority? Federation { get; init; }

    /// <summary>The address of its database; null for a server of its own.</summary>
    public Uri? Database { get; init; }

    /// <summary>What bounds the processor time of each node, by its number; null for nothing.</summary>
    public IReadOnlyList<ProcessorShare>? Shares { get; init; }

    /// <summary>Further environment variables of a node, by its number.</summary>
    public Func<int, IEnumerable<KeyValuePair<string, string>>> Settings { get; init; } = static _ => [];
}
