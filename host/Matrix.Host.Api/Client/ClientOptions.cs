namespace Matrix.Host.Api.Client;

/// <summary>What the Client-Server API is told by the configuration.</summary>
public sealed record ClientOptions
{
    /// <summary>This server's name.</summary>
    public required string ServerName { get; init; }

    /// <summary>Where clients reach it; empty if nobody said.</summary>
    public string PublicBaseUrl { get; init; } = "";

    /// <summary>The secret of the registration by administrators' tools; empty for none.</summary>
    public string RegistrationSharedSecret { get; init; } = "";

    /// <summary>How long a session of user-interactive authentication lives.</summary>
    public TimeSpan InteractiveLifetime { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>How many of them may live.</summary>
    public int InteractiveSessions { get; init; } = 10_000;

    /// <summary>Bytes of parsed filters kept in memory.</summary>
    public long FilterCacheBytes { get; init; } = 4L * 1024 * 1024;

    /// <summary>A page about the limits of accounts; empty if there is none.</summary>
    public string LimitsInfo { get; init; } = "";
}
