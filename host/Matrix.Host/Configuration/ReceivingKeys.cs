namespace Matrix.Host.Configuration;

internal static partial class ConfigKeys
{
    /// <summary>The limits of received events, and of what other servers fetch.</summary>
    private static ConfigKey[] ReceivingKeys() =>
    [
        Key(
            "federation.transactions_waiting", ConfigTypes.Whole(0, 1000), c => c.Rooms.Receiving.TransactionsWaiting,
            "Transactions of one server that wait for the one before them; more get 429."),
        Key(
            "federation.fetches", ConfigTypes.Whole(1, 10_000), c => c.Rooms.Receiving.FetchesAtOnce,
            "Requests for missing events at once, of all rooms; others wait."),
        Key(
            "federation.fetches_of_server", ConfigTypes.Whole(1, 1000), c => c.Rooms.Receiving.FetchesOfServer,
            "The same, to one server. A quarter of all is for servers that failed last."),
        Key(
            "federation.fetch_time", ConfigTypes.Duration, c => c.Rooms.Receiving.FetchTime,
            "The time of a request for missing events."),
        Key(
            "federation.large_fetch_time", ConfigTypes.Duration, c => c.Rooms.Receiving.LargeFetchTime,
            "The time of a request for a state or an auth chain."),
        Key(
            "federation.fetch_slow_after", ConfigTypes.Duration, c => c.Rooms.Receiving.FetchSlowAfter,
            "A server whose last response took longer shares few of the slots with other slow ones."),
        Key(
            "federation.fetch_pause", ConfigTypes.Duration, c => c.Rooms.Receiving.FetchPause,
            "The pause after a failed request for missing events; it doubles."),
        Key(
            "federation.longest_fetch_pause", ConfigTypes.Duration, c => c.Rooms.Receiving.LongestFetchPause,
            "The longest such pause."),
        Key(
            "federation.fetch_wake_pause", ConfigTypes.Duration, c => c.Rooms.Receiving.FetchWakePause,
            "A request of a server that was not reached ends its pause, at most once in this time."),
        Key(
            "federation.fetch_patience", ConfigTypes.Whole(0, 100), c => c.Rooms.Receiving.FetchPatience,
            "Attempts to reach the servers that may have missing events, before the room goes on with a state from "
                + "another server."),
        Key(
            "federation.fetch_servers", ConfigTypes.Whole(1, 1_000_000), c => c.Rooms.Receiving.FetchServers,
            "Servers whose failures to answer such requests are remembered."),
        Key(
            "federation.bulk_state", ConfigTypes.Whole(1, 1_000_000), c => c.Rooms.Receiving.BulkState,
            "Missing events of a state above which the whole state is fetched at once."),
        Key(
            "federation.staged_for", ConfigTypes.Duration, c => c.Rooms.Receiving.StagedFor,
            "How long an acknowledged event waits for servers that are not reached; then it is given up, and the "
                + "reason is recorded."),
        Key(
            "federation.given_up_events", ConfigTypes.Whole(1, 1_000_000), c => c.Rooms.Receiving.GivenUpEvents,
            "Acknowledged events of one room that were given up and are recorded."),
        Key(
            "federation.servers_of_room", ConfigTypes.Whole(1, 10_000), c => c.Rooms.Receiving.PeersOfRoom,
            "Servers of a room among which those that are asked for missing events are chosen."),
        Key(
            "federation.decided_at_once", ConfigTypes.Whole(1, 100_000), c => c.Rooms.Receiving.DecidedAtOnce,
            "Decisions of received events for which a room is held without a pause; resolving states counts as ten. "
                + "Then requests of local users have their turn."),
        Key(
            "federation.staged_events", ConfigTypes.Whole(10, 100_000), c => c.Rooms.Receiving.Staged,
            "Events of one room that wait for missing ones, and as many that were fetched for these. Beyond it, the "
                + "server with the most makes room for servers with fewer; transactions with other events fail."),
        Key(
            "federation.staged_events_of_server", ConfigTypes.Whole(10, 100_000), c => c.Rooms.Receiving.StagedOfPeer,
            "The same, sent by one server, or by all servers without a user in the room; transactions with further "
                + "events fail."),
        Key(
            "federation.staged_bytes", ConfigTypes.FewBytes(64 << 10, 1 << 30), c => c.Rooms.Receiving.StagedBytes,
            "The bytes of such events in one room; a quarter is kept for those that were fetched."),
        Key(
            "federation.all_staged_bytes", ConfigTypes.Bytes(4 << 10), c => c.Rooms.Receiving.AllStagedBytes,
            "The same in all rooms; beyond it, transactions with events that lack others fail."),
        Key(
            "federation.all_staged_bytes_of_server", ConfigTypes.Bytes(4 << 10),
            c => c.Rooms.Receiving.AllStagedBytesOfServer,
            "The same of the events that one server sent, in all rooms. Servers without a user in the room count as "
                + "one."),
        Key(
            "federation.full_room_time", ConfigTypes.Duration, c => c.Rooms.Receiving.FullRoomTime,
            "How long transactions of a server fail because there is no space for its events of a room, or of all "
                + "rooms, while no space is found. Then such events get an error, so that its other rooms go on."),
        Key(
            "federation.fetched_previous_events", ConfigTypes.Whole(1, 100_000), c => c.Rooms.Receiving.Walk,
            "Missing previous events that are fetched for one received event; beyond these, the state before "
                + "it is fetched."),
        Key(
            "federation.missing_events_page", ConfigTypes.Whole(1, 1000), c => c.Rooms.Receiving.Page,
            "Events that one request for missing events asks for."),
        Key(
            "federation.fetched_auth_events", ConfigTypes.Whole(100, 1_000_000), c => c.Rooms.Receiving.AuthChain,
            "Auth and state events that are fetched for one received event."),
        Key(
            "federation.fetched_state", ConfigTypes.Whole(100, 10_000_000), c => c.Rooms.Receiving.State,
            "Entries of a state that is fetched."),
        Key(
            "federation.fetched_states", ConfigTypes.Whole(1, 100), c => c.Rooms.Receiving.States,
            "Fetched states of one room that are held at once."),
        Key(
            "federation.servers_asked", ConfigTypes.Whole(1, 100), c => c.Rooms.Receiving.Peers,
            "Servers of a room that are asked for the same event or state."),
        Key(
            "federation.requests_per_event", ConfigTypes.Whole(1, 100_000), c => c.Rooms.Receiving.Requests,
            "Requests that are made for one received event; each of several events that are asked for by their ids "
                + "is one."),
        Key(
            "federation.requests_per_minute", ConfigTypes.Whole(1, 1_000_000), c => c.Rooms.Receiving.RequestsPerMinute,
            "Requests a minute to one server for missing events of one room; further ones wait for the next minute."),
        Key(
            "federation.resumed_searches_per_minute", ConfigTypes.Whole(1, 1_000_000),
            c => c.Rooms.Receiving.ResumedSearchesPerMinute,
            "Searches a minute that begin after a start for what acknowledged events lack, in all rooms. All begin "
                + "within federation.longest_fetch_pause."),
        Key(
            "federation.given_up", ConfigTypes.Whole(1, 100_000), c => c.Rooms.Receiving.GivenUp,
            "Missing events of one room that no server had and that are remembered."),
        Key(
            "federation.given_up_for", ConfigTypes.Duration, c => c.Rooms.Receiving.GivenUpFor,
            "How long they are not asked for again."),
        Key(
            "federation.remembered_events", ConfigTypes.Whole(0, 10_000), c => c.Rooms.Receiving.Remembered,
            "Acknowledged events of one room that lack others which no server had, and that are decided once these "
                + "come. Beyond it, the server with the most loses its oldest one; servers without a user in the room "
                + "count as one."),
        Key(
            "federation.remembered_for", ConfigTypes.Duration, c => c.Rooms.Receiving.RememberedFor,
            "How long such an event is remembered; then it is given up, and the reason is recorded."),
        Key(
            "federation.searches_of_event", ConfigTypes.Whole(1, 1000), c => c.Rooms.Receiving.Searches,
            "How often other servers are asked for what such an event lacks: when it comes, and when some of that "
                + "came. Later nothing is asked, but the event is decided once it can be."),
        Key(
            "federation.extremities_merged", ConfigTypes.Whole(1, 10_000), c => c.Rooms.Receiving.ExtremitiesMerged,
            "Forward extremities of a room beyond which the server merges them, by an event that clients do not see."),
        Key(
            "federation.extremities_named", ConfigTypes.Whole(1, 1000), c => c.Rooms.Receiving.Extremities,
            "Forward extremities that a request for missing events names."),
        Key(
            "federation.refused_events_walked", ConfigTypes.Whole(1, 100_000), c => c.Rooms.Receiving.LookedThrough,
            "Rejected and soft-failed events that are walked through in the search for accepted ones."),
        Key(
            "federation.room_facts", ConfigTypes.Whole(100, 1_000_000), c => c.Rooms.Receiving.Facts,
            "Facts of each kind about events that a room keeps in memory."),
        Key(
            "federation.room_states", ConfigTypes.Whole(1, 10_000), c => c.Rooms.Receiving.FactStates,
            "States at events that a room keeps in memory."),
        Key(
            "federation.gap_numbers", ConfigTypes.Whole(0, 1 << 24), c => c.Rooms.Receiving.GapNumbers,
            "Numbers that are left free in a room's timeline for the events of a gap; events beyond these are not "
                + "fetched."),
        Key(
            "federation.hierarchy_servers", ConfigTypes.Whole(0, 100), c => c.Rooms.HierarchyServers,
            "Servers that are asked about one room of a space."),
        Key(
            "federation.hierarchy_time", ConfigTypes.Duration, c => c.Rooms.HierarchyTime,
            "How long a client's request for the rooms of a space waits for other servers."),
        Key(
            "federation.hierarchy_cache_time", ConfigTypes.Duration, c => c.Rooms.HierarchyCacheTime,
            "How long what another server returned about the rooms of a space is used again."),
        Key(
            "federation.hierarchy_failure_time", ConfigTypes.Duration, c => c.Rooms.HierarchyFailureTime,
            "How long a server that could not be reached, or failed, is not asked again about that room."),
        Key(
            "federation.cached_hierarchies", ConfigTypes.Whole(0, 1_000_000), c => c.Rooms.CachedHierarchies,
            "Such responses that are kept."),
        Key(
            "federation.history_page", ConfigTypes.Whole(1, 1000), c => c.Rooms.Receiving.HistoryPage,
            "Events that one request for older history asks for, when a client scrolls there."),
        Key(
            "federation.history_references", ConfigTypes.Whole(20, 1_000_000),
            c => c.Rooms.Receiving.HistoryReferences,
            "Previous events that the events of such a page name together; the rest belongs to the next page."),
        Key(
            "federation.history_servers", ConfigTypes.Whole(1, 100), c => c.Rooms.Receiving.HistoryServers,
            "Servers of a room that are asked for the same older history."),
        Key(
            "federation.history_requests", ConfigTypes.Whole(1, 100), c => c.Rooms.Receiving.HistoryRequests,
            "Requests to one of them until some of the missing events can be shown."),
        Key(
            "federation.history_wait", ConfigTypes.Duration, c => c.Rooms.Receiving.HistoryWait,
            "How long a client's request waits for older history."),
        Key(
            "federation.history_time", ConfigTypes.Duration, c => c.Rooms.Receiving.HistoryTime,
            "How long a fetch of older history waits for its events, after which another may begin."),
        Key(
            "federation.history_pause", ConfigTypes.Duration, c => c.Rooms.Receiving.HistoryPause,
            "How long history that no server had is not requested again."),
        Key(
            "federation.history_fetches", ConfigTypes.Whole(1, 10_000), c => c.Rooms.Receiving.HistoryFetches,
            "Fetches of older history at once, of all rooms."),
        Key(
            "federation.time_servers", ConfigTypes.Whole(1, 100), c => c.Rooms.Receiving.TimeServers,
            "Servers of a room that are asked for the event closest to a time, where events are missing here."),
        Key(
            "federation.time_fetches", ConfigTypes.Whole(1, 10_000), c => c.Rooms.Receiving.TimeFetches,
            "Fetches of older history up to such an event, for one request of a client."),
        Key(
            "federation.time_wait", ConfigTypes.Duration, c => c.Rooms.Receiving.TimeWait,
            "How long a client's request waits for such an event."),
        Key(
            "federation.known_gaps", ConfigTypes.Whole(1, 1_000_000), c => c.Rooms.Receiving.Gaps,
            "Gaps in a room's history that are known one by one; beyond these, each received event costs a "
                + "query more."),
        Key(
            "federation.small_resolution", ConfigTypes.Whole(100, 1_000_000), c => c.Rooms.Receiving.SmallResolution,
            "Events that a state resolution visits while its room waits; larger ones run beside it."),
        Key(
            "federation.small_resolution_states", ConfigTypes.Whole(2, 1000), c => c.Rooms.Receiving.SmallStates,
            "States that are resolved while their room waits."),
        Key(
            "federation.resolution", ConfigTypes.Whole(1000, 100_000_000), c => c.Rooms.Receiving.Resolution,
            "Events that any state resolution visits; beyond it, the event that needs it is dropped."),
        Key(
            "federation.backfill_events", ConfigTypes.Whole(1, 1000), c => c.Rooms.MaxBackfill,
            "Events in a response to a server that walks back in a room's history."),
        Key(
            "federation.missing_events", ConfigTypes.Whole(1, 1000), c => c.Rooms.MaxMissingEvents,
            "Events in a response to a server that misses events."),
        Key(
            "federation.events_named", ConfigTypes.Whole(1, 10_000), c => c.Rooms.MaxNamedEvents,
            "Events that a request for missing ones, or for history, names; others are ignored."),
        Key(
            "federation.states_served", ConfigTypes.Whole(1, 1000), c => c.Rooms.StatesServed,
            "States and auth chains that are read for other servers, or sent to them, at once; others wait."),
        Key(
            "federation.states_served_to_server", ConfigTypes.Whole(1, 1000), c => c.Rooms.StatesServedToServer,
            "The same, for one server."),
        Key(
            "federation.states_awaited", ConfigTypes.Whole(0, 10_000), c => c.Rooms.StatesAwaited,
            "Requests of one server that wait for a state; more get 429."),
        Key(
            "federation.server_members", ConfigTypes.Whole(1, 10_000_000), c => c.Rooms.MaxServerMembers,
            "Membership events of a server that one such request looks up where members only see the history; further "
                + "ones count as none, and what nobody else may see is returned in redacted form."),
        Key(
            "federation.walk_levels", ConfigTypes.Whole(1, 10_000), c => c.Rooms.MaxWalkLevels,
            "Levels of previous events that one such request walks through."),
        Key(
            "federation.rooms_of_event", ConfigTypes.Whole(1, 1000), c => c.Rooms.MaxRoomsOfEvent,
            "Rooms in which an event is searched by its id alone."),
    ];
}
