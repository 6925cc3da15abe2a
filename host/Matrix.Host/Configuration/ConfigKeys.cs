using System.Linq.Expressions;
using System.Net;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Users.SingleSignOn;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Configuration;

/// <summary>
/// Every setting with its name, type, option and help text. The default is the option's.
/// The configuration file, the environment, the commented file of the first start and the error messages all use this
/// list. Every bound in the server has a setting here.
/// </summary>
internal static partial class ConfigKeys
{
    /// <summary>The help texts of the groups of settings.</summary>
    internal static IReadOnlyDictionary<string, string> Sections { get; } = new Dictionary<string, string>(
        StringComparer.Ordinal)
    {
        ["well_known"] = "What is served at /.well-known/matrix.",
        ["server_notices"] =
            "Messages of the operator to users (`mx notice send`), in a room of its own for each user.",
        ["jobs"] = "Work that goes on in the background: deletions of rooms, purges of history (`mx job`).",
        ["retention"] = "How long messages, and rooms without local members, are kept.",
        ["admin"] = "The administration API, and the record of what administrators do (`mx audit`).",
        ["policy_lists"] =
            "Rooms with rules about users, rooms and servers to refuse: the server follows them.",
        ["turn"] = "TURN servers, through which calls pass firewalls.",
        ["rendezvous"] = "Sessions in which two devices meet for a sign-in by QR code (MSC4108, MSC4388).",
        ["matrix_rtc"] = "Transports of calls between several users (MSC4143), such as those of Element Call.",
        ["room_versions"] = "Versions of new rooms.",
        ["database"] = "The database of rooms and accounts.",
        ["listeners"] = "Listeners: address:port each, \"\" for none.",
        ["tls"] =
            "Certificate and key of listeners.federation; without them it serves plain HTTP, for a proxy in front of "
                + "it. listeners.client has no TLS: put a proxy in front of it.",
        ["federation"] = "Other servers: which ones, and the bounds on requests to them.",
        ["compatibility"] = "Old servers and old clients.",
        ["registration"] =
            "Registration of accounts. Closed by default, except for the first user's token, which the first start "
                + "prints.",
        ["support"] = "Who helps users and answers questions, at /.well-known/matrix/support. Clients show it.",
        ["profiles"] = "Display names, avatars and other fields of users.",
        ["reports"] = "What users report to the operators (`mx reports`).",
        ["sessions"] = "Logins and tokens.",
        ["oauth"] = "Sign-in by OAuth 2.0, on pages of this server.",
        ["sso"] = "Sign-in at identity providers, by OpenID Connect.",
        ["terms"] = "What new users accept.",
        ["captcha"] = "Captchas at registration.",
        ["passwords"] = "The cost of one password hash (Argon2id).",
        ["limits"] = "Limits on requests, users and rooms.",
        ["rate_limits"] =
            "Request rates of a user or another server, or of an address without one: requests a second in the long "
                + "run, and the burst allowed after a pause.",
        ["push"] = "Notifications that are pushed to users' devices.",
        ["email"] =
            "Mail: about notifications, and to confirm addresses. It needs email.smtp_host, email.from and "
                + "public_base_url.",
        ["identifiers"] = "Mail addresses and phone numbers of accounts. Users confirm them by a link or a code.",
        ["text_messages"] = "Text messages (SMS) with codes that confirm phone numbers.",
        ["identity_servers"] = "Identity servers, which know users by their addresses.",
        ["media"] = "Uploaded files, and copies of other servers'.",
        ["app_services"] =
            "Application services, such as bridges: their registrations, and the bounds on requests to them.",
        ["sync"] = "Sync and long-polls.",
        ["presence"] = "Who is online.",
        ["search"] = "Searches for messages.",
        ["user_directory"] = "Searches for users.",
        ["cache"] = "Caches in memory.",
        ["log"] = "Log lines on standard output.",
    };

    /// <summary>Renamed settings by their old names. The server refuses an old name and names the new one.</summary>
    internal static IReadOnlyDictionary<string, string> Renamed { get; } = new Dictionary<string, string>(
        StringComparer.Ordinal)
    {
        ["database.flush_sets"] = "database.flush_batches",
        ["app_services"] = "app_services.files",
    };

    internal static ConfigKey<string> ServerName { get; } = Key(
        "server_name", ConfigTypes.ServerName, c => c.ServerName,
        "The name in user ids (@user:SERVER_NAME) and room aliases. It cannot be changed later: a database belongs "
            + "to one server name.");

    internal static ConfigKey<string> DataDir { get; } = Key(
        "data_dir", ConfigTypes.Text, "",
        "The folder of the database and the signing key; \"\" for the folder of this file. Relative to this file.");

    internal static ConfigKey<string> PublicBaseUrl { get; } = Key(
        "public_base_url", ConfigTypes.HttpUrl, c => c.Client.PublicBaseUrl,
        "The URL at which clients reach this server, such as https://matrix.example.org. It is served at "
            + "/.well-known/matrix/client.");

    internal static ConfigKey<JsonObject> WellKnownClient { get; } = Key(
        "well_known.client", ConfigTypes.WellKnownMembers, c => c.Client.WellKnownClient,
        "Further members of /.well-known/matrix/client, as nested names and values or as JSON, such as "
            + "{\"m.identity_server\": {\"base_url\": \"https://id.example.org\"}}. It needs public_base_url.");

    internal static ConfigKey<string> DefaultRoomVersion { get; } = Key(
        "room_versions.default",
        ConfigTypes.OneOf([.. RoomRules.Known, .. RoomRules.Unstable]),
        c => c.Rooms.DefaultRoomVersion,
        "The version of a room whose creator does not choose one.");

    internal static ConfigKey<IReadOnlyList<string>> UnstableRoomVersions { get; } = Key(
        "room_versions.unstable", ConfigTypes.SomeOf([.. RoomRules.Unstable]), c => c.Rooms.UnstableRoomVersions,
        $"Room versions outside the specification ({string.Join(", ", RoomRules.Unstable)}) in which rooms can be "
            + "created here. Other servers do not know them. When a version is removed from this list, its rooms stay, "
            + "but no new ones can be created.");

    internal static ConfigKey<IPEndPoint?> ClientListener { get; } = Key(
        "listeners.client", ConfigTypes.Listener, c => c.ClientListener, "The Client-Server API.");

    internal static ConfigKey<bool> FederationOnClient { get; } = Key(
        "listeners.federation_on_client", ConfigTypes.Flag, c => c.FederationOnClient,
        "Whether listeners.client serves /_matrix/federation and /_matrix/key too, for a proxy that forwards all of "
            + "/_matrix to one port.");

    internal static ConfigKey<string> TlsCertificate { get; } = Key(
        "tls.certificate", ConfigTypes.Text, "",
        "A file with the certificate and the intermediate certificates after it (PEM). The server reads both files "
            + "again when they change.");

    internal static ConfigKey<string> TlsKey { get; } = Key(
        "tls.key", ConfigTypes.Text, "", "A file with the certificate's private key (PEM).");

    internal static ConfigKey<string> CustomCa { get; } = Key(
        "federation.custom_ca", ConfigTypes.Text, "",
        "A file with certificates (PEM) to trust in addition to the system's.");

    internal static ConfigKey<IReadOnlyList<string>> TurnUris { get; } = Key(
        "turn.uris", ConfigTypes.TurnUris, c => c.Users.Turn.Uris,
        "The servers' addresses, such as turn:turn.example.org?transport=udp. None turns this off.");

    internal static ConfigKey<string> TurnSecret { get; } = Key(
        "turn.shared_secret", ConfigTypes.Text, c => c.Users.Turn.SharedSecret,
        "The secret of these servers: coturn's static-auth-secret, with use-auth-secret. Users get names and "
            + "passwords that are valid for a time.");

    internal static ConfigKey<string> TurnUserName { get; } = Key(
        "turn.username", ConfigTypes.Text, c => c.Users.Turn.UserName,
        "For servers without such a secret: the name of a user that they know.");

    internal static ConfigKey<IReadOnlyList<JsonObject>> RtcTransports { get; } = Key(
        "matrix_rtc.transports", new RtcTransportsType { IsObject = true }, c => c.Client.RtcTransports,
        "What clients may use, the best first, such as [{\"type\": \"livekit\", \"livekit_service_url\": "
            + "\"https://livekit.example.org\"}]. They are also served as org.matrix.msc4143.rtc_foci at "
            + "/.well-known/matrix/client.");

    internal static ConfigKey<IReadOnlyList<string>> AppServiceFiles { get; } = Key(
        "app_services.files", ConfigTypes.Paths, c => c.AppServiceFiles,
        "Registration files, and folders of them (*.yaml, *.yml). Relative to this file. They are read again when they "
            + "change.");

    internal static ConfigKey<string> MediaFolder { get; } = Key(
        "media.folder", ConfigTypes.Text, "",
        "The folder of the files, \"\" for `media` in data_dir. Relative to this file.");

    internal static ConfigKey<bool> RegistrationRequiresEmail { get; } = Key(
        "registration.requires_email", ConfigTypes.Flag, c => c.Users.RegistrationRequiresEmail,
        "Whether registration needs a mail address. The first user needs none.");

    internal static ConfigKey<bool> RegistrationRequiresPhone { get; } = Key(
        "registration.requires_phone", ConfigTypes.Flag, c => c.Users.RegistrationRequiresPhone,
        "Whether registration needs a phone number. The first user needs none.");

    internal static ConfigKey<string> SmtpUser { get; } = Key(
        "email.smtp_user", ConfigTypes.Text, c => c.Mail.User,
        "The user name; \"\" for none. It needs an encrypted connection, or a server on this machine.");

    internal static ConfigKey<bool> OAuthOnly { get; } = Key(
        "oauth.only", ConfigTypes.Flag, c => c.Users.OAuth.Only,
        "Whether clients can log in and register only so. The endpoints of the legacy API for it answer 404, and "
            + "application services register users without a login. Sessions that are there stay.");

    internal static ConfigKey<IReadOnlyList<SsoProvider>> SsoProviders { get; } = Key(
        "sso.providers", new SsoProvidersType { IsObject = true }, c => c.Users.Sso.Providers,
        "Identity providers (OpenID Connect). Each has an id, name, issuer and client_id, a client_secret or "
            + "client_secret_file, and may have an icon (mxc://), brand, scopes, localpart_template, "
            + "display_name_template, links_users and creates_users. It needs a public_base_url with https, or with "
            + "http on the loopback interface.");

    /// <summary>All settings in the order of the commented file.</summary>
    internal static IReadOnlyList<ConfigKey> All { get; } =
    [
        ServerName,
        DataDir,
        PublicBaseUrl,
        WellKnownClient,
        Key(
            "well_known.policy_server_key", ConfigTypes.PublicKeyOrNone, c => c.Client.PolicyServerKey,
            "The public Ed25519 key of a policy server that has this server's name, \"\" for none. It is served at "
                + "/.well-known/matrix/policy_server."),
        DefaultRoomVersion,
        UnstableRoomVersions,
        Key(
            "database.url", ConfigTypes.DatabaseUrl, c => c.Storage.Url,
            "sqlite:FILE (relative to data_dir), or postgres://user:password@host:port/name. Each database belongs to "
                + "one server."),
        Key(
            "database.readers", ConfigTypes.Whole(1, 256), c => c.Storage.Readers,
            "Reading threads (SQLite) or connections (PostgreSQL)."),
        Key(
            "database.flush_batches", ConfigTypes.Whole(1, 10_000), c => c.Storage.MaxBatchesPerFlush,
            "The most writes in one transaction of the database."),
        Key(
            "database.flush_bytes", ConfigTypes.FewBytes(64 << 10, 256 << 20), c => c.Storage.MaxBytesPerFlush,
            "The approximate most bytes in one transaction."),
        Key(
            "database.queued_writes", ConfigTypes.Whole(16), c => c.Storage.MaxQueuedBatches,
            "The most writes that wait for the writer; more are refused."),
        Key(
            "database.queued_reads", ConfigTypes.Whole(16), c => c.Storage.MaxQueuedReads,
            "The most queries that wait for a reader; more are refused."),
        Key(
            "database.read_time", ConfigTypes.Duration, c => c.Storage.LongestRead,
            "The longest time of one query; after that the request fails."),
        Hidden(
            "database.sqlite_synchronous",
            ConfigTypes.OneOf("FULL", "EXTRA", "NORMAL", "OFF"),
            c => c.Storage.SqliteSynchronous,
            "SQLite's `synchronous`. Anything less than FULL loses acknowledged messages in a power failure."),
        ClientListener,
        Key(
            "listeners.federation", ConfigTypes.Listener, c => c.FederationListener,
            "The Server-Server API. Other servers reach a server without further settings at port 8448."),
        FederationOnClient,
        Key(
            "listeners.metrics", ConfigTypes.Listener, c => c.MetricsListener,
            "/metrics for Prometheus, and /health. Keep it inside your own network."),
        Key(
            "listeners.admin", ConfigTypes.Listener, c => c.AdminListener,
            "The administration API (/_synapse/admin). \"\": listeners.client serves it. Keep it inside your own "
                + "network."),
        Key(
            "listeners.control", ConfigTypes.Flag, c => c.HasControl,
            "Whether `mx` can ask the running server, through a socket in data_dir that only the server's user can "
                + "open."),
        Key(
            "listeners.trust_forwarded_for", ConfigTypes.Flag, c => c.Http.TrustForwardedFor,
            "Whether a proxy puts the client's address at the end of X-Forwarded-For. Set it only if clients cannot "
                + "bypass the proxy."),
        TlsCertificate,
        TlsKey,
        Key(
            "tls.check_interval", ConfigTypes.Duration, c => c.TlsCheckInterval,
            "How often the server looks whether the two files have changed."),
        CustomCa,
        .. FederationKeys(),
        .. CompatibilityKeys(),
        .. AccountKeys(),
        .. OAuthKeys(),
        .. SsoKeys(),
        .. TurnKeys(),
        .. RendezvousKeys(),
        RtcTransports,
        .. NoticeKeys(),
        .. AdminKeys(),
        .. JobKeys(),
        .. PolicyKeys(),
        .. LimitKeys(),
        .. RateLimitKeys(),
        .. PushKeys(),
        .. EmailKeys(),
        .. ThirdPartyIdKeys(),
        .. MediaKeys(),
        .. PresenceKeys(),
        .. SearchKeys(),
        .. AppServiceKeys(),
        Key(
            "sync.idle_after", ConfigTypes.Duration, c => c.Sync.IdleAfter,
            "A user who has not synced for this long is no longer followed in memory; the next sync reads more from "
                + "the database."),
        Key(
            "sync.longest_poll", ConfigTypes.Duration, c => c.Sync.LongestPoll,
            "The longest long-poll, whatever timeout the client requests."),
        Key(
            "sync.poll_when_full", ConfigTypes.Duration, c => c.Sync.PollWhenFull,
            "How often a long-poll checks for news while memory has no space for its user."),
        Key(
            "sync.followed_rooms", ConfigTypes.Whole(16), c => c.Sync.MaxRoomSubscriptions,
            "Pairs of user and room that are followed in memory; about 150 bytes each."),
        Key(
            "sync.room_watches", ConfigTypes.Whole(1), c => c.Sync.MaxRoomWatches,
            "Requests that wait for events of one room each, for users who look into it; further ones get 429."),
        Key(
            "sync.room_watches_of_user", ConfigTypes.Whole(1), c => c.Sync.MaxRoomWatchesOfUser,
            "Such requests of one user."),
        Key(
            "sync.timeline", ConfigTypes.Whole(1, 1000), c => c.Sync.DefaultTimelineLimit,
            "Events of a room in one response, if the client's filter has no limit."),
        Key(
            "sync.longest_timeline", ConfigTypes.Whole(1, 1000), c => c.Sync.MaxTimelineLimit,
            "The most events of a room in one response."),
        Key(
            "sync.to_device", ConfigTypes.Whole(1, 10_000), c => c.Sync.MaxToDevice,
            "The most messages to a device in one response; the next response has more."),
        Key(
            "sync.receipts", ConfigTypes.Whole(1, 100_000), c => c.Sync.MaxReceipts,
            "The most receipts of other users in threads of a room, in one response, the newest of each user first. "
                + "Receipts of the main timeline always come."),
        Key(
            "sync.sliding_connections", ConfigTypes.Whole(1, 1000), c => c.Sync.MaxSlidingConnections,
            "Connections of sliding sync of one device; one more ends the one used longest ago."),
        Key(
            "sync.sliding_lists", ConfigTypes.Whole(1, 1000), c => c.Sync.MaxSlidingLists,
            "Lists in one request of sliding sync."),
        Key(
            "sync.sliding_subscriptions", ConfigTypes.Whole(1, 10_000), c => c.Sync.MaxSlidingSubscriptions,
            "Room subscriptions in one request of sliding sync."),
        Key(
            "sync.sliding_rooms", ConfigTypes.Whole(1, 100_000), c => c.Sync.MaxSlidingRooms,
            "Rooms in one response of sliding sync; the next response has more."),
        Key(
            "sync.sliding_threads", ConfigTypes.Whole(1, 10_000), c => c.Sync.MaxSlidingThreads,
            "Subscriptions to threads in one response, of sliding sync and of its companion endpoint."),
        Key(
            "sync.sliding_bytes", ConfigTypes.Bytes(1 << 10, 1L << 30), c => c.Sync.SlidingBytes,
            "Bytes of rooms in one response of sliding sync, beyond which only the room at hand is completed; the "
                + "next response has more."),
        Key(
            "sync.sliding_pause", ConfigTypes.TimerDuration, c => c.Sync.SlidingPause,
            "How long a request of sliding sync still waits that another request of its connection ended."),
        Key(
            "sync.sliding_kept", ConfigTypes.Duration, c => c.Sync.SlidingKept,
            "How long an unused connection of sliding sync is kept in the database. Then its client starts anew."),
        Key(
            "sync.typing_rooms", ConfigTypes.Whole(1), c => c.Sync.MaxTypingRooms,
            "Rooms with typing users; in further rooms nobody is shown typing."),
        Key(
            "sync.typing_users", ConfigTypes.Whole(1, 10_000), c => c.Sync.MaxTypingUsers,
            "Typing users shown in one room."),
        Key(
            "sync.longest_typing", ConfigTypes.Duration, c => c.Sync.LongestTyping,
            "The longest that a typing notification lasts."),
        Key(
            "sync.remote_typing", ConfigTypes.Duration, c => c.Sync.RemoteTyping,
            "How long a typing notification of another server lasts unless it is repeated."),
        Key(
            "sync.typing_repeat", ConfigTypes.Duration, c => c.Sync.TypingRepeat,
            "How often other servers get the notification of a user who goes on typing."),
        Key(
            "cache.filters", ConfigTypes.Bytes(64 << 10, 1L << 30), c => c.Client.FilterCacheBytes,
            "Filters."),
        Key(
            "cache.unread_counts", ConfigTypes.Bytes(64 << 10, 16L << 30), c => c.Sync.UnreadCacheBytes,
            "Unread counts."),
        Key(
            "cache.sliding_connections", ConfigTypes.Bytes(64 << 10, 16L << 30), c => c.Sync.SlidingConnectionBytes,
            "Connections of sliding sync; others are in the database."),
        Key(
            "cache.sliding_rooms", ConfigTypes.Bytes(64 << 10, 16L << 30), c => c.Sync.SlidingRoomsBytes,
            "Rooms in order, for the lists of sliding sync."),
        Key(
            "cache.heroes", ConfigTypes.Bytes(64 << 10, 1L << 30), c => c.Sync.HeroCacheBytes,
            "Heroes: the members after whom unnamed rooms are named. As much again for the stamps of sliding sync."),
        Key(
            "cache.thread_subscriptions", ConfigTypes.Bytes(64 << 10, 16L << 30),
            c => c.Rooms.ThreadSubscriptionCacheBytes,
            "Users' subscriptions to threads."),
        Key(
            "cache.push_rules", ConfigTypes.Bytes(64 << 10, 16L << 30), c => c.Users.PushRuleCacheBytes,
            "Users' own push rules."),
        Key(
            "cache.badges", ConfigTypes.Bytes(64 << 10, 4L << 30), c => c.Push.BadgeCacheBytes,
            "Counts of users' unread rooms, for pushes."),
        Key(
            "cache.ignored_users", ConfigTypes.Bytes(64 << 10, 16L << 30), c => c.Users.IgnoredCacheBytes,
            "Users' lists of ignored users."),
        Key(
            "cache.tokens", ConfigTypes.Whole(16), c => c.Users.CachedTokens,
            "Access tokens."),
        Key(
            "cache.events", ConfigTypes.Bytes(1 << 20, 64L << 30), c => c.Rooms.EventCacheBytes,
            "Events. One thirty-second of it is for messages that nobody has read yet."),
        Key(
            "cache.transactions", ConfigTypes.Bytes(64 << 10, 4L << 30), c => c.Rooms.TransactionCacheBytes,
            "Transaction ids of past requests, 64 bytes each. A request that is repeated after this many others is "
                + "executed again."),
        Key(
            "cache.server_keys", ConfigTypes.Bytes(64 << 10, 1L << 30), c => c.Network.KeyCacheBytes,
            "Signing keys of other servers."),
        Key(
            "cache.key_responses", ConfigTypes.Bytes(256 << 10, 1L << 30), c => c.Network.KeyResponseCacheBytes,
            "Other servers' responses with their keys, which are passed on to those who ask for them."),
        Key(
            "cache.discovery", ConfigTypes.Bytes(64 << 10, 1L << 30), c => c.Network.DiscoveryCacheBytes,
            "Resolved names of other servers."),
        Key(
            "cache.dns", ConfigTypes.Bytes(64 << 10, 1L << 30), c => c.Network.DnsCacheBytes,
            "DNS messages, and as many bytes of DNS records."),
        Key(
            "cache.well_known", ConfigTypes.Bytes(64 << 10, 1L << 30), c => c.Network.WellKnownCacheBytes,
            ".well-known responses of other servers."),
        Key(
            "cache.room_servers", ConfigTypes.Bytes(64 << 10, 4L << 30), c => c.Outbound.RoomServersCacheBytes,
            "The servers of rooms to which events are sent."),
        Key("cache.room_states", ConfigTypes.Bytes(1 << 20, 64L << 30), c => c.Rooms.StateCacheBytes, "Room states."),
        Key(
            "cache.state_steps", ConfigTypes.Bytes(64 << 10, 16L << 30), c => c.Rooms.StateStepCacheBytes,
            "Changes of room states, which decide what members see of a timeline."),
        Key(
            "cache.idle_rooms", ConfigTypes.Whole(16), c => c.Rooms.IdleRooms,
            "Idle rooms kept in memory."),
        Key(
            "log.level",
            ConfigTypes.OneOf(
                ("debug", LogLevel.Debug),
                ("information", LogLevel.Information),
                ("warning", LogLevel.Warning),
                ("error", LogLevel.Error)),
            c => c.LogLevel,
            "The lowest level that is logged: debug, information, warning or error. debug logs a line for each "
                + "request."),
        Key(
            "log.format", ConfigTypes.OneOf(("text", false), ("json", true)), c => c.LogAsJson,
            "text (lines of name=value pairs) or json (one object a line)."),
    ];

    private static ConfigKey<T> Key<T>(
        string path, ConfigType<T> type, Expression<Func<HomeserverConfig, T>> option, string meaning) =>
            new(path, type, option, meaning);

    private static ConfigKey<string> Key(string path, ConfigType<string> type, string otherwise, string meaning) =>
        new(path, type, otherwise, meaning);

    private static ConfigKey<T> Hidden<T>(
        string path, ConfigType<T> type, Expression<Func<HomeserverConfig, T>> option, string meaning) =>
        new(path, type, option, meaning) { Hidden = true };
}
