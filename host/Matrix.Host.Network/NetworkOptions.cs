using System.Net;
using Matrix.Host.Parts;

namespace Matrix.Host.Network;

/// <summary>Requests to other servers: which servers and networks, and every bound.</summary>
public sealed record NetworkOptions
{
    /// <summary>This server's name.</summary>
    public required string ServerName { get; init; }

    [Setting(
        "federation.custom_ca",
        "A file with certificates (PEM) to trust in addition to the system's.",
        Form = SettingForm.Path, Scope = SettingScope.Node)]
    public string CustomCa { get; init; } = "";

    [Setting(
        "federation.allow_networks",
        "Networks that may be reached although they are private, such as [10.0.0.0/8]. Other private addresses "
            + "are refused, whatever name leads to them.")]
    public IReadOnlyList<IPNetwork> AllowNetworks { get; init; } = [];

    [Setting("federation.nameservers", "Name servers, address:port each; [] for the system's.")]
    public IReadOnlyList<IPEndPoint> Nameservers { get; init; } = [];

    [Setting(
        "federation.allow_servers",
        "The only servers to talk to, as names in which * and ? are wildcards; [] for all. A name without a port "
            + "is for all ports.",
        Form = SettingForm.ServerPatterns)]
    public IReadOnlyList<string> AllowServers { get; init; } = [];

    [Setting("federation.deny_servers", "Servers not to talk to, in the same form.", Form = SettingForm.ServerPatterns)]
    public IReadOnlyList<string> DenyServers { get; init; } = [];

    [Setting(
        "federation.user_requests",
        "Requests to other servers at once that users wait for: rooms of spaces, summaries, directories, "
            + "aliases, events near a time, joins, knocks and leaves. One user, application service, or network "
            + "without a token has a quarter, slow servers a quarter together.",
        Least = 1, Most = 100_000)]
    public int UserRequests { get; init; } = 128;

    [Setting(
        "federation.slow_after",
        "A server that took as long to answer what a user asked for counts as slow: few such requests are made "
            + "at once.")]
    public TimeSpan SlowAfter { get; init; } = TimeSpan.FromSeconds(5);

    [Setting("federation.slow_kept", "How long it is remembered whether a server was slow.")]
    public TimeSpan PaceKept { get; init; } = TimeSpan.FromMinutes(30);

    [Setting("federation.slow_servers", "Servers of which that is remembered.", Least = 1, Most = 1_000_000)]
    public int PaceServers { get; init; } = 10_000;

    [Setting("federation.discoveries", "Server names that are resolved at once; more fail.", Least = 1)]
    public int MaxDiscoveries { get; init; } = 1024;

    [Setting("federation.discovery_time", "The time for resolving a server name, with all lookups.")]
    public TimeSpan DiscoveryTime { get; init; } = TimeSpan.FromSeconds(30);

    [Setting("federation.discovery_failure_time", "How long a failed resolution is kept.")]
    public TimeSpan DiscoveryFailureTime { get; init; } = TimeSpan.FromSeconds(10);

    [Setting(
        "federation.address_minimum_time",
        "The shortest time that addresses are kept, whatever their time to live.")]
    public TimeSpan AddressMinimumTime { get; init; } = TimeSpan.FromSeconds(5);

    [Setting("federation.address_maximum_time", "The longest time that addresses are kept.")]
    public TimeSpan AddressMaximumTime { get; init; } = TimeSpan.FromHours(1);

    [Setting("federation.negative_maximum_time", "The longest time that the absence of a name or record is kept.")]
    public TimeSpan NegativeMaximumTime { get; init; } = TimeSpan.FromMinutes(5);

    [Setting("federation.service_records", "SRV records of a name that are read.", Least = 1, Most = 10_000)]
    public int MaxServiceRecords { get; init; } = 64;

    [Setting(
        "federation.service_targets",
        "Targets of SRV records whose addresses are looked up.",
        Least = 1, Most = 1000)]
    public int MaxServiceTargets { get; init; } = 8;

    [Setting("federation.end_points", "Addresses of a server that are kept.", Least = 1, Most = 1000)]
    public int MaxEndPoints { get; init; } = 16;

    [Setting("federation.lookups", "DNS lookups at once; others wait.", Least = 1)]
    public int MaxLookups { get; init; } = 256;

    [Setting("federation.lookup_time", "The time of one DNS lookup.")]
    public TimeSpan LookupTime { get; init; } = TimeSpan.FromSeconds(10);

    [Setting("federation.well_known_fetches", ".well-known requests at once; others wait.", Least = 1)]
    public int MaxWellKnownFetches { get; init; } = 64;

    [Setting("federation.well_known_time", "The time of a .well-known request, with its redirects.")]
    public TimeSpan WellKnownTime { get; init; } = TimeSpan.FromSeconds(10);

    [Setting(
        "federation.well_known_connect_time",
        "The time of a connection for .well-known, TLS included; after that the next address is tried.")]
    public TimeSpan WellKnownConnectTime { get; init; } = TimeSpan.FromSeconds(3);

    [Setting("federation.well_known_redirects", "Redirects that a .well-known request follows.", Most = 20)]
    public int WellKnownRedirects { get; init; } = 5;

    [Setting(
        "federation.well_known_bytes",
        "A .well-known response.",
        Form = SettingForm.Bytes, Least = 1 << 10, Most = 1 << 20)]
    public int WellKnownBytes { get; init; } = 51_200;

    [Setting("federation.well_known_default_time", "How long a .well-known response without cache headers is kept.")]
    public TimeSpan WellKnownDefaultTime { get; init; } = TimeSpan.FromHours(24);

    [Setting("federation.well_known_minimum_time", "The shortest time that a valid .well-known response is kept.")]
    public TimeSpan WellKnownMinimumTime { get; init; } = TimeSpan.FromMinutes(1);

    [Setting("federation.well_known_maximum_time", "The longest time that a valid .well-known response is kept.")]
    public TimeSpan WellKnownMaximumTime { get; init; } = TimeSpan.FromHours(48);

    [Setting(
        "federation.well_known_first_error_time",
        "How long the first failure of .well-known is kept; each repeated failure doubles it.")]
    public TimeSpan WellKnownFirstErrorTime { get; init; } = TimeSpan.FromMinutes(1);

    [Setting("federation.well_known_maximum_error_time", "The longest time that a failure of .well-known is kept.")]
    public TimeSpan WellKnownMaximumErrorTime { get; init; } = TimeSpan.FromHours(1);

    [Setting("federation.sockets", "Sockets to all other servers at once.", Least = 8, Most = 65_536)]
    public int MaxSockets { get; init; } = 256;

    [Setting("federation.sockets_per_server", "Sockets to one server at once.", Least = 1, Most = 1000)]
    public int MaxSocketsPerServer { get; init; } = 8;

    [Setting("federation.addresses_tried", "Addresses of one server that a connection tries.", Least = 1, Most = 100)]
    public int MaxAddressesTried { get; init; } = 8;

    [Setting("federation.connect_time", "The time for connecting, TLS included, over all addresses of a server.")]
    public TimeSpan ConnectTime { get; init; } = TimeSpan.FromSeconds(10);

    [Setting("federation.request_time", "The time of a request, from discovery to the end of the response.")]
    public TimeSpan RequestTime { get; init; } = TimeSpan.FromSeconds(60);

    [Setting(
        "federation.large_request_time",
        "The time of a request whose response grows with a room, such as a join.")]
    public TimeSpan LargeRequestTime { get; init; } = TimeSpan.FromMinutes(5);

    [Setting("federation.idle_connection_time", "How long an idle connection stays open.")]
    public TimeSpan IdleConnectionTime { get; init; } = TimeSpan.FromSeconds(60);

    [Setting(
        "federation.connection_lifetime",
        "How long a connection is used before the server's certificate is checked again.")]
    public TimeSpan ConnectionLifetime { get; init; } = TimeSpan.FromMinutes(10);

    [Setting(
        "federation.response_bytes",
        "The response to any request not named below.",
        Form = SettingForm.Bytes, Least = 64 << 10, Most = 1 << 30)]
    public int MaxResponseBytes { get; init; } = 4 << 20;

    [Setting(
        "federation.page_bytes",
        "A page of a list: older events, keys of many users.",
        Form = SettingForm.Bytes, Least = 64 << 10, Most = 1 << 30)]
    public int MaxPageBytes { get; init; } = 32 << 20;

    [Setting(
        "federation.published_rooms_bytes",
        "A page of published rooms, which clients without an account may ask for.",
        Form = SettingForm.Bytes, Least = 64 << 10, Most = 1 << 30)]
    public int MaxPublishedRoomsBytes { get; init; } = 4 << 20;

    [Setting(
        "federation.large_response_bytes",
        "A response that grows with a room, such as its state.",
        Form = SettingForm.Bytes, Least = 1 << 20, Most = 1 << 30)]
    public int MaxLargeResponseBytes { get; init; } = 256 << 20;

    [Setting(
        "federation.responses_at_once",
        "The memory of all responses, from their buffers and their JSON until they are no longer held; a "
            + "response that needs more fails. While one is read it takes twice its bytes.",
        Least = 16 << 20)]
    public long MaxResponseBytesAtOnce { get; init; } = 512L << 20;

    [Setting("federation.response_events", "Events in one response.", Least = 1000)]
    public int MaxEventsInResponse { get; init; } = 1_000_000;

    [Setting(
        "federation.response_header_bytes",
        "Headers of a response.",
        Form = SettingForm.Bytes, Least = 4 << 10, Most = 1 << 20)]
    public int MaxResponseHeaderBytes { get; init; } = 32 << 10;

    [Setting("federation.error_log_interval", "How often failures of the same server are logged.")]
    public TimeSpan ErrorLogInterval { get; init; } = TimeSpan.FromMinutes(10);

    [Setting(
        "federation.error_log_servers",
        "Servers whose latest log line is remembered; the oldest are dropped first.",
        Least = 1)]
    public int MaxErrorLogServers { get; init; } = 10_000;

    [Setting(
        "federation.own_key_validity",
        "How far ahead this server publishes its signing key as valid. Other servers fetch it again after that.")]
    public TimeSpan OwnKeyValidity { get; init; } = TimeSpan.FromDays(1);

    [Setting(
        "federation.keys_per_server",
        "Signing keys of one server, former ones included.",
        Least = 1, Most = 10_000)]
    public int MaxKeysPerServer { get; init; } = 50;

    [Setting(
        "federation.earlier_key_responses",
        "Earlier responses with signing keys of one server that are kept beside the latest, if they have keys "
            + "that later ones lack. Other servers need them for old events, and get them by a query.",
        Most = 1000)]
    public int MaxEarlierKeyResponses { get; init; } = 8;

    [Setting(
        "federation.key_response_bytes",
        "A response with signing keys.",
        Form = SettingForm.Bytes, Least = 4 << 10, Most = 16 << 20)]
    public int MaxKeyResponseBytes { get; init; } = 64 << 10;

    [Setting("federation.key_fetch_time", "The time of a fetch of signing keys.")]
    public TimeSpan KeyFetchTime { get; init; } = TimeSpan.FromSeconds(15);

    [Setting(
        "federation.key_fetches",
        "Fetches of signing keys at once that events need; others wait.",
        Least = 1, Most = 10_000)]
    public int MaxKeyFetches { get; init; } = 32;

    [Setting(
        "federation.known_key_fetches",
        "Fetches of signing keys at once that requests cause before they are authenticated, of servers whose "
            + "keys events have needed. One address has a quarter of them.",
        Least = 4, Most = 10_000)]
    public int MaxKnownKeyFetches { get; init; } = 16;

    [Setting(
        "federation.stranger_key_fetches",
        "The same, of all other servers: names that anyone may invent.",
        Least = 4, Most = 10_000)]
    public int MaxStrangerKeyFetches { get; init; } = 16;

    [Setting(
        "federation.key_fetches_waiting",
        "Fetches of each of these kinds that wait or run; beyond these no keys are found. One address has a "
            + "quarter of the latter two.",
        Least = 1)]
    public int MaxKeyFetchesWaiting { get; init; } = 10_000;

    [Setting(
        "federation.key_fetch_pause",
        "The shortest pause between two fetches of a server's keys; it doubles with each failure.")]
    public TimeSpan KeyFetchPause { get; init; } = TimeSpan.FromSeconds(10);

    [Setting("federation.longest_key_fetch_pause", "The longest pause after failures.")]
    public TimeSpan LongestKeyFetchPause { get; init; } = TimeSpan.FromMinutes(10);

    [Setting(
        "federation.key_fetch_servers",
        "Servers whose latest fetch is remembered; the oldest are dropped first.",
        Least = 1)]
    public int MaxKeyFetchServers { get; init; } = 100_000;

    [Setting(
        "federation.key_fetches_per_minute",
        "Fetches of keys a minute that requests cause before they are authenticated, of servers whose keys "
            + "events have not needed.",
        Least = 1)]
    public int MaxKeyFetchesPerMinute { get; init; } = 600;

    [Setting(
        "federation.known_key_fetches_per_minute",
        "The same, of servers whose keys events have needed and that seem to have a new one. Fetches of known "
            + "keys whose validity is over are not counted.",
        Least = 1)]
    public int MaxKnownKeyFetchesPerMinute { get; init; } = 600;

    [Setting("federation.key_fetches_per_address", "The same, caused by requests from one address.", Least = 1)]
    public int MaxKeyFetchesPerAddress { get; init; } = 200;

    [Setting(
        "federation.key_fetches_per_sender",
        "Fetches of other servers' keys a minute that the events of one sending server cause.",
        Least = 1)]
    public int MaxKeyFetchesPerSender { get; init; } = 300;

    [Setting(
        "federation.notaries",
        "Servers that are asked for the keys of servers that do not answer. They learn the names of these "
            + "servers, and what they say counts if they and the other server have signed it.",
        Form = SettingForm.ServerNames)]
    public IReadOnlyList<string> Notaries { get; init; } = [];

    [Setting(
        "federation.notary_query_servers",
        "Servers in one query that this server sends to a notary.",
        Least = 1, Most = 200)]
    public int MaxNotaryQueryServers { get; init; } = 20;

    [Setting("federation.notary_gather_time", "How long keys are gathered for such a query.")]
    public TimeSpan NotaryGatherTime { get; init; } = TimeSpan.FromMilliseconds(20);

    [Setting(
        "federation.notary_queries",
        "Such queries at once that events need; others wait. Requests before authentication cause as many.",
        Least = 1, Most = 1000)]
    public int MaxNotaryQueries { get; init; } = 8;

    [Setting(
        "federation.notary_queries_per_server",
        "Such queries a minute about one server that the events of one sending server cause.",
        Least = 1)]
    public int MaxNotaryQueriesPerServer { get; init; } = 20;

    [Setting(
        "federation.notary_servers",
        "Servers in one query for keys that another server sends; of further ones nothing is returned.",
        Least = 1, Most = 10_000)]
    public int MaxNotaryServers { get; init; } = 200;

    [Setting(
        "federation.notary_response_bytes",
        "The response to such a query.",
        Form = SettingForm.Bytes, Least = 64 << 10, Most = 64 << 20)]
    public int MaxNotaryResponseBytes { get; init; } = 2 << 20;

    [Setting("federation.notary_time", "The time of such a query. After it, the keys that are known are returned.")]
    public TimeSpan NotaryTime { get; init; } = TimeSpan.FromSeconds(10);

    [Setting(
        "federation.notary_fetches",
        "Fetches of keys at once that such queries cause; others wait.",
        Least = 1, Most = 1000)]
    public int MaxNotaryFetches { get; init; } = 8;

    [Setting("federation.notary_fetches_per_minute", "Fetches a minute that such queries cause.", Least = 1)]
    public int MaxNotaryFetchesPerMinute { get; init; } = 300;

    [Setting("federation.notary_fetches_per_address", "The same, caused by queries from one address.", Least = 1)]
    public int MaxNotaryFetchesPerAddress { get; init; } = 60;

    [Setting(
        "compatibility.legacy_federation",
        "Whether the first versions of endpoints are used with servers that do not know the second.")]
    public bool LegacyFederation { get; init; } = true;

    [Setting("cache.server_keys", "Signing keys of other servers.", Least = 64 << 10, Most = 1L << 30)]
    public long KeyCacheBytes { get; init; } = 8 << 20;

    [Setting(
        "cache.key_responses",
        "Other servers' responses with their keys, which are passed on to those who ask for them.",
        Least = 256 << 10, Most = 1L << 30)]
    public long KeyResponseCacheBytes { get; init; } = 4 << 20;

    [Setting("cache.discovery", "Resolved names of other servers.", Least = 64 << 10, Most = 1L << 30)]
    public long DiscoveryCacheBytes { get; init; } = 8 << 20;

    [Setting("cache.dns", "DNS messages, and as many bytes of DNS records.", Least = 64 << 10, Most = 1L << 30)]
    public long DnsCacheBytes { get; init; } = 4 << 20;

    [Setting("cache.well_known", ".well-known responses of other servers.", Least = 64 << 10, Most = 1L << 30)]
    public long WellKnownCacheBytes { get; init; } = 4 << 20;

    [Setting("federation.well_known_port", "The port of .well-known.", Least = 1, Most = 65_535, IsHidden = true)]
    public int WellKnownPort { get; init; } = 443;
}
