using System.Net;

namespace Matrix.Host.Network;

/// <summary>Requests to other servers: which servers and networks, and every bound.</summary>
public sealed record NetworkOptions
{
    /// <summary>This server's name.</summary>
    public required string ServerName { get; init; }

    /// <summary>Private networks that may be reached.</summary>
    public IReadOnlyList<IPNetwork> AllowNetworks { get; init; } = [];

    /// <summary>A file of certificates (PEM) that are trusted beside the system's; "" for none.</summary>
    public string CustomCa { get; init; } = "";

    /// <summary>Name servers; empty for the system's.</summary>
    public IReadOnlyList<IPEndPoint> Nameservers { get; init; } = [];

    /// <summary>The servers that this server talks to, as names or globs; empty for all.</summary>
    public IReadOnlyList<string> AllowServers { get; init; } = [];

    /// <summary>The servers that this server does not talk to, as names or globs.</summary>
    public IReadOnlyList<string> DenyServers { get; init; } = [];

    /// <summary>
    /// Whether the endpoints of old servers are used where a server does not know the newer ones: version 1 of
    /// `send_join`, `send_leave` and `invite`.
    /// </summary>
    public bool LegacyFederation { get; init; } = true;

    /// <summary>Requests at once that users wait for, besides those for keys, profiles and media.</summary>
    public int UserRequests { get; init; } = 128;

    /// <summary>A server that took as long to answer a request of a user counts as slow.</summary>
    public TimeSpan SlowAfter { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long it is remembered whether a server was slow.</summary>
    public TimeSpan PaceKept { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>The servers of which that is remembered.</summary>
    public int PaceServers { get; init; } = 10_000;

    /// <summary>Sockets to all other servers at once.</summary>
    public int MaxSockets { get; init; } = 256;

    /// <summary>Sockets to one server at once.</summary>
    public int MaxSocketsPerServer { get; init; } = 8;

    /// <summary>The addresses of one server that a connection tries.</summary>
    public int MaxAddressesTried { get; init; } = 8;

    /// <summary>The time for connecting, TLS included, over all addresses of a server.</summary>
    public TimeSpan ConnectTime { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The time of a whole request, discovery included, unless the request has its own.</summary>
    public TimeSpan RequestTime { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>The time of a request whose response may be large, such as a room's state.</summary>
    public TimeSpan LargeRequestTime { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long an idle connection stays open.</summary>
    public TimeSpan IdleConnectionTime { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// How long a connection is used. After that the server is discovered and its certificate checked again.
    /// </summary>
    public TimeSpan ConnectionLifetime { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Bytes of a response, unless the request has its own bound.</summary>
    public int MaxResponseBytes { get; init; } = 4 << 20;

    /// <summary>Bytes of a response that may be large, such as a room's state.</summary>
    public int MaxLargeResponseBytes { get; init; } = 256 << 20;

    /// <summary>Bytes of a page of a list: older events, keys of many users.</summary>
    public int MaxPageBytes { get; init; } = 32 << 20;

    /// <summary>Bytes of a page of published rooms, which users without an account may ask for.</summary>
    public int MaxPublishedRoomsBytes { get; init; } = 4 << 20;

    /// <summary>
    /// Bytes that all responses take, beyond the first few of each: the buffers of those that are read, and the bodies
    /// and JSON of those that are still held. A response that needs more fails.
    /// </summary>
    public long MaxResponseBytesAtOnce { get; init; } = 512L << 20;

    /// <summary>Events in one response.</summary>
    public int MaxEventsInResponse { get; init; } = 1_000_000;

    /// <summary>Bytes of a response's headers.</summary>
    public int MaxResponseHeaderBytes { get; init; } = 32 << 10;

    /// <summary>How often a server's failures are logged.</summary>
    public TimeSpan ErrorLogInterval { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Servers whose latest log line is remembered; beyond these the oldest are dropped.</summary>
    public int MaxErrorLogServers { get; init; } = 10_000;

    /// <summary>How far ahead this server publishes its keys as valid.</summary>
    public TimeSpan OwnKeyValidity { get; init; } = TimeSpan.FromDays(1);

    /// <summary>Bytes of the cache of other servers' keys.</summary>
    public long KeyCacheBytes { get; init; } = 8 << 20;

    /// <summary>Keys of one server, former ones included; a response with more does not count.</summary>
    public int MaxKeysPerServer { get; init; } = 50;

    /// <summary>
    /// Earlier responses with keys of one server that are kept for others, and read from a notary, beside the latest.
    /// </summary>
    public int MaxEarlierKeyResponses { get; init; } = 8;

    /// <summary>Bytes of a response with keys.</summary>
    public int MaxKeyResponseBytes { get; init; } = 64 << 10;

    /// <summary>The time of a fetch of keys.</summary>
    public TimeSpan KeyFetchTime { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Fetches of keys at once that events and this server itself need; others wait.</summary>
    public int MaxKeyFetches { get; init; } = 32;

    /// <summary>
    /// Fetches of keys at once that requests cause before they are authenticated, of servers whose keys are stored. One
    /// address has a quarter of them.
    /// </summary>
    public int MaxKnownKeyFetches { get; init; } = 16;

    /// <summary>The same, of all other servers.</summary>
    public int MaxStrangerKeyFetches { get; init; } = 16;

    /// <summary>Fetches of keys of each of these kinds that wait or run; beyond these no keys are found.</summary>
    public int MaxKeyFetchesWaiting { get; init; } = 10_000;

    /// <summary>The shortest pause between two fetches of a server's keys.</summary>
    public TimeSpan KeyFetchPause { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The longest pause after failed fetches; it doubles from <see cref="KeyFetchPause"/>.</summary>
    public TimeSpan LongestKeyFetchPause { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Servers whose latest fetch is remembered; beyond these the least recently used are dropped.</summary>
    public int MaxKeyFetchServers { get; init; } = 100_000;

    /// <summary>
    /// Fetches of keys a minute that requests cause before they are authenticated, of servers whose keys are not
    /// stored.
    /// </summary>
    public int MaxKeyFetchesPerMinute { get; init; } = 600;

    /// <summary>
    /// The same, of unknown keys of servers whose keys are stored. Fetches of known keys that are no longer valid are
    /// not counted: a server's keys are valid for a while after one.
    /// </summary>
    public int MaxKnownKeyFetchesPerMinute { get; init; } = 600;

    /// <summary>The same of either kind, caused by one address.</summary>
    public int MaxKeyFetchesPerAddress { get; init; } = 200;

    /// <summary>Fetches of other servers' keys a minute that the events of one sending server cause.</summary>
    public int MaxKeyFetchesPerSender { get; init; } = 300;

    /// <summary>
    /// Servers that are asked for the keys of others, in this order: for those of servers that do not answer, and for
    /// keys of old events that their servers no longer publish.
    /// </summary>
    public IReadOnlyList<string> Notaries { get; init; } = [];

    /// <summary>Servers in one query to a notary.</summary>
    public int MaxNotaryQueryServers { get; init; } = 20;

    /// <summary>How long keys that are wanted of notaries are gathered before they are asked for.</summary>
    public TimeSpan NotaryGatherTime { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>
    /// Queries to notaries at once that events need, and the same number of those that requests cause before they are
    /// authenticated; others wait.
    /// </summary>
    public int MaxNotaryQueries { get; init; } = 8;

    /// <summary>
    /// Queries to notaries a minute for keys of one server that the events of one sending server cause.
    /// </summary>
    public int MaxNotaryQueriesPerServer { get; init; } = 20;

    /// <summary>Bytes of the cache of responses with keys, which this server passes on as a notary.</summary>
    public long KeyResponseCacheBytes { get; init; } = 4 << 20;

    /// <summary>Servers in one query of a notary; of further ones nothing is returned.</summary>
    public int MaxNotaryServers { get; init; } = 200;

    /// <summary>Bytes of the response to such a query.</summary>
    public int MaxNotaryResponseBytes { get; init; } = 2 << 20;

    /// <summary>The time of such a query. After it, what is known is returned.</summary>
    public TimeSpan NotaryTime { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Fetches at once that such queries cause; others wait.</summary>
    public int MaxNotaryFetches { get; init; } = 8;

    /// <summary>Fetches a minute that such queries cause.</summary>
    public int MaxNotaryFetchesPerMinute { get; init; } = 300;

    /// <summary>The same, caused by one address.</summary>
    public int MaxNotaryFetchesPerAddress { get; init; } = 60;

    /// <summary>The most server names that are resolved at a time. Further ones fail at once.</summary>
    public int MaxDiscoveries { get; init; } = 1024;

    /// <summary>The longest time of one resolution, with all its lookups.</summary>
    public TimeSpan DiscoveryTime { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Bound on the memory for resolved names.</summary>
    public long DiscoveryCacheBytes { get; init; } = 8 << 20;

    /// <summary>The shortest time that addresses are kept, whatever their time to live.</summary>
    public TimeSpan AddressMinimumTime { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The longest time that addresses are kept, whatever their time to live.</summary>
    public TimeSpan AddressMaximumTime { get; init; } = TimeSpan.FromHours(1);

    /// <summary>The longest time that the absence of a name or record is kept.</summary>
    public TimeSpan NegativeMaximumTime { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long a failed resolution is kept.</summary>
    public TimeSpan DiscoveryFailureTime { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The most SRV records of a name that are read.</summary>
    public int MaxServiceRecords { get; init; } = 64;

    /// <summary>The most targets of SRV records whose addresses are looked up.</summary>
    public int MaxServiceTargets { get; init; } = 8;

    /// <summary>The most end points of a server.</summary>
    public int MaxEndPoints { get; init; } = 16;

    /// <summary>The most DNS lookups at a time. Further ones wait within their time.</summary>
    public int MaxLookups { get; init; } = 256;

    /// <summary>The longest time of one DNS lookup.</summary>
    public TimeSpan LookupTime { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Bound on the memory for DNS messages and records, in bytes each.</summary>
    public long DnsCacheBytes { get; init; } = 4 << 20;

    /// <summary>The port of `.well-known`: 443, but for tests.</summary>
    public int WellKnownPort { get; init; } = 443;

    /// <summary>The most `.well-known` requests at a time. Further ones wait within their time.</summary>
    public int MaxWellKnownFetches { get; init; } = 64;

    /// <summary>The longest time of a `.well-known` request, with its redirects.</summary>
    public TimeSpan WellKnownTime { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// The longest time of a connection for `.well-known`, TLS included. After it, the next address is tried.
    /// </summary>
    public TimeSpan WellKnownConnectTime { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>The most redirects that a `.well-known` request follows.</summary>
    public int WellKnownRedirects { get; init; } = 5;

    /// <summary>The largest `.well-known` response.</summary>
    public int WellKnownBytes { get; init; } = 51_200;

    /// <summary>How long a `.well-known` response without cache headers is kept.</summary>
    public TimeSpan WellKnownDefaultTime { get; init; } = TimeSpan.FromHours(24);

    /// <summary>The longest time that a valid `.well-known` response is kept.</summary>
    public TimeSpan WellKnownMaximumTime { get; init; } = TimeSpan.FromHours(48);

    /// <summary>The shortest time that a valid `.well-known` response is kept.</summary>
    public TimeSpan WellKnownMinimumTime { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How long the first failure is kept. Each repeated failure doubles it.</summary>
    public TimeSpan WellKnownFirstErrorTime { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>The longest time that a failure is kept.</summary>
    public TimeSpan WellKnownMaximumErrorTime { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Bound on the memory for `.well-known` responses.</summary>
    public long WellKnownCacheBytes { get; init; } = 4 << 20;
}
