namespace Matrix.Host.Api.Client;

/// <summary>What the Client-Server API is told by the configuration.</summary>
public sealed record ClientOptions
{
    /// <summary>This server's name.</summary>
    public required string ServerName { get; init; }

    /// <summary>Where clients reach it; empty if nobody said.</summary>
    public string PublicBaseUrl { get; init; } = "";

    /// <summary>Whether anyone may make an account.</summary>
    public bool RegistrationEnabled { get; init; }

    /// <summary>Whether, if anyone may, a token is asked for.</summary>
    public bool RegistrationRequiresToken { get; init; }

    /// <summary>The secret of the registration by administrators' tools; empty for none.</summary>
    public string RegistrationSharedSecret { get; init; } = "";

    /// <summary>How long an access token with a refresh token is good for.</summary>
    public TimeSpan AccessTokenLifetime { get; init; } = TimeSpan.FromHours(1);

    /// <summary>How long a login token is good for.</summary>
    public TimeSpan LoginTokenLifetime { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>How long a session of user-interactive authentication lives.</summary>
    public TimeSpan InteractiveLifetime { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>How many of them may live.</summary>
    public int InteractiveSessions { get; init; } = 10_000;

    /// <summary>Users and addresses, in pairs, of which a right password is remembered.</summary>
    public int KnownLogins { get; init; } = 100_000;

    /// <summary>How long it is remembered.</summary>
    public TimeSpan KnownLoginsKept { get; init; } = TimeSpan.FromDays(30);

    /// <summary>The fewest characters of a new password.</summary>
    public int ShortestPassword { get; init; } = 8;

    /// <summary>Access tokens whose owners are remembered.</summary>
    public int CachedTokens { get; init; } = 50_000;

    /// <summary>Bytes of parsed filters kept in memory.</summary>
    public long FilterCacheBytes { get; init; } = 4L * 1024 * 1024;

    /// <summary>A page about the limits of accounts; empty if there is none.</summary>
    public string LimitsInfo { get; init; } = "";

    /// <summary>Devices of one user.</summary>
    public int Devices { get; init; } = 1000;

    /// <summary>Pieces of account data of one user, those of rooms included.</summary>
    public int AccountData { get; init; } = 10_000;

    /// <summary>Filters of one user.</summary>
    public int Filters { get; init; } = 1000;

    /// <summary>Push rules that one user adds.</summary>
    public int PushRules { get; init; } = 1000;
}
