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
}

/// <summary>A feature of a connection: the listener that accepted it.</summary>
public sealed record AcceptedBy(Listener Listener);
