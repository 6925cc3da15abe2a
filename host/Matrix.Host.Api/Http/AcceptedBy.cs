namespace Matrix.Host.Api.Http;

/// <summary>The listeners of the configuration.</summary>
public enum Listener
{
    /// <summary>`listeners.client`.</summary>
    Client,

    /// <summary>`listeners.federation`.</summary>
    Federation,

    /// <summary>`listeners.metrics`.</summary>
    Metrics,

    /// <summary>`listeners.control`.</summary>
    Control,

    /// <summary>`listeners.admin`.</summary>
    Admin,

    /// <summary>`cluster.requests`: what other nodes forward.</summary>
    Nodes,
}

/// <summary>
/// A feature of a connection: the listener that accepted it. Of a request that another node forwarded, the one there.
/// </summary>
public sealed record AcceptedBy(Listener Listener)
{
    /// <summary>The client's address, if another node forwarded the request; null otherwise.</summary>
    public string? ForwardedFor { get; init; }
}
