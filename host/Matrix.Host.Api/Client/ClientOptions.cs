using Matrix.Core.Json;

namespace Matrix.Host.Api.Client;

/// <summary>Options of the Client-Server API.</summary>
public sealed record ClientOptions
{
    /// <summary>This server's name.</summary>
    public required string ServerName { get; init; }

    /// <summary>The URL at which clients reach the server; empty if it is not configured.</summary>
    public string PublicBaseUrl { get; init; } = "";

    /// <summary>Further members of `/.well-known/matrix/client`.</summary>
    public JsonObject WellKnownClient { get; init; } = JsonObject.Empty;

    /// <summary>The member of `/.well-known/matrix/client` that lists the transports of calls (MSC4143).</summary>
    public const string RtcFoci = "org.matrix.msc4143.rtc_foci";

    /// <summary>The transports of calls between several users, the best first (MSC4143).</summary>
    public IReadOnlyList<JsonObject> RtcTransports { get; init; } = [];

    /// <summary>
    /// The public Ed25519 key of a policy server under this server's name, as unpadded Base64; empty for none.
    /// </summary>
    public string PolicyServerKey { get; init; } = "";

    /// <summary>The name under which other servers reach this one; empty if its own leads there.</summary>
    public string WellKnownServer { get; init; } = "";

    /// <summary>Who helps users.</summary>
    public SupportOptions Support { get; init; } = new();

    /// <summary>The shared secret of registration by administrators' tools; empty for none.</summary>
    public string RegistrationSharedSecret { get; init; } = "";

    /// <summary>The policies that new users accept.</summary>
    public IReadOnlyList<PolicyDocument> Policies { get; init; } = [];

    /// <summary>The lifetime of a session of user-interactive authentication.</summary>
    public TimeSpan InteractiveLifetime { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>The most sessions of user-interactive authentication, half of them of strangers.</summary>
    public int InteractiveSessions { get; init; } = 10_000;

    /// <summary>The most of them that requests of one user begin.</summary>
    public int InteractiveOfUser { get; init; } = 100;

    /// <summary>Bytes of cached filters.</summary>
    public long FilterCacheBytes { get; init; } = 4L * 1024 * 1024;

    /// <summary>The most rooms in a page of the rooms that two users share.</summary>
    public int MaxMutualRooms { get; init; } = 500;

    /// <summary>The API of 2014, for the oldest clients.</summary>
    public LegacyOptions Legacy { get; init; } = new();

    /// <summary>A page about the limits of accounts; empty for none.</summary>
    public string LimitsInfo { get; init; } = "";
}

/// <summary>Options of `/_matrix/client/api/v1`, the Client-Server API of 2014.</summary>
public sealed record LegacyOptions
{
    /// <summary>Whether it is served.</summary>
    public bool IsOn { get; init; }

    /// <summary>Whether rooms are public if their creator does not say.</summary>
    public bool PublicRooms { get; init; }

    /// <summary>The most responses that are remembered by their transaction ids.</summary>
    public int MaxTransactions { get; init; } = 10_000;
}

/// <summary>Who helps users. Contacts are user ids and mail addresses.</summary>
public sealed record SupportOptions
{
    /// <summary>A page for users; empty for none.</summary>
    public string Page { get; init; } = "";

    /// <summary>The server's administrators.</summary>
    public IReadOnlyList<string> Admin { get; init; } = [];

    /// <summary>Contacts for security problems.</summary>
    public IReadOnlyList<string> Security { get; init; } = [];
}
