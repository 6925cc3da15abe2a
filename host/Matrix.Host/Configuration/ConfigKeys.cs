using System.Linq.Expressions;
using System.Net;
using Matrix.Core.Facade;
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
        ["room_versions"] = "Versions of new rooms.",
        ["database"] = "The database of rooms and accounts.",
        ["listeners"] = "Listeners: address:port each, \"\" for none.",
        ["tls"] =
            "Certificate and key of listeners.federation; without them it serves plain HTTP, for a proxy in front of "
                + "it. listeners.client has no TLS: put a proxy in front of it.",
        ["federation"] = "Other servers: which ones, and the bounds on requests to them.",
        ["compatibility"] = "Old servers.",
        ["registration"] =
            "Registration of accounts. Closed by default, except for the first user's token, which the first start "
                + "prints.",
        ["support"] = "Who helps users and answers questions, at /.well-known/matrix/support. Clients show it.",
        ["sessions"] = "Logins and tokens.",
        ["passwords"] = "The cost of one password hash (Argon2id).",
        ["limits"] = "Limits on requests, users and rooms.",
        ["rate_limits"] =
            "Request rates of a user or another server, or of an address without one: requests a second in the long "
                + "run, and the burst allowed after a pause.",
        ["sync"] = "Sync and long-polls.",
        ["cache"] = "Caches in memory.",
        ["log"] = "Log lines on standard output.",
    };

    /// <summary>Renamed settings by their old names. The server refuses an old name and names the new one.</summary>
    internal static IReadOnlyDictionary<string, string> Renamed { get; } = new Dictionary<string, string>(
        StringComparer.Ordinal)
    {
        ["database.flush_sets"] = "database.flush_batches",
    };

    internal static ConfigKey<string> ServerName { get; } = Key(
        "server_name", ConfigTypes.ServerName, c => c.ServerName,
        "The name in user ids (@user:SERVER_NAME) and room aliases. It cannot be changed later: a database belongs "
            + "to one server name.");

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

    /// <summary>All settings in the order of the commented file.</summary>
    internal static IReadOnlyList<ConfigKey> All { get; } =
    [
        ServerName,
        DataDir,
        Key(
            "public_base_url", ConfigTypes.HttpUrl, c => c.Client.PublicBaseUrl,
            "The URL at which clients reach this server, such as https://matrix.example.org. It is served at "
                + "/.well-known/matrix/client."),
        AppServices,
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
        Key(
            "registration.enabled", ConfigTypes.Flag, c => c.Users.RegistrationEnabled,
            "Whether anyone may register."),
        Key(
            "registration.requires_token", ConfigTypes.Flag, c => c.Users.RegistrationRequiresToken,
            "Whether open registration needs a registration token."),
        Key(
            "registration.shared_secret", ConfigTypes.Text, c => c.Client.RegistrationSharedSecret,
            "A secret for creating accounts, administrators included, by /_synapse/admin/v1/register and `mx user "
                + "create`. \"\" turns both off."),
        Key(
            "support.page", ConfigTypes.HttpUrl, c => c.Client.Support.Page, "A page for users, \"\" for none."),
        Key(
            "support.admin", ConfigTypes.Contacts, c => c.Client.Support.Admin,
            "The server's administrators: user ids and mail addresses."),
        Key(
            "support.security", ConfigTypes.Contacts, c => c.Client.Support.Security,
            "Who is told of security problems: user ids and mail addresses."),
        Key(
            "sessions.access_token_lifetime", ConfigTypes.Duration, c => c.Users.AccessTokenLifetime,
            "The lifetime of access tokens of clients that refresh them. Other clients' tokens do not expire."),
        Key(
            "sessions.expired_tokens_kept", ConfigTypes.Duration, c => c.ExpiredTokensKept,
            "How long an expired token gets a soft logout, after which the client keeps its data. Later it is an "
                + "unknown token."),
        Key(
            "sessions.openid_token_lifetime", ConfigTypes.Duration, c => c.Users.OpenIdTokenLifetime,
            "The lifetime of a token by which a user proves to another service who they are."),
        Key(
            "sessions.login_token_lifetime", ConfigTypes.Duration, c => c.Users.LoginTokenLifetime,
            "The lifetime of a token that logs another device in."),
        Key(
            "sessions.interactive_lifetime", ConfigTypes.Duration, c => c.Client.InteractiveLifetime,
            "The time for completing user-interactive authentication, such as confirming with a password."),
        Key(
            "sessions.interactive_at_once", ConfigTypes.Whole(10), c => c.Client.InteractiveSessions,
            "The most such authentications at once; the oldest are dropped first."),
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
            "The most computations that wait; more logins get an error and may retry."),
        Key(
            "passwords.shortest", ConfigTypes.Whole(1, 512), c => c.Users.ShortestPassword,
            "The fewest characters of a password that users choose. Administrators may set shorter ones."),
        Key(
            "limits.body", ConfigTypes.FewBytes(4 << 10, 64 << 20), c => c.Http.Body,
            "The body of any request not named below."),
        Key(
            "limits.event_body", ConfigTypes.FewBytes(64 << 10, 64 << 20), c => c.Http.EventBody,
            "The body of an event or of account data. An event may have 64 KiB, to which escapes and whitespace of the "
                + "body do not count."),
        Key(
            "limits.large_body", ConfigTypes.FewBytes(64 << 10, 256 << 20), c => c.Http.LargeBody,
            "The body of an upload of keys, of messages to devices, or of a room's creation."),
        Key(
            "limits.transaction_body", ConfigTypes.FewBytes(4 << 20, 256 << 20), c => c.Http.TransactionBody,
            "The body of another server's transaction, which has up to 50 events of 64 KiB and 100 other units."),
        Key(
            "limits.federation_bodies", ConfigTypes.Bytes(16 << 20, 64L << 30), c => c.Http.FederationBodies,
            "Bytes of other servers' bodies in memory at once; more requests are refused, and sent again later."),
        Key(
            "limits.federation_body_rate", ConfigTypes.FewBytes(1, 1 << 30), c => c.Http.FederationBodyRate,
            "Bytes a second at which another server's body must arrive."),
        Key(
            "limits.federation_connections", ConfigTypes.Whole(10), c => c.Connections.Federation,
            "Connections of other servers at once; more are closed."),
        Key(
            "limits.request_signatures", ConfigTypes.Whole(1, 100), c => c.Federation.MaxSignatures,
            "Signatures of another server's request that are tried, one for each of its keys."),
        Key("limits.headers", ConfigTypes.Whole(16, 1000), c => c.Connections.Headers, "Headers of a request."),
        Key(
            "limits.header_bytes", ConfigTypes.FewBytes(4 << 10, 1 << 20), c => c.Connections.HeaderBytes,
            "Bytes of all headers of a request."),
        Key(
            "limits.request_line", ConfigTypes.FewBytes(1 << 10, 1 << 20), c => c.Connections.RequestLineBytes,
            "Bytes of a request's method, path and query."),
        Key(
            "limits.header_time", ConfigTypes.Duration, c => c.Connections.HeaderTime,
            "The time for a request's first line and headers to arrive."),
        Key(
            "limits.connections", ConfigTypes.Whole(10), c => c.Connections.Most,
            "Connections of one listener at once; more are closed."),
        Key(
            "limits.info_uri", ConfigTypes.HttpUrl, c => c.Client.LimitsInfo,
            "A web page about the limits of accounts, which clients show to a user who reaches one; \"\" for none."),
        Key(
            "limits.devices", ConfigTypes.Whole(1, 100_000), c => c.Users.Devices,
            "Devices of one user; more logins are refused."),
        Key(
            "limits.account_data", ConfigTypes.Whole(1, 10_000_000), c => c.Users.AccountData,
            "Pieces of account data of one user, including account data of rooms."),
        Key("limits.filters", ConfigTypes.Whole(1, 100_000), c => c.Users.Filters, "Different filters of one user."),
        Key(
            "limits.push_rules", ConfigTypes.Whole(1, 100_000), c => c.Users.PushRules,
            "Push rules added by one user."),
        Key(
            "limits.one_time_keys", ConfigTypes.Whole(50, 100_000), c => c.Keys.MaxOneTimeKeys,
            "Unclaimed one-time keys of one algorithm and device."),
        Key(
            "limits.key_algorithms", ConfigTypes.Whole(2, 1000), c => c.Keys.MaxKeyAlgorithms,
            "Algorithms of a device's one-time and fallback keys."),
        Key(
            "limits.key_bytes", ConfigTypes.FewBytes(4 << 10, 1 << 20), c => c.Keys.MaxKeyBytes,
            "Bytes of one key with its signatures, or of one key in a backup."),
        Key(
            "limits.key_query_users", ConfigTypes.Whole(1, 100_000), c => c.Keys.MaxUsersPerQuery,
            "Users in one key query."),
        Key(
            "limits.key_claims", ConfigTypes.Whole(1, 100_000), c => c.Keys.MaxClaims,
            "One-time keys claimed by one request."),
        Key(
            "limits.to_device_bytes", ConfigTypes.FewBytes(4 << 10, 1 << 20), c => c.Keys.MaxToDeviceBytes,
            "Bytes of one message to a device."),
        Key(
            "limits.to_device_messages", ConfigTypes.Whole(1, 100_000), c => c.Keys.MaxToDeviceMessages,
            "Devices to which one request sends messages."),
        Key(
            "limits.to_device_inbox", ConfigTypes.Bytes(64 << 10, 1L << 30), c => c.Keys.MaxToDeviceWaiting,
            "Bytes of one sender's messages that wait for one device, with half a KiB added to each. Beyond this the "
                + "sender's messages are refused; those of another server's user are dropped."),
        Key(
            "limits.to_device_inbox_of_server", ConfigTypes.Bytes(64 << 10, 4L << 30),
            c => c.Keys.MaxToDeviceWaitingOfServer,
            "The same for the messages of all users of one other server. Beyond this its messages are dropped."),
        Key(
            "limits.to_device_outbox", ConfigTypes.Bytes(64 << 10, 64L << 30), c => c.Keys.MaxToDeviceOwed,
            "Bytes of messages that wait for one other server, with half a KiB added to each. Beyond this messages to "
                + "its users are refused; others of the same request are sent."),
        Key(
            "limits.to_device_outbox_of_sender", ConfigTypes.Bytes(64 << 10, 64L << 30),
            c => c.Keys.MaxToDeviceOwedOfSender,
            "Bytes of one sender's messages that wait for other servers, measured in the same way."),
        Key(
            "limits.to_device_outbox_servers", ConfigTypes.Whole(1, 1_000_000), c => c.Keys.MaxToDeviceServers,
            "Servers with which a sender shares no room that the sender's messages wait for. Beyond this messages for "
                + "further ones are refused."),
        Key(
            "limits.remembered_messages", ConfigTypes.Whole(100, 10_000_000), c => c.Keys.RememberedMessages,
            "Ids of one other server's latest messages to devices that are remembered: a message that comes again is "
                + "not delivered again."),
        Key(
            "limits.backup_keys", ConfigTypes.Whole(1, 100_000), c => c.Keys.MaxBackupKeys,
            "Keys in one request to a backup."),
        Key(
            "limits.initial_invites", ConfigTypes.Whole(0, 10_000), c => c.Rooms.MaxInitialInvites,
            "Users invited by the creation of a room."),
        Key(
            "limits.initial_state", ConfigTypes.Whole(0, 10_000), c => c.Rooms.MaxInitialState,
            "State events in a request to create a room."),
        Key(
            "limits.open_invites", ConfigTypes.Whole(1, 1_000_000), c => c.Rooms.MaxOpenInvites,
            "Rooms of other servers that a user is invited to, or knocks on; further invites are refused."),
        Key(
            "limits.ended_invites", ConfigTypes.Whole(1, 1_000_000), c => c.Rooms.MaxEndedInvites,
            "Ended invites and knocks of a user that are kept for devices that have not seen the end."),
        Key(
            "limits.stripped_events", ConfigTypes.Whole(1, 1000), c => c.Rooms.MaxStrippedEvents,
            "Events of the state that another server sends with an invite or knock; further ones are dropped."),
        Key(
            "limits.stripped_bytes", ConfigTypes.FewBytes(1 << 10, 16 << 20), c => c.Rooms.MaxStrippedBytes,
            "Bytes of these events."),
        Key(
            "limits.directory_members", ConfigTypes.Whole(1, 1_000_000), c => c.Rooms.MaxDirectoryMembers,
            "Members of a room that are read when another server resolves one of its aliases, for the list of the "
                + "room's servers."),
        Key(
            "limits.directory_servers", ConfigTypes.Whole(1, 100_000), c => c.Rooms.MaxDirectoryServers,
            "Servers in that list."),
        Key(
            "limits.departure_pause", ConfigTypes.Duration, c => c.Rooms.LongestDeparturePause,
            "The longest pause between attempts to make a deactivated user leave a room."),
        Key(
            "limits.departure_time", ConfigTypes.Duration, c => c.Rooms.DepartureTime,
            "How long a deactivation waits until the user has left all rooms. The rest goes on after it."),
        Key(
            "limits.departures_at_once", ConfigTypes.Whole(1, 1000), c => c.Rooms.DeparturesAtOnce,
            "Rooms that a deactivated user leaves at once."),
        Key(
            "limits.room_queue", ConfigTypes.Whole(1, 1_000_000), c => c.Rooms.MaxWaitingPerLane,
            "Requests that wait for one room; more get an error and may retry."),
        Key(
            "limits.room_speculation", ConfigTypes.Whole(1, 10_000), c => c.Rooms.MaxSpeculation,
            "Events of one room that wait for the disk while the next ones are made."),
        Key(
            "limits.prev_events", ConfigTypes.Whole(1, 20), c => c.Rooms.MaxPrevEvents,
            "Forward extremities that a new event takes as prev_events."),
        Key(
            "limits.waiting_redactions", ConfigTypes.Whole(1, 100_000), c => c.Rooms.MaxWaitingRedactions,
            "Redactions of one room that wait for missing events; the earliest are dropped first."),
        Key(
            "limits.related_events", ConfigTypes.Whole(1, 100_000), c => c.Reading.MaxChildren,
            "Related events of one event that are checked for their visibility to a user."),
        Key(
            "limits.relation_depth", ConfigTypes.Whole(1, 10), c => c.Storage.MaxRelationDepth,
            "Generations of relations that a request with `recurse` follows."),
        Key(
            "limits.scan_time", ConfigTypes.Duration, c => c.Reading.LongestScan,
            "The longest time that one request scans for events that pass its filter; its pagination token continues "
                + "from there."),
        Key(
            "limits.public_rooms", ConfigTypes.Whole(1, 10_000), c => c.Rooms.MaxPublicRooms,
            "Rooms in a page of the directory of published rooms."),
        Key(
            "limits.public_rooms_scanned", ConfigTypes.Whole(1, 10_000_000), c => c.Rooms.MaxScannedPublicRooms,
            "Published rooms that one search looks at."),
        Key(
            "limits.hierarchy_rooms", ConfigTypes.Whole(1, 1000), c => c.Rooms.MaxHierarchyRooms,
            "Rooms in a response about the rooms of a space."),
        Key(
            "limits.hierarchy_visited", ConfigTypes.Whole(1, 100_000), c => c.Rooms.MaxVisitedHierarchyRooms,
            "Rooms that are visited to continue such a response."),
        Key(
            "limits.hierarchy_depth", ConfigTypes.Whole(1, 1000), c => c.Rooms.MaxHierarchyDepth,
            "Levels of spaces in spaces."),
        Key(
            "limits.space_children", ConfigTypes.Whole(1, 100_000), c => c.Rooms.MaxSpaceChildren,
            "Children of one space that are considered."),
        Key(
            "limits.events_near_time", ConfigTypes.Whole(1, 100_000), c => c.Rooms.MaxEventsNearTime,
            "Events that are looked at for the one closest to a time."),
        Key(
            "limits.history_fetches", ConfigTypes.Whole(0, 100), c => c.Reading.MaxHistoryFetches,
            "Pages of older history that are fetched from other servers for one request of a client."),
        Key(
            "limits.receipt_threads", ConfigTypes.Whole(1, 100_000), c => c.Reading.MaxReceiptThreads,
            "Threads of a room in which a user's receipts are kept; the most recently moved stay."),
        Key(
            "limits.receipt_relations", ConfigTypes.Whole(1, 100), c => c.Reading.MaxReceiptRelations,
            "Relations between an event and the root of the thread that a receipt at this event names."),
        Key(
            "limits.received_receipts", ConfigTypes.Whole(1, 1_000_000), c => c.Reading.MaxReceivedReceipts,
            "Receipts in one transaction of another server; further ones are ignored."),
        Key(
            "limits.early_receipts", ConfigTypes.Whole(1, 1_000_000), c => c.Reading.MaxEarlyReceipts,
            "Receipts of other servers that came before their event and wait for it. Beyond this the oldest are "
                + "dropped."),
        Key(
            "limits.early_receipts_of_server", ConfigTypes.Whole(1, 1_000_000), c => c.Reading.MaxEarlyReceiptsOfServer,
            "The same, of one server."),
        Key("rate_limits.enabled", ConfigTypes.Flag, c => c.Rates.Enabled, "Whether rates are limited."),
        Key(
            "rate_limits.login_per_second", ConfigTypes.Number, c => c.Rates.Login.PerSecond,
            "Logins, token refreshes and password confirmations, by address, or by user if logged in."),
        Key("rate_limits.login_burst", ConfigTypes.Number, c => c.Rates.Login.Burst, "The burst of the same requests."),
        Key(
            "rate_limits.password_per_second", ConfigTypes.Number, c => c.Rates.Password.PerSecond,
            "Password attempts for one user, from all addresses together where the user has not logged in recently."),
        Key(
            "rate_limits.password_burst", ConfigTypes.Number, c => c.Rates.Password.Burst,
            "The burst of the same requests."),
        Key(
            "rate_limits.known_login_per_second", ConfigTypes.Number, c => c.Rates.KnownLogin.PerSecond,
            "Password attempts for one user from an address where the user logged in recently; attempts from elsewhere "
                + "do not count."),
        Key(
            "rate_limits.known_login_burst", ConfigTypes.Number, c => c.Rates.KnownLogin.Burst,
            "The burst of the same requests."),
        Key(
            "rate_limits.known_logins", ConfigTypes.Whole(1), c => c.Users.KnownLogins,
            "Pairs of user and address whose login is remembered; the oldest are dropped first."),
        Key(
            "rate_limits.known_logins_kept", ConfigTypes.Duration, c => c.Users.KnownLoginsKept,
            "How long such a login is remembered. A restart forgets it."),
        Key(
            "rate_limits.registration_per_second", ConfigTypes.Number, c => c.Rates.Registration.PerSecond,
            "Registrations, and checks of user names and registration tokens."),
        Key(
            "rate_limits.registration_burst", ConfigTypes.Number, c => c.Rates.Registration.Burst,
            "The burst of the same requests."),
        Key(
            "rate_limits.send_per_second", ConfigTypes.Number, c => c.Rates.Send.PerSecond,
            "Messages to rooms and devices, receipts, typing notifications."),
        Key("rate_limits.send_burst", ConfigTypes.Number, c => c.Rates.Send.Burst, "The burst of the same requests."),
        Key(
            "rate_limits.membership_per_second", ConfigTypes.Number, c => c.Rates.Membership.PerSecond,
            "Creating and joining rooms, invites."),
        Key(
            "rate_limits.membership_burst", ConfigTypes.Number, c => c.Rates.Membership.Burst,
            "The burst of the same requests."),
        Key(
            "rate_limits.other_per_second", ConfigTypes.Number, c => c.Rates.Other.PerSecond,
            "Everything else except sync."),
        Key("rate_limits.other_burst", ConfigTypes.Number, c => c.Rates.Other.Burst, "The burst of the same requests."),
        Key(
            "rate_limits.recursion_per_second", ConfigTypes.Number, c => c.Rates.Recursion.PerSecond,
            "Relations with `recurse`."),
        Key(
            "rate_limits.recursion_burst", ConfigTypes.Number, c => c.Rates.Recursion.Burst,
            "The burst of the same requests."),
        Key(
            "rate_limits.federation_address_per_second", ConfigTypes.Number, c => c.Rates.FederationAddress.PerSecond,
            "Requests of other servers by address, before their signature is checked. Behind a proxy without "
                + "listeners.trust_forwarded_for all servers have one address."),
        Key(
            "rate_limits.federation_address_burst", ConfigTypes.Number, c => c.Rates.FederationAddress.Burst,
            "The burst of the same requests."),
        Key(
            "rate_limits.federation_server_per_second", ConfigTypes.Number, c => c.Rates.FederationServer.PerSecond,
            "Signed requests of one server."),
        Key(
            "rate_limits.federation_server_burst", ConfigTypes.Number, c => c.Rates.FederationServer.Burst,
            "The burst of the same requests."),
        Key(
            "rate_limits.invites_per_second", ConfigTypes.Number, c => c.Rates.Invites.PerSecond,
            "Invites that one server sends one user."),
        Key(
            "rate_limits.invites_burst", ConfigTypes.Number, c => c.Rates.Invites.Burst,
            "The burst of the same requests."),
        Key(
            "rate_limits.notary_servers_per_second", ConfigTypes.Number, c => c.Rates.NotaryServers.PerSecond,
            "Servers that queries for signing keys from one address name."),
        Key(
            "rate_limits.notary_servers_burst", ConfigTypes.Number, c => c.Rates.NotaryServers.Burst,
            "The burst of the same queries."),
        Key(
            "rate_limits.tracked", ConfigTypes.Whole(100), c => c.Rates.Tracked,
            "Users, servers and addresses counted at once; the least busy are dropped first."),
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
            "cache.heroes", ConfigTypes.Bytes(64 << 10, 1L << 30), c => c.Sync.HeroCacheBytes,
            "Heroes: the members after whom unnamed rooms are named."),
        Key(
            "cache.push_rules", ConfigTypes.Bytes(64 << 10, 16L << 30), c => c.Users.PushRuleCacheBytes,
            "Users' own push rules."),
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
