using System.Net;
using Matrix.Core.Facade;

namespace Matrix.Host.Configuration;

/// <summary>
/// Every setting: the file that is read, the environment, the commented file that the first start writes and the errors all come
/// from this list. A bound that is used anywhere in the server has its name here.
/// </summary>
internal static class ConfigKeys
{
    private static readonly List<ConfigKey> _all = [];

    /// <summary>All of them, in the order in which the commented file shows them.</summary>
    internal static IReadOnlyList<ConfigKey> All => _all;

    /// <summary>What the groups of settings are about.</summary>
    internal static IReadOnlyDictionary<string, string> Sections { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["room_versions"] = "Which rooms are made.",
        ["database"] = "Where rooms and accounts are kept.",
        ["listeners"] = "Where the server listens: address:port each, \"\" for not at all.",
        ["tls"] = "Certificate and key of listeners.federation. Clients are served without TLS: put a proxy in front.",
        ["federation"] = "Other servers.",
        ["registration"] = "Who may make an account. Closed by default, but for the first user's token that the first start prints.",
        ["sessions"] = "Log-ins and tokens.",
        ["passwords"] = "What one hash of a password costs (Argon2id).",
        ["limits"] = "Bounds of what one request may hold.",
        ["rate_limits"] = "How often a user, or an address without one, may ask: requests a second in the long run, and at once after a pause.",
        ["sync"] = "Clients that wait for news.",
        ["cache"] = "What is kept in memory.",
        ["log"] = "What is written to standard output.",
    };

    internal static ConfigKey<string> ServerName { get; } = Text(
        "server_name",
        ConfigTypes.ServerName,
        "localhost",
        "The name in user ids (@user:SERVER_NAME) and room aliases. It cannot be changed later: a database belongs to one name.");

    internal static ConfigKey<string> DataDir { get; } = Text(
        "data_dir", ConfigTypes.Text, "", "The folder of the database and the signing key; \"\" for the folder of this file. Relative to this file.");

    internal static ConfigKey<string> PublicBaseUrl { get; } = Text(
        "public_base_url",
        ConfigTypes.HttpUrl,
        "",
        "The address that clients reach this server by, such as https://matrix.example.org; what /.well-known/matrix/client answers.");

    internal static ConfigKey<string> AppServices { get; } = Text(
        "app_services", ConfigTypes.Text, "", "A folder of application services' registration files, \"\" for none. Relative to this file.");

    internal static ConfigKey<string> DefaultRoomVersion { get; } = Text(
        "room_versions.default",
        ConfigTypes.OneOf([.. RoomRules.Known, .. RoomRules.Unstable]),
        "12",
        "The version of a room whose creator names none.");

    internal static ConfigKey<IReadOnlyList<string>> UnstableRoomVersions { get; } = Key(
        "room_versions.unstable",
        ConfigTypes.SomeOf([.. RoomRules.Unstable]),
        [],
        $"Versions that are in no specification ({string.Join(", ", RoomRules.Unstable)}) of which rooms can be made here all the same. Other servers know none of them. Rooms stay when their version goes from this list; no new ones are made.");

    internal static ConfigKey<string> DatabaseUrl { get; } = Text(
        "database.url",
        ConfigTypes.DatabaseUrl,
        "sqlite:matrix.db",
        "sqlite:FILE (relative to data_dir), or postgres://user:password@host:port/name. One server for one database.");

    internal static ConfigKey<int> DatabaseReaders { get; } = Key(
        "database.readers", ConfigTypes.Whole(1, 256), 4, "Threads (SQLite) or connections (PostgreSQL) that read.");

    internal static ConfigKey<int> DatabaseFlushSets { get; } = Key(
        "database.flush_sets", ConfigTypes.Whole(1, 10_000), 256, "At most this many changes go into one transaction of the database.");

    internal static ConfigKey<long> DatabaseFlushBytes { get; } = Key(
        "database.flush_bytes", ConfigTypes.Bytes(64 << 10, 256 << 20), 4L << 20, "At most about this many bytes go into one transaction.");

    internal static ConfigKey<int> DatabaseQueuedWrites { get; } = Key(
        "database.queued_writes", ConfigTypes.Whole(16), 20_000, "Changes that may wait for the writer; more are refused.");

    internal static ConfigKey<int> DatabaseQueuedReads { get; } = Key(
        "database.queued_reads", ConfigTypes.Whole(16), 10_000, "Questions that may wait for a reader; more are refused.");

    internal static ConfigKey<TimeSpan> DatabaseReadTime { get; } = Key(
        "database.read_time", ConfigTypes.Duration, TimeSpan.FromSeconds(30), "The longest that one question takes; the request then fails.");

    internal static ConfigKey<string> DatabaseSynchronous { get; } = new(
        "database.sqlite_synchronous",
        ConfigTypes.OneOf("FULL", "EXTRA", "NORMAL", "OFF"),
        "FULL",
        "SQLite's `synchronous`. Anything less than FULL loses acknowledged messages with the power.")
    {
        Hidden = true,
    };

    internal static ConfigKey<IPEndPoint?> ClientListener { get; } = Key<IPEndPoint?>(
        "listeners.client", ConfigTypes.Listener, new IPEndPoint(IPAddress.Loopback, 8008), "Clients.");

    internal static ConfigKey<IPEndPoint?> FederationListener { get; } = Key<IPEndPoint?>(
        "listeners.federation", ConfigTypes.Listener, null, "Other servers. They are not served yet: what is set here waits for a later version.");

    internal static ConfigKey<IPEndPoint?> MetricsListener { get; } = Key<IPEndPoint?>(
        "listeners.metrics", ConfigTypes.Listener, null, "Prometheus: /metrics, and /health. For your own network only.");

    internal static ConfigKey<bool> TrustForwardedFor { get; } = Key(
        "listeners.trust_forwarded_for",
        ConfigTypes.Flag,
        false,
        "Whether a proxy in front puts the client's address at the end of X-Forwarded-For. Only true if clients cannot get past it.");

    internal static ConfigKey<string> TlsCertificate { get; } = Text("tls.certificate", ConfigTypes.Text, "", "A file with the certificate chain (PEM).");

    internal static ConfigKey<string> TlsKey { get; } = Text("tls.key", ConfigTypes.Text, "", "A file with the certificate's private key (PEM).");

    internal static ConfigKey<string> CustomCa { get; } = Text(
        "federation.custom_ca", ConfigTypes.Text, "", "A file with certificates (PEM) that are trusted beside the system's.");

    internal static ConfigKey<bool> RegistrationEnabled { get; } = Key(
        "registration.enabled", ConfigTypes.Flag, false, "Whether anyone may make an account.");

    internal static ConfigKey<bool> RegistrationRequiresToken { get; } = Key(
        "registration.requires_token", ConfigTypes.Flag, false, "Whether, if anyone may, a registration token is asked for.");

    internal static ConfigKey<string> RegistrationSharedSecret { get; } = Text(
        "registration.shared_secret",
        ConfigTypes.Text,
        "",
        "Whoever knows this may make accounts, administrators too, by /_synapse/admin/v1/register and `mx user create`. \"\" for nobody.");

    internal static ConfigKey<TimeSpan> AccessTokenLifetime { get; } = Key(
        "sessions.access_token_lifetime",
        ConfigTypes.Duration,
        TimeSpan.FromHours(1),
        "How long an access token is good for, of clients that refresh theirs. Those of others do not expire.");

    internal static ConfigKey<TimeSpan> ExpiredTokensKept { get; } = Key(
        "sessions.expired_tokens_kept",
        ConfigTypes.Duration,
        TimeSpan.FromDays(30),
        "How long a client whose token has expired is told so (and may log in again with its data) rather than that it is unknown.");

    internal static ConfigKey<TimeSpan> LoginTokenLifetime { get; } = Key(
        "sessions.login_token_lifetime", ConfigTypes.Duration, TimeSpan.FromMinutes(2), "How long a token for logging in another device is good for.");

    internal static ConfigKey<TimeSpan> InteractiveLifetime { get; } = Key(
        "sessions.interactive_lifetime",
        ConfigTypes.Duration,
        TimeSpan.FromMinutes(15),
        "How long someone may take to confirm an action with a password.");

    internal static ConfigKey<int> InteractiveSessions { get; } = Key(
        "sessions.interactive_at_once", ConfigTypes.Whole(10), 10_000, "How many such confirmations may be under way; the oldest go first.");

    internal static ConfigKey<long> PasswordMemory { get; } = Key(
        "passwords.memory", ConfigTypes.Bytes(8 << 10, 4L << 30), 64L << 20, "Memory of one computation.");

    internal static ConfigKey<int> PasswordOperations { get; } = Key(
        "passwords.operations", ConfigTypes.Whole(1, 1000), 2, "Passes over that memory.");

    internal static ConfigKey<int> PasswordConcurrency { get; } = Key(
        "passwords.concurrency", ConfigTypes.Whole(1, 256), 2, "Computations at once.");

    internal static ConfigKey<int> PasswordWaiting { get; } = Key(
        "passwords.waiting", ConfigTypes.Whole(0), 200, "Computations that may wait; more log-ins are told to come back.");

    internal static ConfigKey<int> PasswordLength { get; } = Key(
        "passwords.shortest", ConfigTypes.Whole(1, 512), 8, "The fewest characters of a password that its user chooses; administrators give what they like.");

    internal static ConfigKey<long> BodyLimit { get; } = Key(
        "limits.body", ConfigTypes.Bytes(4 << 10, 64 << 20), 64L << 10, "A body that is nothing of the following.");

    internal static ConfigKey<long> EventBodyLimit { get; } = Key(
        "limits.event_body",
        ConfigTypes.Bytes(64 << 10, 64 << 20),
        256L << 10,
        "A body that becomes one event or one piece of account data. An event may have 64 KiB, but escapes and spaces do not count.");

    internal static ConfigKey<long> LargeBodyLimit { get; } = Key(
        "limits.large_body", ConfigTypes.Bytes(64 << 10, 256 << 20), 2L << 20, "A body with many keys, messages to devices, or a room's first events.");

    internal static ConfigKey<int> HeaderCount { get; } = Key("limits.headers", ConfigTypes.Whole(16, 1000), 100, "Headers of a request.");

    internal static ConfigKey<long> HeaderBytes { get; } = Key(
        "limits.header_bytes", ConfigTypes.Bytes(4 << 10, 1 << 20), 32L << 10, "All headers of a request.");

    internal static ConfigKey<long> RequestLineBytes { get; } = Key(
        "limits.request_line", ConfigTypes.Bytes(1 << 10, 1 << 20), 16L << 10, "Method, path and query.");

    internal static ConfigKey<TimeSpan> HeaderTime { get; } = Key(
        "limits.header_time", ConfigTypes.Duration, TimeSpan.FromSeconds(30), "How long a request's first line and headers may take to arrive.");

    internal static ConfigKey<int> Connections { get; } = Key(
        "limits.connections", ConfigTypes.Whole(10), 10_000, "Connections of clients at once; more are closed.");

    internal static ConfigKey<string> LimitsInfo { get; } = Text(
        "limits.info_uri",
        ConfigTypes.HttpUrl,
        "",
        "A page about what accounts may hold, which clients show a user who has reached a limit; \"\" for none.");

    internal static ConfigKey<int> Devices { get; } = Key(
        "limits.devices", ConfigTypes.Whole(1, 100_000), 1000, "Devices of one user; more log-ins are refused.");

    internal static ConfigKey<int> AccountData { get; } = Key(
        "limits.account_data", ConfigTypes.Whole(1, 10_000_000), 10_000, "Pieces of account data of one user, those of rooms included.");

    internal static ConfigKey<int> Filters { get; } = Key("limits.filters", ConfigTypes.Whole(1, 100_000), 1000, "Different filters of one user.");

    internal static ConfigKey<int> PushRules { get; } = Key("limits.push_rules", ConfigTypes.Whole(1, 100_000), 1000, "Push rules that one user adds.");

    internal static ConfigKey<int> OneTimeKeys { get; } = Key(
        "limits.one_time_keys", ConfigTypes.Whole(50, 100_000), 1000, "One-time keys of one algorithm that a device has waiting.");

    internal static ConfigKey<int> KeyAlgorithms { get; } = Key(
        "limits.key_algorithms", ConfigTypes.Whole(2, 1000), 16, "Algorithms of which a device has one-time or fallback keys.");

    internal static ConfigKey<long> KeyBytes { get; } = Key(
        "limits.key_bytes", ConfigTypes.Bytes(4 << 10, 1 << 20), 32L << 10, "One key with its signatures, or one key of a backup.");

    internal static ConfigKey<int> KeyQueryUsers { get; } = Key(
        "limits.key_query_users", ConfigTypes.Whole(1, 100_000), 2500, "Users whose keys one request asks for.");

    internal static ConfigKey<int> KeyClaims { get; } = Key(
        "limits.key_claims", ConfigTypes.Whole(1, 100_000), 5000, "One-time keys that one request claims.");

    internal static ConfigKey<long> ToDeviceBytes { get; } = Key(
        "limits.to_device_bytes", ConfigTypes.Bytes(4 << 10, 1 << 20), 64L << 10, "One message to a device.");

    internal static ConfigKey<int> ToDeviceMessages { get; } = Key(
        "limits.to_device_messages", ConfigTypes.Whole(1, 100_000), 5000, "Devices that one request sends messages to.");

    internal static ConfigKey<long> ToDeviceInbox { get; } = Key(
        "limits.to_device_inbox",
        ConfigTypes.Bytes(64 << 10, 1L << 30),
        16L << 20,
        "Messages of one sender that wait for one device, each counted with half a KiB more; the sender's next ones are refused.");

    internal static ConfigKey<int> BackupKeys { get; } = Key(
        "limits.backup_keys", ConfigTypes.Whole(1, 100_000), 5000, "Keys that one request puts into a backup.");

    internal static ConfigKey<int> InitialInvites { get; } = Key(
        "limits.initial_invites", ConfigTypes.Whole(0, 10_000), 100, "Users that a room may be created with.");

    internal static ConfigKey<int> InitialState { get; } = Key(
        "limits.initial_state", ConfigTypes.Whole(0, 10_000), 200, "State events that a request to create a room may bring.");

    internal static ConfigKey<TimeSpan> DeparturePause { get; } = Key(
        "limits.departure_pause",
        ConfigTypes.Duration,
        TimeSpan.FromMinutes(10),
        "The longest pause between tries to take a deactivated user out of rooms that could not be left.");

    internal static ConfigKey<int> RoomQueue { get; } = Key(
        "limits.room_queue", ConfigTypes.Whole(1, 1_000_000), 1000, "Requests that may wait for one room; more are told to come again.");

    internal static ConfigKey<int> RoomSpeculation { get; } = Key(
        "limits.room_speculation", ConfigTypes.Whole(1, 10_000), 128, "Changes of one room that may wait for the disk while the next ones are made.");

    internal static ConfigKey<int> PrevEvents { get; } = Key(
        "limits.prev_events", ConfigTypes.Whole(1, 20), 20, "Ends of a room's history that a new event ties together.");

    internal static ConfigKey<int> WaitingRedactions { get; } = Key(
        "limits.waiting_redactions",
        ConfigTypes.Whole(1, 100_000),
        1000,
        "Redactions of one room that wait for events that are not here; the earliest are given up.");

    internal static ConfigKey<int> RelatedEvents { get; } = Key(
        "limits.related_events",
        ConfigTypes.Whole(1, 100_000),
        1000,
        "Events of one relation to another that are looked at for those that a user may see.");

    internal static ConfigKey<int> RelationDepth { get; } = Key(
        "limits.relation_depth", ConfigTypes.Whole(1, 10), 3, "How many generations of relations a request with `recurse` follows.");

    internal static ConfigKey<TimeSpan> ScanTime { get; } = Key(
        "limits.scan_time",
        ConfigTypes.Duration,
        TimeSpan.FromSeconds(2),
        "How long one request looks for events that pass its filter; the token in its answer goes on from there.");

    internal static ConfigKey<int> ReceiptThreads { get; } = Key(
        "limits.receipt_threads", ConfigTypes.Whole(1, 100_000), 200, "Threads of a room in which a user's receipts are kept, those that moved last.");

    internal static ConfigKey<int> ReceiptRelations { get; } = Key(
        "limits.receipt_relations",
        ConfigTypes.Whole(1, 100),
        5,
        "How many relations may lie between an event and the root of the thread that a receipt for it names.");

    internal static ConfigKey<bool> RateLimitsEnabled { get; } = Key("rate_limits.enabled", ConfigTypes.Flag, true, "Whether there are any.");

    internal static ConfigKey<double> LoginRate { get; } = Rate("login", 0.5, "Log-in, refresh, confirming with a password, of one address or one user who is logged in.");

    internal static ConfigKey<double> LoginBurst { get; } = Burst("login", 20);

    internal static ConfigKey<double> PasswordRate { get; } = Rate(
        "password", 0.5, "Passwords tried for one user, from all addresses together where they have not logged in lately.");

    internal static ConfigKey<double> PasswordBurst { get; } = Burst("password", 20);

    internal static ConfigKey<double> KnownLoginRate { get; } = Rate(
        "known_login", 0.5, "Passwords tried for one user from an address where they logged in lately: guesses from elsewhere do not count there.");

    internal static ConfigKey<double> KnownLoginBurst { get; } = Burst("known_login", 20);

    internal static ConfigKey<int> KnownLogins { get; } = Key(
        "rate_limits.known_logins", ConfigTypes.Whole(1), 100_000, "Users and addresses, in pairs, of which a log-in is remembered; the oldest go first.");

    internal static ConfigKey<TimeSpan> KnownLoginsKept { get; } = Key(
        "rate_limits.known_logins_kept", ConfigTypes.Duration, TimeSpan.FromDays(30), "How long it is remembered. A restart forgets it.");

    internal static ConfigKey<double> RegistrationRate { get; } = Rate("registration", 0.2, "Registration, and asking whether names and tokens are free.");

    internal static ConfigKey<double> RegistrationBurst { get; } = Burst("registration", 10);

    internal static ConfigKey<double> SendRate { get; } = Rate("send", 20, "Messages, to rooms and to devices, receipts, typing.");

    internal static ConfigKey<double> SendBurst { get; } = Burst("send", 200);

    internal static ConfigKey<double> MembershipRate { get; } = Rate("membership", 2, "Making and joining rooms, inviting.");

    internal static ConfigKey<double> MembershipBurst { get; } = Burst("membership", 50);

    internal static ConfigKey<double> OtherRate { get; } = Rate("other", 100, "Everything else but waiting for news.");

    internal static ConfigKey<double> OtherBurst { get; } = Burst("other", 500);

    internal static ConfigKey<double> RecursionRate { get; } = Rate("recursion", 5, "Relations of relations (`recurse`).");

    internal static ConfigKey<double> RecursionBurst { get; } = Burst("recursion", 50);

    internal static ConfigKey<int> RateLimitTracked { get; } = Key(
        "rate_limits.tracked", ConfigTypes.Whole(100), 100_000, "Users and addresses that are counted at once; the least busy are forgotten first.");

    internal static ConfigKey<TimeSpan> SyncIdleAfter { get; } = Key(
        "sync.idle_after",
        ConfigTypes.Duration,
        TimeSpan.FromMinutes(15),
        "A user who has not asked for news for so long is no longer followed in memory; their next question costs the database more.");

    internal static ConfigKey<TimeSpan> SyncLongestPoll { get; } = Key(
        "sync.longest_poll", ConfigTypes.Duration, TimeSpan.FromMinutes(5), "The longest that a request waits for news, whatever the client asks for.");

    internal static ConfigKey<TimeSpan> SyncPollWhenFull { get; } = Key(
        "sync.poll_when_full", ConfigTypes.Duration, TimeSpan.FromSeconds(2), "How often a waiting request looks whose user there is no room in memory for.");

    internal static ConfigKey<int> SyncFollowed { get; } = Key(
        "sync.followed_rooms", ConfigTypes.Whole(16), 500_000, "Users and rooms, counted in pairs, that are followed in memory; about 150 bytes each.");

    internal static ConfigKey<int> SyncTimeline { get; } = Key(
        "sync.timeline", ConfigTypes.Whole(1, 1000), 20, "Events of a room in one answer, if the client does not say how many it wants.");

    internal static ConfigKey<int> SyncLongestTimeline { get; } = Key(
        "sync.longest_timeline", ConfigTypes.Whole(1, 1000), 200, "Events of a room in one answer at most.");

    internal static ConfigKey<int> SyncToDevice { get; } = Key(
        "sync.to_device", ConfigTypes.Whole(1, 10_000), 100, "Messages to a device in one answer at most; the next answer has more.");

    internal static ConfigKey<int> SyncReceipts { get; } = Key(
        "sync.receipts",
        ConfigTypes.Whole(1, 100_000),
        1000,
        "Other users' receipts in threads of a room, in one answer at most, the newest of each first. Those of the main timeline always come.");

    internal static ConfigKey<int> TypingRooms { get; } = Key(
        "sync.typing_rooms", ConfigTypes.Whole(1), 10_000, "Rooms in which someone types at once; in more, nobody is shown typing.");

    internal static ConfigKey<int> TypingUsers { get; } = Key(
        "sync.typing_users", ConfigTypes.Whole(1, 10_000), 100, "Users who are shown typing in one room.");

    internal static ConfigKey<TimeSpan> LongestTyping { get; } = Key(
        "sync.longest_typing", ConfigTypes.Duration, TimeSpan.FromMinutes(2), "How long someone types at most who does not say so again.");

    internal static ConfigKey<long> FilterCache { get; } = Key(
        "cache.filters", ConfigTypes.Bytes(64 << 10, 1L << 30), 4L << 20, "Filters of clients.");

    internal static ConfigKey<long> UnreadCache { get; } = Key(
        "cache.unread_counts", ConfigTypes.Bytes(64 << 10, 16L << 30), 16L << 20, "What users have not read.");

    internal static ConfigKey<long> HeroCache { get; } = Key(
        "cache.heroes", ConfigTypes.Bytes(64 << 10, 1L << 30), 2L << 20, "Members after whom rooms without a name are called.");

    internal static ConfigKey<long> PushRuleCache { get; } = Key(
        "cache.push_rules", ConfigTypes.Bytes(64 << 10, 16L << 30), 8L << 20, "Users' own push rules.");

    internal static ConfigKey<int> TokenCache { get; } = Key(
        "cache.tokens", ConfigTypes.Whole(16), 50_000, "Access tokens whose owners are remembered.");

    internal static ConfigKey<long> EventCache { get; } = Key(
        "cache.events", ConfigTypes.Bytes(1 << 20, 64L << 30), 48L << 20, "Events. A thirty-second part of it is for messages that nobody has read yet.");

    internal static ConfigKey<long> TransactionCache { get; } = Key(
        "cache.transactions",
        ConfigTypes.Bytes(64 << 10, 4L << 30),
        8L << 20,
        "Transaction ids of past requests, 64 bytes each: one that comes again after more than these is done again.");

    internal static ConfigKey<long> StateCache { get; } = Key(
        "cache.room_states", ConfigTypes.Bytes(1 << 20, 64L << 30), 96L << 20, "Room states.");

    internal static ConfigKey<int> IdleRooms { get; } = Key(
        "cache.idle_rooms", ConfigTypes.Whole(16), 4096, "Rooms in which nothing happens that are kept ready.");

    internal static ConfigKey<string> LogLevel { get; } = Text(
        "log.level", ConfigTypes.OneOf("debug", "information", "warning", "error"), "information", "The least important lines that are written: debug, information, warning or error. debug writes a line for each request.");

    internal static ConfigKey<string> LogFormat { get; } = Text(
        "log.format", ConfigTypes.OneOf("text", "json"), "text", "text (one line of name=value each) or json (one object a line).");

    private static ConfigKey<T> Key<T>(string path, ConfigType<T> type, T otherwise, string meaning) => Add(new ConfigKey<T>(path, type, otherwise, meaning));

    private static ConfigKey<string> Text(string path, ConfigType<string> type, string otherwise, string meaning) => Key(path, type, otherwise, meaning);

    private static ConfigKey<double> Rate(string kind, double otherwise, string meaning) =>
        Key($"rate_limits.{kind}_per_second", ConfigTypes.Number, otherwise, meaning);

    private static ConfigKey<double> Burst(string kind, double otherwise) =>
        Key($"rate_limits.{kind}_burst", ConfigTypes.Number, otherwise, "The same, at once.");

    private static ConfigKey<T> Add<T>(ConfigKey<T> key)
    {
        _all.Add(key);
        return key;
    }
}
