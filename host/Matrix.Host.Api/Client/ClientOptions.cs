using Matrix.Core.Json;
using Matrix.Host.Parts;

namespace Matrix.Host.Api.Client;

/// <summary>Options of the Client-Server API.</summary>
public sealed record ClientOptions
{
    /// <summary>This server's name.</summary>
    public required string ServerName { get; init; }

    [Setting(
        "public_base_url",
        "The URL at which clients reach this server, such as https://matrix.example.org. It is served at "
            + "/.well-known/matrix/client.",
        Form = SettingForm.HttpUrl, Scope = SettingScope.Server)]
    public string PublicBaseUrl { get; init; } = "";

    [Setting(
        "well_known.client",
        "Further members of /.well-known/matrix/client, as nested names and values or as JSON, such as "
            + "{\"m.identity_server\": {\"base_url\": \"https://id.example.org\"}}. It needs public_base_url.")]
    public JsonObject WellKnownClient { get; init; } = JsonObject.Empty;

    /// <summary>The member of `/.well-known/matrix/client` that lists the transports of calls (MSC4143).</summary>
    public const string RtcFoci = "org.matrix.msc4143.rtc_foci";

    [Setting(
        "well_known.policy_server_key",
        "The public Ed25519 key of a policy server that has this server's name, \"\" for none. It is served at "
            + "/.well-known/matrix/policy_server.",
        Form = SettingForm.PublicKeyOrNone)]
    public string PolicyServerKey { get; init; } = "";

    [Setting(
        "federation.well_known_server",
        "Where other servers find this one, such as matrix.example.org:443. It is served to them at "
            + "/.well-known/matrix/server of the client listener.",
        Form = SettingForm.ServerNameOrNone)]
    public string WellKnownServer { get; init; } = "";

    [Setting(
        "registration.shared_secret",
        "A secret for creating accounts, administrators included, by /_synapse/admin/v1/register and `mx user "
            + "create`. \"\" turns both off.",
        IsSecret = true)]
    public string RegistrationSharedSecret { get; init; } = "";

    /// <summary>Who helps users.</summary>
    public SupportOptions Support { get; init; } = new();

    [Setting(
        "sessions.interactive_lifetime",
        "The time for completing user-interactive authentication, such as confirming with a password.")]
    public TimeSpan InteractiveLifetime { get; init; } = TimeSpan.FromMinutes(15);

    [Setting(
        "sessions.interactive_at_once",
        "The most such authentications at once, half of them of strangers; the oldest are dropped first.",
        Least = 10)]
    public int InteractiveSessions { get; init; } = 10_000;

    [Setting(
        "sessions.interactive_of_user",
        "Those of one user; the user's oldest are dropped.",
        Least = 1, Most = 100_000)]
    public int InteractiveOfUser { get; init; } = 100;

    [Setting(
        "terms.policies",
        "Policies that new users accept: by their id, each with a version and, by language, a name and url.")]
    public IReadOnlyList<PolicyDocument> Policies { get; init; } = [];

    [Setting(
        "matrix_rtc.transports",
        "What clients may use, the best first, such as [{\"type\": \"livekit\", \"livekit_service_url\": "
            + "\"https://livekit.example.org\"}]. They are also served as org.matrix.msc4143.rtc_foci at "
            + "/.well-known/matrix/client.")]
    public IReadOnlyList<JsonObject> RtcTransports { get; init; } = [];

    [Setting(
        "limits.info_uri",
        "A web page about the limits of accounts, which clients show to a user who reaches one; \"\" for none.",
        Form = SettingForm.HttpUrl)]
    public string LimitsInfo { get; init; } = "";

    [Setting("limits.mutual_rooms", "Rooms in a page of the rooms that two users share.", Least = 1, Most = 10_000)]
    public int MaxMutualRooms { get; init; } = 500;

    /// <summary>The API of 2014, for the oldest clients.</summary>
    public LegacyOptions Legacy { get; init; } = new();

    [Setting("cache.filters", "Filters.", Least = 64 << 10, Most = 1L << 30)]
    public long FilterCacheBytes { get; init; } = 4L * 1024 * 1024;
}

/// <summary>Options of `/_matrix/client/api/v1`, the Client-Server API of 2014.</summary>
public sealed record LegacyOptions
{
    [Setting("compatibility.legacy_client_api", "Whether clients of 2014 are served, at /_matrix/client/api/v1.")]
    public bool IsOn { get; init; }

    [Setting(
        "compatibility.legacy_public_rooms",
        "Whether a room that such a client creates is public unless it says otherwise.")]
    public bool PublicRooms { get; init; }

    [Setting(
        "compatibility.legacy_transactions",
        "Responses to such clients that are remembered by their transaction ids.",
        Least = 1)]
    public int MaxTransactions { get; init; } = 10_000;
}

/// <summary>Who helps users. Contacts are user ids and mail addresses.</summary>
public sealed record SupportOptions
{
    [Setting("support.page", "A page for users, \"\" for none.", Form = SettingForm.HttpUrl)]
    public string Page { get; init; } = "";

    [Setting("support.admin", "The server's administrators: user ids and mail addresses.", Form = SettingForm.Contacts)]
    public IReadOnlyList<string> Admin { get; init; } = [];

    [Setting(
        "support.security",
        "Who is told of security problems: user ids and mail addresses.",
        Form = SettingForm.Contacts)]
    public IReadOnlyList<string> Security { get; init; } = [];
}
