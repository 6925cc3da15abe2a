using System.Linq.Expressions;
using Matrix.Core.Facade;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Configuration;

/// <summary>
/// Every setting, each named once: its path, what it may hold, the option it sets, what it means. The option's own default is the
/// setting's. The file that is read, the environment, the commented file of the first start and the errors all come from this list.
/// A bound that is used anywhere in the server has its name here.
/// </summary>
internal static class ConfigKeys
{
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
        ["rate_limits"] = "How often a user, or an address without one, may ask: requests a second in the long run, and "
            + "at once after a pause.",
        ["sync"] = "Clients that wait for news.",
        ["cache"] = "What is kept in memory.",
        ["log"] = "What is written to standard output.",
    };

    /// <summary>
    /// Settings that were renamed, by their old names. One that is still set is refused with its new name, rather than with a guess.
    /// </summary>
    internal static IReadOnlyDictionary<string, string> Renamed { get; } = new Dictionary<string, string>(StringComparer.Ordinal);

    internal static ConfigKey<string> ServerName { get; } = Key(
        "server_name", ConfigTypes.ServerName, c => c.ServerName,
        "The name in user ids (@user:SERVER_NAME) and room aliases. It cannot be changed later: a database belongs "
            + "to one name.");

    internal static ConfigKey<string> DataDir { get; } = Key(
        "data_dir", ConfigTypes.Text, "",
        "The folder of the database and the signing key; \"\" for the folder of this file. Relative to this file.");

    internal static ConfigKey<string> AppServices { get; } = Key(
        "app_services", ConfigTypes.Text, "",
        "A folder of application services' registration files, \"\" for none. Relative to this file.");

    internal static ConfigKey<string> DefaultRoomVersion { get; } = Key(
        "room_versions.default",
        ConfigTypes.OneOf([.. RoomRules.Known, .. RoomRules.Unstable]),
        c => c.Rooms.DefaultRoomVersion,
        "The version of a room whose creator names none.");

    internal static ConfigKey<IReadOnlyList<string>> UnstableRoomVersions { get; } = Key(
        "room_versions.unstable", ConfigTypes.SomeOf([.. RoomRules.Unstable]), c => c.Rooms.UnstableRoomVersions,
        $"Versions that are in no specification ({string.Join(", ", RoomRules.Unstable)}) of which rooms can be made here "
            + "all the same. Other servers know none of them. Rooms stay when their version goes from this list; no new "
            + "ones are made.");

    internal static ConfigKey<string> TlsCertificate { get; } = Key(
        "tls.certificate", ConfigTypes.Text, "", "A file with the certificate chain (PEM).");

    internal static ConfigKey<string> TlsKey { get; } = Key(
        "tls.key", ConfigTypes.Text, "", "A file with the certificate's private key (PEM).");

    internal static ConfigKey<string> CustomCa { get; } = Key(
        "federation.custom_ca", ConfigTypes.Text, "",
        "A file with certificates (PEM) that are trusted beside the system's.");

    /// <summary>All of them, in the order in which the commented file shows them.</summary>
    internal static IReadOnlyList<ConfigKey> All { get; } =
    [
        ServerName,
        DataDir,
        Key(
            "public_base_url", ConfigTypes.HttpUrl, c => c.Client.PublicBaseUrl,
            "The address that clients reach this server by, such as https://matrix.example.org; what "
                + "/.well-known/matrix/client answers."),
        AppServices,
        DefaultRoomVersion,
        UnstableRoomVersions,
        Key(
            "database.url", ConfigTypes.DatabaseUrl, c => c.Storage.Url,
            "sqlite:FILE (relative to data_dir), or postgres://user:password@host:port/name. One server for one "
                + "database."),
        Key(
            "database.readers", ConfigTypes.Whole(1, 256), c => c.Storage.Readers,
            "Threads (SQLite) or connections (PostgreSQL) that read."),
        Key(
            "database.flush_sets", ConfigTypes.Whole(1, 10_000), c => c.Storage.MaxSetsPerFlush,
            "At most this many changes go into one transaction of the database."),
        Key(
            "database.flush_bytes", ConfigTypes.FewBytes(64 << 10, 256 << 20), c => c.Storage.MaxBytesPerFlush,
            "At most about this many bytes go into one transaction."),
        Key(
            "database.queued_writes", ConfigTypes.Whole(16), c => c.Storage.MaxQueuedSets,
            "Changes that may wait for the writer; more are refused."),
        Key(
            "database.queued_reads", ConfigTypes.Whole(16), c => c.Storage.MaxQueuedReads,
            "Questions that may wait for a reader; more are refused."),
        Key(
            "database.read_time", ConfigTypes.Duration, c => c.Storage.LongestRead,
            "The longest that one question takes; the request then fails."),
        Key(
            "database.sqlite_preallocated_log", ConfigTypes.Bytes(0, 1L << 30), c => c.Storage.WalPreallocatedBytes,
            "SQLite: bytes of the write-ahead log that are laid out at start, so that commits change no file size; 0 "
                + "for none."),
        Key(
            "database.sqlite_gather_log", ConfigTypes.Flag, c => c.Storage.GatherLogWrites,
            "SQLite: whether a commit goes to the log in one write. If false, SQLite makes two for each page."),
        Key(
            "database.sqlite_short_slices", ConfigTypes.Flag, c => c.Storage.ShortWriterSlices,
            "SQLite: whether the thread that writes asks Linux (6.12 and later) for short slices of a processor."),
        Hidden(
            "database.sqlite_synchronous",
            ConfigTypes.OneOf("FULL", "EXTRA", "NORMAL", "OFF"),
            c => c.Storage.SqliteSynchronous,
            "SQLite's `synchronous`. Anything less than FULL loses acknowledged messages with the power."),
        Key("listeners.client", ConfigTypes.Listener, c => c.ClientListener, "Clients."),
        Key(
            "listeners.federation", ConfigTypes.Listener, c => c.FederationListener,
            "Other servers. They are not served yet: what is set here waits for a later version."),
        Key(
            "listeners.metrics", ConfigTypes.Listener, c => c.MetricsListener,
            "Prometheus: /metrics, and /health. For your own network only."),
        Key(
            "listeners.trust_forwarded_for", ConfigTypes.Flag, c => c.Http.TrustForwardedFor,
            "Whether a proxy in front puts the client's address at the end of X-Forwarded-For. Only true if clients "
                + "cannot get past it."),
        TlsCertificate,
        TlsKey,
        CustomCa,
        Key(
            "registration.enabled", ConfigTypes.Flag, c => c.Users.RegistrationEnabled,
            "Whether anyone may make an account."),
        Key(
            "registration.requires_token", ConfigTypes.Flag, c => c.Users.RegistrationRequiresToken,
            "Whether, if anyone may, a registration token is asked for."),
        Key(
            "registration.shared_secret", ConfigTypes.Text, c => c.Client.RegistrationSharedSecret,
            "Whoever knows this may make accounts, administrators too, by /_synapse/admin/v1/register and `mx user "
                + "create`. \"\" for nobody."),
        Key(
            "sessions.access_token_lifetime", ConfigTypes.Duration, c => c.Users.AccessTokenLifetime,
            "How long an access token is good for, of clients that refresh theirs. Those of others do not expire."),
        Key(
            "sessions.expired_tokens_kept", ConfigTypes.Duration, c => c.ExpiredTokensKept,
            "How long a client whose token has expired is told so (and may log in again with its data) rather than "
                + "that it is unknown."),
        Key(
            "sessions.login_token_lifetime", ConfigTypes.Duration, c => c.Users.LoginTokenLifetime,
            "How long a token for logging in another device is good for."),
        Key(
            "sessions.interactive_lifetime", ConfigTypes.Duration, c => c.Client.InteractiveLifetime,
            "How long someone may take to confirm an action with a password."),
        Key(
            "sessions.interactive_at_once", ConfigTypes.Whole(10), c => c.Client.InteractiveSessions,
            "How many such confirmations may be under way; the oldest go first."),
        Key(
            "passwords.memory", ConfigTypes.Bytes(8 << 10, 4L << 30), c => c.PasswordCost.MemoryBytes,
            "Memory of one computation."),
        Key(
            "passwords.operations", ConfigTypes.Whole(1, 1000), c => c.PasswordCost.Operations,
            "Passes over that memory."),
        Key(
            "passwords.concurrency", ConfigTypes.Whole(1, 256), c => c.PasswordCost.Concurrency,
            "Computations at once."),
        Key(
            "passwords.waiting", ConfigTypes.Whole(0), c => c.PasswordCost.Waiting,
            "Computations that may wait; more log-ins are told to come back."),
        Key(
            "passwords.shortest", ConfigTypes.Whole(1, 512), c => c.Users.ShortestPassword,
            "The fewest characters of a password that its user chooses; administrators give what they like."),
        Key(
            "limits.body", ConfigTypes.FewBytes(4 << 10, 64 << 20), c => c.Http.Body,
            "A body that is nothing of the following."),
        Key(
            "limits.event_body", ConfigTypes.FewBytes(64 << 10, 64 << 20), c => c.Http.EventBody,
            "A body that becomes one event or one piece of account data. An event may have 64 KiB, but escapes and "
                + "spaces do not count."),
        Key(
            "limits.large_body", ConfigTypes.FewBytes(64 << 10, 256 << 20), c => c.Http.LargeBody,
            "A body with many keys, messages to devices, or a room's first events."),
        Key("limits.headers", ConfigTypes.Whole(16, 1000), c => c.Connections.Headers, "Headers of a request."),
        Key(
            "limits.header_bytes", ConfigTypes.FewBytes(4 << 10, 1 << 20), c => c.Connections.HeaderBytes,
            "All headers of a request."),
        Key(
            "limits.request_line", ConfigTypes.FewBytes(1 << 10, 1 << 20), c => c.Connections.RequestLineBytes,
            "Method, path and query."),
        Key(
            "limits.header_time", ConfigTypes.Duration, c => c.Connections.HeaderTime,
            "How long a request's first line and headers may take to arrive."),
        Key(
            "limits.connections", ConfigTypes.Whole(10), c => c.Connections.Most,
            "Connections of clients at once; more are closed."),
        Key(
            "limits.info_uri", ConfigTypes.HttpUrl, c => c.Client.LimitsInfo,
            "A page about what accounts may hold, which clients show a user who has reached a limit; \"\" for none."),
        Key(
            "limits.devices", ConfigTypes.Whole(1, 100_000), c => c.Users.Devices,
            "Devices of one user; more log-ins are refused."),
        Key(
            "limits.account_data", ConfigTypes.Whole(1, 10_000_000), c => c.Users.AccountData,
            "Pieces of account data of one user, those of rooms included."),
        Key("limits.filters", ConfigTypes.Whole(1, 100_000), c => c.Users.Filters, "Different filters of one user."),
        Key(
            "limits.push_rules", ConfigTypes.Whole(1, 100_000), c => c.Users.PushRules,
            "Push rules that one user adds."),
        Key(
            "limits.one_time_keys", ConfigTypes.Whole(50, 100_000), c => c.Keys.MaxOneTimeKeys,
            "One-time keys of one algorithm that a device has waiting."),
        Key(
            "limits.key_algorithms", ConfigTypes.Whole(2, 1000), c => c.Keys.MaxKeyAlgorithms,
            "Algorithms of which a device has one-time or fallback keys."),
        Key(
            "limits.key_bytes", ConfigTypes.FewBytes(4 << 10, 1 << 20), c => c.Keys.MaxKeyBytes,
            "One key with its signatures, or one key of a backup."),
        Key(
            "limits.key_query_users", ConfigTypes.Whole(1, 100_000), c => c.Keys.MaxUsersPerQuery,
            "Users whose keys one request asks for."),
        Key(
            "limits.key_claims", ConfigTypes.Whole(1, 100_000), c => c.Keys.MaxClaims,
            "One-time keys that one request claims."),
        Key(
            "limits.to_device_bytes", ConfigTypes.FewBytes(4 << 10, 1 << 20), c => c.Keys.MaxToDeviceBytes,
            "One message to a device."),
        Key(
            "limits.to_device_messages", ConfigTypes.Whole(1, 100_000), c => c.Keys.MaxToDeviceMessages,
            "Devices that one request sends messages to."),
        Key(
            "limits.to_device_inbox", ConfigTypes.Bytes(64 << 10, 1L << 30), c => c.Keys.MaxToDeviceWaiting,
            "Messages of one sender that wait for one device, each counted with half a KiB more; the sender's next "
                + "ones are refused."),
        Key(
            "limits.backup_keys", ConfigTypes.Whole(1, 100_000), c => c.Keys.MaxBackupKeys,
            "Keys that one request puts into a backup."),
        Key(
            "limits.initial_invites", ConfigTypes.Whole(0, 10_000), c => c.Rooms.MaxInitialInvites,
            "Users that a room may be created with."),
        Key(
            "limits.initial_state", ConfigTypes.Whole(0, 10_000), c => c.Rooms.MaxInitialState,
            "State events that a request to create a room may bring."),
        Key(
            "limits.departure_pause", ConfigTypes.Duration, c => c.Rooms.LongestDeparturePause,
            "The longest pause between tries to take a deactivated user out of rooms that could not be left."),
        Key(
            "limits.room_queue", ConfigTypes.Whole(1, 1_000_000), c => c.Rooms.MaxWaitingPerLane,
            "Requests that may wait for one room; more are told to come again."),
        Key(
            "limits.room_speculation", ConfigTypes.Whole(1, 10_000), c => c.Rooms.MaxSpeculation,
            "Changes of one room that may wait for the disk while the next ones are made."),
        Key(
            "limits.prev_events", ConfigTypes.Whole(1, 20), c => c.Rooms.MaxPrevEvents,
            "Ends of a room's history that a new event ties together."),
        Key(
            "limits.waiting_redactions", ConfigTypes.Whole(1, 100_000), c => c.Rooms.MaxWaitingRedactions,
            "Redactions of one room that wait for events that are not here; the earliest are given up."),
        Key(
            "limits.related_events", ConfigTypes.Whole(1, 100_000), c => c.Reading.MaxChildren,
            "Events of one relation to another that are looked at for those that a user may see."),
        Key(
            "limits.relation_depth", ConfigTypes.Whole(1, 10), c => c.Storage.MaxRelationDepth,
            "How many generations of relations a request with `recurse` follows."),
        Key(
            "limits.scan_time", ConfigTypes.Duration, c => c.Reading.LongestScan,
            "How long one request looks for events that pass its filter; the token in its answer goes on from "
                + "there."),
        Key(
            "limits.receipt_threads", ConfigTypes.Whole(1, 100_000), c => c.Reading.MaxReceiptThreads,
            "Threads of a room in which a user's receipts are kept, those that moved last."),
        Key(
            "limits.receipt_relations", ConfigTypes.Whole(1, 100), c => c.Reading.MaxReceiptRelations,
            "How many relations may lie between an event and the root of the thread that a receipt for it names."),
        Key("rate_limits.enabled", ConfigTypes.Flag, c => c.Rates.Enabled, "Whether there are any."),
        Key(
            "rate_limits.login_per_second", ConfigTypes.Number, c => c.Rates.Login.PerSecond,
            "Log-in, refresh, confirming with a password, of one address or one user who is logged in."),
        Key("rate_limits.login_burst", ConfigTypes.Number, c => c.Rates.Login.Burst, "The same, at once."),
        Key(
            "rate_limits.password_per_second", ConfigTypes.Number, c => c.Rates.Password.PerSecond,
            "Passwords tried for one user, from all addresses together where they have not logged in lately."),
        Key("rate_limits.password_burst", ConfigTypes.Number, c => c.Rates.Password.Burst, "The same, at once."),
        Key(
            "rate_limits.known_login_per_second", ConfigTypes.Number, c => c.Rates.KnownLogin.PerSecond,
            "Passwords tried for one user from an address where they logged in lately: guesses from elsewhere do "
                + "not count there."),
        Key("rate_limits.known_login_burst", ConfigTypes.Number, c => c.Rates.KnownLogin.Burst, "The same, at once."),
        Key(
            "rate_limits.known_logins", ConfigTypes.Whole(1), c => c.Users.KnownLogins,
            "Users and addresses, in pairs, of which a log-in is remembered; the oldest go first."),
        Key(
            "rate_limits.known_logins_kept", ConfigTypes.Duration, c => c.Users.KnownLoginsKept,
            "How long it is remembered. A restart forgets it."),
        Key(
            "rate_limits.registration_per_second", ConfigTypes.Number, c => c.Rates.Registration.PerSecond,
            "Registration, and asking whether names and tokens are free."),
        Key(
            "rate_limits.registration_burst", ConfigTypes.Number, c => c.Rates.Registration.Burst,
            "The same, at once."),
        Key(
            "rate_limits.send_per_second", ConfigTypes.Number, c => c.Rates.Send.PerSecond,
            "Messages, to rooms and to devices, receipts, typing."),
        Key("rate_limits.send_burst", ConfigTypes.Number, c => c.Rates.Send.Burst, "The same, at once."),
        Key(
            "rate_limits.membership_per_second", ConfigTypes.Number, c => c.Rates.Membership.PerSecond,
            "Making and joining rooms, inviting."),
        Key("rate_limits.membership_burst", ConfigTypes.Number, c => c.Rates.Membership.Burst, "The same, at once."),
        Key(
            "rate_limits.other_per_second", ConfigTypes.Number, c => c.Rates.Other.PerSecond,
            "Everything else but waiting for news."),
        Key("rate_limits.other_burst", ConfigTypes.Number, c => c.Rates.Other.Burst, "The same, at once."),
        Key(
            "rate_limits.recursion_per_second", ConfigTypes.Number, c => c.Rates.Recursion.PerSecond,
            "Relations of relations (`recurse`)."),
        Key("rate_limits.recursion_burst", ConfigTypes.Number, c => c.Rates.Recursion.Burst, "The same, at once."),
        Key(
            "rate_limits.tracked", ConfigTypes.Whole(100), c => c.Rates.Tracked,
            "Users and addresses that are counted at once; the least busy are forgotten first."),
        Key(
            "sync.idle_after", ConfigTypes.Duration, c => c.Sync.IdleAfter,
            "A user who has not asked for news for so long is no longer followed in memory; their next question "
                + "costs the database more."),
        Key(
            "sync.longest_poll", ConfigTypes.Duration, c => c.Sync.LongestPoll,
            "The longest that a request waits for news, whatever the client asks for."),
        Key(
            "sync.poll_when_full", ConfigTypes.Duration, c => c.Sync.PollWhenFull,
            "How often a waiting request looks whose user there is no room in memory for."),
        Key(
            "sync.followed_rooms", ConfigTypes.Whole(16), c => c.Sync.MaxRoomSubscriptions,
            "Users and rooms, counted in pairs, that are followed in memory; about 150 bytes each."),
        Key(
            "sync.timeline", ConfigTypes.Whole(1, 1000), c => c.Sync.DefaultTimelineLimit,
            "Events of a room in one answer, if the client does not say how many it wants."),
        Key(
            "sync.longest_timeline", ConfigTypes.Whole(1, 1000), c => c.Sync.MaxTimelineLimit,
            "Events of a room in one answer at most."),
        Key(
            "sync.to_device", ConfigTypes.Whole(1, 10_000), c => c.Sync.MaxToDevice,
            "Messages to a device in one answer at most; the next answer has more."),
        Key(
            "sync.receipts", ConfigTypes.Whole(1, 100_000), c => c.Sync.MaxReceipts,
            "Other users' receipts in threads of a room, in one answer at most, the newest of each first. Those of "
                + "the main timeline always come."),
        Key(
            "sync.typing_rooms", ConfigTypes.Whole(1), c => c.Sync.MaxTypingRooms,
            "Rooms in which someone types at once; in more, nobody is shown typing."),
        Key(
            "sync.typing_users", ConfigTypes.Whole(1, 10_000), c => c.Sync.MaxTypingUsers,
            "Users who are shown typing in one room."),
        Key(
            "sync.longest_typing", ConfigTypes.Duration, c => c.Sync.LongestTyping,
            "How long someone types at most who does not say so again."),
        Key(
            "cache.filters", ConfigTypes.Bytes(64 << 10, 1L << 30), c => c.Client.FilterCacheBytes,
            "Filters of clients."),
        Key(
            "cache.unread_counts", ConfigTypes.Bytes(64 << 10, 16L << 30), c => c.Sync.UnreadCacheBytes,
            "What users have not read."),
        Key(
            "cache.heroes", ConfigTypes.Bytes(64 << 10, 1L << 30), c => c.Sync.HeroCacheBytes,
            "Members after whom rooms without a name are called."),
        Key(
            "cache.push_rules", ConfigTypes.Bytes(64 << 10, 16L << 30), c => c.Users.PushRuleCacheBytes,
            "Users' own push rules."),
        Key(
            "cache.tokens", ConfigTypes.Whole(16), c => c.Users.CachedTokens,
            "Access tokens whose owners are remembered."),
        Key(
            "cache.events", ConfigTypes.Bytes(1 << 20, 64L << 30), c => c.Rooms.EventCacheBytes,
            "Events. A thirty-second part of it is for messages that nobody has read yet."),
        Key(
            "cache.transactions", ConfigTypes.Bytes(64 << 10, 4L << 30), c => c.Rooms.TransactionCacheBytes,
            "Transaction ids of past requests, 64 bytes each: one that comes again after more than these is done "
                + "again."),
        Key("cache.room_states", ConfigTypes.Bytes(1 << 20, 64L << 30), c => c.Rooms.StateCacheBytes, "Room states."),
        Key(
            "cache.idle_rooms", ConfigTypes.Whole(16), c => c.Rooms.IdleRooms,
            "Rooms in which nothing happens that are kept ready."),
        Key(
            "log.level",
            ConfigTypes.OneOf(
                ("debug", LogLevel.Debug),
                ("information", LogLevel.Information),
                ("warning", LogLevel.Warning),
                ("error", LogLevel.Error)),
            c => c.LogLevel,
            "The least important lines that are written: debug, information, warning or error. debug writes a line "
                + "for each request."),
        Key(
            "log.format", ConfigTypes.OneOf(("text", false), ("json", true)), c => c.LogAsJson,
            "text (one line of name=value each) or json (one object a line)."),
    ];

    private static ConfigKey<T> Key<T>(
        string path, ConfigType<T> type, Expression<Func<HomeserverConfig, T>> option, string meaning) => new(path, type, option, meaning);

    private static ConfigKey<string> Key(string path, ConfigType<string> type, string otherwise, string meaning) =>
        new(path, type, otherwise, meaning);

    private static ConfigKey<T> Hidden<T>(
        string path, ConfigType<T> type, Expression<Func<HomeserverConfig, T>> option, string meaning) =>
        new(path, type, option, meaning) { Hidden = true };
}
