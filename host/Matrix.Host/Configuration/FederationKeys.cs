namespace Matrix.Host.Configuration;

internal static partial class ConfigKeys
{
    /// <summary>The settings of requests to other servers.</summary>
    private static ConfigKey[] FederationKeys() =>
    [
        Key(
            "federation.allow_networks", ConfigTypes.Networks, c => c.Network.AllowNetworks,
            "Networks that may be reached although they are private, such as [10.0.0.0/8]. Other private addresses are "
                + "refused, whatever name leads to them."),
        Key(
            "federation.nameservers", ConfigTypes.EndPoints, c => c.Network.Nameservers,
            "Name servers, address:port each; [] for the system's."),
        Key(
            "federation.allow_servers", ConfigTypes.ServerPatterns, c => c.Network.AllowServers,
            "The only servers to talk to, as names in which * and ? are wildcards; [] for all. A name without a port "
                + "is for all ports."),
        Key(
            "federation.deny_servers", ConfigTypes.ServerPatterns, c => c.Network.DenyServers,
            "Servers not to talk to, in the same form."),
        Key(
            "federation.user_requests", ConfigTypes.Whole(1, 100_000), c => c.Network.UserRequests,
            "Requests to other servers at once that users wait for: rooms of spaces, summaries, directories, aliases, "
                + "events near a time, joins, knocks and leaves. One user, application service, or network without a "
                + "token has a quarter, slow servers a quarter together."),
        Key(
            "federation.slow_after", ConfigTypes.Duration, c => c.Network.SlowAfter,
            "A server that took as long to answer what a user asked for counts as slow: few such requests are made at "
                + "once."),
        Key(
            "federation.slow_kept", ConfigTypes.Duration, c => c.Network.PaceKept,
            "How long it is remembered whether a server was slow."),
        Key(
            "federation.slow_servers", ConfigTypes.Whole(1, 1_000_000), c => c.Network.PaceServers,
            "Servers of which that is remembered."),
        Key(
            "federation.discoveries", ConfigTypes.Whole(1), c => c.Network.MaxDiscoveries,
            "Server names that are resolved at once; more fail."),
        Key(
            "federation.discovery_time", ConfigTypes.Duration, c => c.Network.DiscoveryTime,
            "The time for resolving a server name, with all lookups."),
        Key(
            "federation.discovery_failure_time", ConfigTypes.Duration, c => c.Network.DiscoveryFailureTime,
            "How long a failed resolution is kept."),
        Key(
            "federation.address_minimum_time", ConfigTypes.Duration, c => c.Network.AddressMinimumTime,
            "The shortest time that addresses are kept, whatever their time to live."),
        Key(
            "federation.address_maximum_time", ConfigTypes.Duration, c => c.Network.AddressMaximumTime,
            "The longest time that addresses are kept."),
        Key(
            "federation.negative_maximum_time", ConfigTypes.Duration, c => c.Network.NegativeMaximumTime,
            "The longest time that the absence of a name or record is kept."),
        Key(
            "federation.service_records", ConfigTypes.Whole(1, 10_000), c => c.Network.MaxServiceRecords,
            "SRV records of a name that are read."),
        Key(
            "federation.service_targets", ConfigTypes.Whole(1, 1000), c => c.Network.MaxServiceTargets,
            "Targets of SRV records whose addresses are looked up."),
        Key(
            "federation.end_points", ConfigTypes.Whole(1, 1000), c => c.Network.MaxEndPoints,
            "Addresses of a server that are kept."),
        Key(
            "federation.lookups", ConfigTypes.Whole(1), c => c.Network.MaxLookups,
            "DNS lookups at once; others wait."),
        Key("federation.lookup_time", ConfigTypes.Duration, c => c.Network.LookupTime, "The time of one DNS lookup."),
        Key(
            "federation.well_known_fetches", ConfigTypes.Whole(1), c => c.Network.MaxWellKnownFetches,
            ".well-known requests at once; others wait."),
        Key(
            "federation.well_known_time", ConfigTypes.Duration, c => c.Network.WellKnownTime,
            "The time of a .well-known request, with its redirects."),
        Key(
            "federation.well_known_connect_time", ConfigTypes.Duration, c => c.Network.WellKnownConnectTime,
            "The time of a connection for .well-known, TLS included; after that the next address is tried."),
        Key(
            "federation.well_known_redirects", ConfigTypes.Whole(0, 20), c => c.Network.WellKnownRedirects,
            "Redirects that a .well-known request follows."),
        Key(
            "federation.well_known_bytes", ConfigTypes.FewBytes(1 << 10, 1 << 20), c => c.Network.WellKnownBytes,
            "A .well-known response."),
        Key(
            "federation.well_known_default_time", ConfigTypes.Duration, c => c.Network.WellKnownDefaultTime,
            "How long a .well-known response without cache headers is kept."),
        Key(
            "federation.well_known_minimum_time", ConfigTypes.Duration, c => c.Network.WellKnownMinimumTime,
            "The shortest time that a valid .well-known response is kept."),
        Key(
            "federation.well_known_maximum_time", ConfigTypes.Duration, c => c.Network.WellKnownMaximumTime,
            "The longest time that a valid .well-known response is kept."),
        Key(
            "federation.well_known_first_error_time", ConfigTypes.Duration, c => c.Network.WellKnownFirstErrorTime,
            "How long the first failure of .well-known is kept; each repeated failure doubles it."),
        Key(
            "federation.well_known_maximum_error_time", ConfigTypes.Duration,
            c => c.Network.WellKnownMaximumErrorTime,
            "The longest time that a failure of .well-known is kept."),
        Hidden(
            "federation.well_known_port", ConfigTypes.Whole(1, 65_535), c => c.Network.WellKnownPort,
            "The port of .well-known."),
        Key(
            "federation.sockets", ConfigTypes.Whole(8, 65_536), c => c.Network.MaxSockets,
            "Sockets to all other servers at once."),
        Key(
            "federation.sockets_per_server", ConfigTypes.Whole(1, 1000), c => c.Network.MaxSocketsPerServer,
            "Sockets to one server at once."),
        Key(
            "federation.addresses_tried", ConfigTypes.Whole(1, 100), c => c.Network.MaxAddressesTried,
            "Addresses of one server that a connection tries."),
        Key(
            "federation.connect_time", ConfigTypes.Duration, c => c.Network.ConnectTime,
            "The time for connecting, TLS included, over all addresses of a server."),
        Key(
            "federation.request_time", ConfigTypes.Duration, c => c.Network.RequestTime,
            "The time of a request, from discovery to the end of the response."),
        Key(
            "federation.large_request_time", ConfigTypes.Duration, c => c.Network.LargeRequestTime,
            "The time of a request whose response grows with a room, such as a join."),
        Key(
            "federation.idle_connection_time", ConfigTypes.Duration, c => c.Network.IdleConnectionTime,
            "How long an idle connection stays open."),
        Key(
            "federation.connection_lifetime", ConfigTypes.Duration, c => c.Network.ConnectionLifetime,
            "How long a connection is used before the server's certificate is checked again."),
        Key(
            "federation.response_bytes", ConfigTypes.FewBytes(64 << 10, 1 << 30), c => c.Network.MaxResponseBytes,
            "The response to any request not named below."),
        Key(
            "federation.page_bytes", ConfigTypes.FewBytes(64 << 10, 1 << 30), c => c.Network.MaxPageBytes,
            "A page of a list: older events, keys of many users."),
        Key(
            "federation.published_rooms_bytes", ConfigTypes.FewBytes(64 << 10, 1 << 30),
            c => c.Network.MaxPublishedRoomsBytes,
            "A page of published rooms, which clients without an account may ask for."),
        Key(
            "federation.large_response_bytes", ConfigTypes.FewBytes(1 << 20, 1 << 30),
            c => c.Network.MaxLargeResponseBytes,
            "A response that grows with a room, such as its state."),
        Key(
            "federation.responses_at_once", ConfigTypes.Bytes(16 << 20), c => c.Network.MaxResponseBytesAtOnce,
            "The memory of all responses, from their buffers and their JSON until they are no longer held; a response "
                + "that needs more fails. While one is read it takes twice its bytes."),
        Key(
            "federation.response_events", ConfigTypes.Whole(1000), c => c.Network.MaxEventsInResponse,
            "Events in one response."),
        Key(
            "federation.response_header_bytes", ConfigTypes.FewBytes(4 << 10, 1 << 20),
            c => c.Network.MaxResponseHeaderBytes,
            "Headers of a response."),
        Key(
            "federation.error_log_interval", ConfigTypes.Duration, c => c.Network.ErrorLogInterval,
            "How often failures of the same server are logged."),
        Key(
            "federation.error_log_servers", ConfigTypes.Whole(1), c => c.Network.MaxErrorLogServers,
            "Servers whose latest log line is remembered; the oldest are dropped first."),
        Key(
            "federation.own_key_validity", ConfigTypes.Duration, c => c.Network.OwnKeyValidity,
            "How far ahead this server publishes its signing key as valid. Other servers fetch it again after that."),
        Key(
            "federation.own_key_check_interval", ConfigTypes.Duration, c => c.SigningKeyCheckInterval,
            "How often the server looks for a new signing key, after `mx keys rotate`."),
        Key(
            "federation.keys_per_server", ConfigTypes.Whole(1, 10_000), c => c.Network.MaxKeysPerServer,
            "Signing keys of one server, former ones included."),
        Key(
            "federation.earlier_key_responses", ConfigTypes.Whole(0, 1000), c => c.Network.MaxEarlierKeyResponses,
            "Earlier responses with signing keys of one server that are kept beside the latest, if they have keys that "
                + "later ones lack. Other servers need them for old events, and get them by a query."),
        Key(
            "federation.key_response_bytes", ConfigTypes.FewBytes(4 << 10, 16 << 20),
            c => c.Network.MaxKeyResponseBytes,
            "A response with signing keys."),
        Key(
            "federation.key_fetch_time", ConfigTypes.Duration, c => c.Network.KeyFetchTime,
            "The time of a fetch of signing keys."),
        Key(
            "federation.key_fetches", ConfigTypes.Whole(1, 10_000), c => c.Network.MaxKeyFetches,
            "Fetches of signing keys at once that events need; others wait."),
        Key(
            "federation.known_key_fetches", ConfigTypes.Whole(4, 10_000), c => c.Network.MaxKnownKeyFetches,
            "Fetches of signing keys at once that requests cause before they are authenticated, of servers whose keys "
                + "events have needed. One address has a quarter of them."),
        Key(
            "federation.stranger_key_fetches", ConfigTypes.Whole(4, 10_000), c => c.Network.MaxStrangerKeyFetches,
            "The same, of all other servers: names that anyone may invent."),
        Key(
            "federation.key_fetches_waiting", ConfigTypes.Whole(1), c => c.Network.MaxKeyFetchesWaiting,
            "Fetches of each of these kinds that wait or run; beyond these no keys are found. One address has a "
                + "quarter of the latter two."),
        Key(
            "federation.key_fetch_pause", ConfigTypes.Duration, c => c.Network.KeyFetchPause,
            "The shortest pause between two fetches of a server's keys; it doubles with each failure."),
        Key(
            "federation.longest_key_fetch_pause", ConfigTypes.Duration, c => c.Network.LongestKeyFetchPause,
            "The longest pause after failures."),
        Key(
            "federation.key_fetch_servers", ConfigTypes.Whole(1), c => c.Network.MaxKeyFetchServers,
            "Servers whose latest fetch is remembered; the oldest are dropped first."),
        Key(
            "federation.key_fetches_per_minute", ConfigTypes.Whole(1), c => c.Network.MaxKeyFetchesPerMinute,
            "Fetches of keys a minute that requests cause before they are authenticated, of servers whose keys events "
                + "have not needed."),
        Key(
            "federation.known_key_fetches_per_minute", ConfigTypes.Whole(1),
            c => c.Network.MaxKnownKeyFetchesPerMinute,
            "The same, of servers whose keys events have needed and that seem to have a new one. Fetches of known keys "
                + "whose validity is over are not counted."),
        Key(
            "federation.key_fetches_per_address", ConfigTypes.Whole(1), c => c.Network.MaxKeyFetchesPerAddress,
            "The same, caused by requests from one address."),
        Key(
            "federation.key_fetches_per_sender", ConfigTypes.Whole(1), c => c.Network.MaxKeyFetchesPerSender,
            "Fetches of other servers' keys a minute that the events of one sending server cause."),
        .. NotaryKeys(),
        .. ReceivingKeys(),
        .. OutboundKeys(),
        .. DeviceListKeys(),
        Key(
            "federation.join_candidates", ConfigTypes.Whole(1, 1000), c => c.Rooms.JoinCandidates,
            "Servers that are asked in turn to let a local user join a room."),
        Key(
            "federation.join_time", ConfigTypes.Duration, c => c.Rooms.JoinTime,
            "The time of a join through other servers. A response has federation.large_request_time."),
        Key(
            "federation.join_patience", ConfigTypes.Duration, c => c.Rooms.JoinPatience,
            "How long a join waits for another one of the room before it runs beside it."),
        Key(
            "federation.joins", ConfigTypes.Whole(1, 1000), c => c.Rooms.JoinsAtOnce,
            "Rooms joined through other servers that are checked and stored at once; others wait."),
        Key(
            "federation.joins_waiting", ConfigTypes.Whole(1, 100_000), c => c.Rooms.MaxJoins,
            "Joins through other servers that wait or run, of which one user or application service has a quarter; "
                + "further ones get 429."),
        Key(
            "federation.join_key_time", ConfigTypes.Duration, c => c.Rooms.JoinKeyTime,
            "The time for fetching the keys of a joined room's servers. Events of servers without keys are dropped."),
        Key(
            "federation.join_events", ConfigTypes.Whole(1000, 10_000_000), c => c.Rooms.JoinEvents,
            "Events of the state and auth chain of a joined room."),
        Key(
            "federation.mended_join_events", ConfigTypes.Whole(0, 10_000), c => c.Rooms.MendedJoinEvents,
            "Events with a wrong hash in a joined room for which their senders' servers are asked, each once."),
        Key(
            "federation.join_decision_time", ConfigTypes.Duration, c => c.Rooms.JoinDecisionTime,
            "How long a join may take here after another server has accepted it, while the room's events wait."),
        Key(
            "federation.invite_time", ConfigTypes.Duration, c => c.Rooms.InviteTime,
            "The time of an invite of a user of another server, with all attempts."),
        Key(
            "federation.invite_attempts", ConfigTypes.Whole(1, 100), c => c.Rooms.InviteAttempts,
            "How often such an invite is made anew because the room changed."),
        Key(
            "federation.invites", ConfigTypes.Whole(1, 1000), c => c.Rooms.InvitesAtOnce,
            "Such invites that one new room sends at once."),
        Key(
            "federation.creation_invite_time", ConfigTypes.Duration, c => c.Rooms.CreationInviteTime,
            "How long the creation of a room waits for such invites. They go on after it."),
        Key(
            "federation.bound_invites", ConfigTypes.Whole(0, 1000), c => c.Rooms.MaxBoundInvites,
            "Third-party invites in one report of an identity server that an identifier was bound; 0 refuses all "
                + "reports. Each invite may be a request to the inviter's server."),
        Key(
            "federation.bound_invite_reports", ConfigTypes.Whole(1, 1000), c => c.Rooms.BindingsAtOnce,
            "Such reports that are handled at once; more get 429."),
        Key(
            "federation.handshake_time", ConfigTypes.Duration, c => c.Rooms.HandshakeTime,
            "The time of a leave or knock through other servers, with all attempts."),
        Key(
            "federation.handshake_candidates", ConfigTypes.Whole(1, 100), c => c.Rooms.HandshakeCandidates,
            "Servers through which a leave or knock is tried."),
        Key(
            "federation.strict_invite_state", ConfigTypes.Flag, c => c.Rooms.StrictInviteState,
            "Whether invites are refused unless all events of their invite_room_state are whole and validly signed. "
                + "Many servers send stripped ones."),
        Key(
            "federation.well_known_server", ConfigTypes.ServerNameOrNone, c => c.Client.WellKnownServer,
            "Where other servers find this one, such as matrix.example.org:443. It is served to them at "
                + "/.well-known/matrix/server of the client listener."),
        Key(
            "federation.public_rooms", ConfigTypes.Flag, c => c.Federation.ServesDirectory,
            "Whether other servers see the directory of published rooms."),
        Key(
            "compatibility.legacy_federation", ConfigTypes.Flag, c => c.Network.LegacyFederation,
            "Whether the first versions of endpoints are used with servers that do not know the second."),
    ];
}
