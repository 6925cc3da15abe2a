namespace Matrix.Host.Api.Http;

/// <summary>Who may call a route.</summary>
public enum Access
{
    /// <summary>Users with an access token, guests excluded.</summary>
    Users,

    /// <summary>Users and guests with an access token.</summary>
    UsersAndGuests,

    /// <summary>Everyone; a token that is given must be valid.</summary>
    Optional,

    /// <summary>Everyone; tokens are not looked at.</summary>
    Anyone,

    /// <summary>Administrators of this server.</summary>
    Admins,
}

/// <summary>How large a body may be; the configuration's `limits` say the bytes.</summary>
public enum BodyLimit
{
    /// <summary>Most endpoints: `limits.body`.</summary>
    Normal,

    /// <summary>Bodies that become one event: `limits.event_body`. The event itself has the specification's limit.</summary>
    Event,

    /// <summary>Many keys, messages or events in one body: `limits.large_body`.</summary>
    Large,
}

/// <summary>What a request is counted as; each has its own rate, for each user, or for each address where there is none.</summary>
public enum RateClass
{
    /// <summary>Anything else.</summary>
    Other,

    /// <summary>Proving who one is: log-in, refresh, user-interactive authentication.</summary>
    Login,

    /// <summary>
    /// Passwords tried for one user, wherever they come from. Counted by who checks them, not by route.
    /// </summary>
    Password,

    /// <summary>Passwords tried for one user from one address where they logged in lately.</summary>
    KnownLogin,

    /// <summary>Making accounts, and asking about names and tokens for them.</summary>
    Registration,

    /// <summary>Sending events, to-device messages, receipts and typing.</summary>
    Send,

    /// <summary>Creating and joining rooms, inviting.</summary>
    Membership,

    /// <summary>Following relations of relations.</summary>
    Recursion,

    /// <summary>Not limited: long-polls and probes.</summary>
    None,
}

/// <summary>What a route asks for beyond its handler.</summary>
public sealed record RouteOptions
{
    /// <summary>Users with a token, bodies of ordinary size, the common rate.</summary>
    public static RouteOptions Default { get; } = new();

    /// <summary>Who may call.</summary>
    public Access Access { get; init; }

    /// <summary>How often.</summary>
    public RateClass Rate { get; init; }

    /// <summary>How large the body may be.</summary>
    public BodyLimit Body { get; init; }

    /// <summary>Whether no body counts as an empty object. Always so for DELETE.</summary>
    public bool BodyMayBeMissing { get; init; }

    /// <summary>Whether the body must be canonical JSON (integers only), because it goes into an event.</summary>
    public bool CanonicalBody { get; init; }
}
