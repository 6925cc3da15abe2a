using Matrix.Core.Room.Incoming.Fetching;
using Matrix.Core.Room.Incoming.Protocol;
using Matrix.Core.StateRes;
using Matrix.Host.Parts;

namespace Matrix.Host.Rooms;

/// <summary>The limits of received events: of one room's machine, unless they say otherwise.</summary>
public sealed record ReceivingOptions
{
    [Setting(
        "federation.transactions_waiting",
        "Transactions of one server that wait for the one before them; more get 429.",
        Most = 1000)]
    public int TransactionsWaiting { get; init; } = 3;

    [Setting(
        "federation.fetches",
        "Requests for missing events at once, of all rooms; others wait.",
        Least = 1, Most = 10_000)]
    public int FetchesAtOnce { get; init; } = 16;

    [Setting(
        "federation.fetches_of_server",
        "The same, to one server. A quarter of all is for servers that failed last.",
        Least = 1, Most = 1000)]
    public int FetchesOfServer { get; init; } = 4;

    [Setting("federation.fetch_time", "The time of a request for missing events.")]
    public TimeSpan FetchTime { get; init; } = TimeSpan.FromSeconds(20);

    [Setting("federation.large_fetch_time", "The time of a request for a state or an auth chain.")]
    public TimeSpan LargeFetchTime { get; init; } = TimeSpan.FromMinutes(2);

    [Setting(
        "federation.fetch_slow_after",
        "A server whose last response took longer shares few of the slots with other slow ones.")]
    public TimeSpan FetchSlowAfter { get; init; } = TimeSpan.FromSeconds(20);

    [Setting("federation.fetch_pause", "The pause after a failed request for missing events; it doubles.")]
    public TimeSpan FetchPause { get; init; } = TimeSpan.FromSeconds(1);

    [Setting("federation.longest_fetch_pause", "The longest such pause.")]
    public TimeSpan LongestFetchPause { get; init; } = TimeSpan.FromMinutes(10);

    [Setting(
        "federation.fetch_wake_pause",
        "A request of a server that was not reached ends its pause, at most once in this time.")]
    public TimeSpan FetchWakePause { get; init; } = TimeSpan.FromSeconds(10);

    [Setting(
        "federation.fetch_patience",
        "Attempts to reach the servers that may have missing events, before the room goes on with a state from "
            + "another server.",
        Most = 100)]
    public int FetchPatience { get; init; } = 3;

    [Setting(
        "federation.fetch_servers",
        "Servers whose failures to answer such requests are remembered.",
        Least = 1, Most = 1_000_000)]
    public int FetchServers { get; init; } = 10_000;

    [Setting(
        "federation.bulk_state",
        "Missing events of a state above which the whole state is fetched at once.",
        Least = 1, Most = 1_000_000)]
    public int BulkState { get; init; } = 50;

    [Setting(
        "federation.staged_for",
        "How long an acknowledged event waits for servers that are not reached; then it is given up, and the "
            + "reason is recorded.")]
    public TimeSpan StagedFor { get; init; } = TimeSpan.FromDays(1);

    [Setting(
        "federation.given_up_events",
        "Acknowledged events of one room that were given up and are recorded.",
        Least = 1, Most = 1_000_000)]
    public int GivenUpEvents { get; init; } = 1_000;

    [Setting(
        "federation.servers_of_room",
        "Servers of a room among which those that are asked for missing events are chosen.",
        Least = 1, Most = 10_000)]
    public int PeersOfRoom { get; init; } = 64;

    [Setting(
        "federation.decided_at_once",
        "Decisions of received events for which a room is held without a pause; resolving states counts as ten. "
            + "Then requests of local users have their turn.",
        Least = 1, Most = 100_000)]
    public int DecidedAtOnce { get; init; } = 100;

    [Setting(
        "federation.staged_events",
        "Events of one room that wait for missing ones, and as many that were fetched for these. Beyond it, the "
            + "server with the most makes room for servers with fewer; transactions with other events fail.",
        Least = 10, Most = 100_000)]
    public int Staged { get; init; } = 2_000;

    [Setting(
        "federation.staged_events_of_server",
        "The same, sent by one server, or by all servers without a user in the room; transactions with further "
            + "events fail.",
        Least = 10, Most = 100_000)]
    public int StagedOfPeer { get; init; } = 1_000;

    [Setting(
        "federation.staged_bytes",
        "The bytes of such events in one room; a quarter is kept for those that were fetched.",
        Form = SettingForm.Bytes, Least = 64 << 10, Most = 1 << 30)]
    public int StagedBytes { get; init; } = 32 * 1024 * 1024;

    [Setting(
        "federation.all_staged_bytes",
        "The same in all rooms; beyond it, transactions with events that lack others fail.",
        Least = 4 << 10)]
    public long AllStagedBytes { get; init; } = 256L << 20;

    [Setting(
        "federation.all_staged_bytes_of_server",
        "The same of the events that one server sent, in all rooms. Servers without a user in the room count as "
            + "one.",
        Least = 4 << 10)]
    public long AllStagedBytesOfServer { get; init; } = 64L << 20;

    [Setting(
        "federation.full_room_time",
        "How long transactions of a server fail because there is no space for its events of a room, or of all "
            + "rooms, while no space is found. Then such events get an error, so that its other rooms go on.")]
    public TimeSpan FullRoomTime { get; init; } = TimeSpan.FromMinutes(5);

    [Setting(
        "federation.fetched_previous_events",
        "Missing previous events that are fetched for one received event; beyond these, the state before it is "
            + "fetched.",
        Least = 1, Most = 100_000)]
    public int Walk { get; init; } = 500;

    [Setting(
        "federation.missing_events_page",
        "Events that one request for missing events asks for.",
        Least = 1, Most = 1000)]
    public int Page { get; init; } = 50;

    [Setting(
        "federation.fetched_auth_events",
        "Auth and state events that are fetched for one received event.",
        Least = 100, Most = 1_000_000)]
    public int AuthChain { get; init; } = 20_000;

    [Setting("federation.fetched_state", "Entries of a state that is fetched.", Least = 100, Most = 10_000_000)]
    public int State { get; init; } = 200_000;

    [Setting("federation.fetched_states", "Fetched states of one room that are held at once.", Least = 1, Most = 100)]
    public int States { get; init; } = 4;

    [Setting(
        "federation.servers_asked",
        "Servers of a room that are asked for the same event or state.",
        Least = 1, Most = 100)]
    public int Peers { get; init; } = 4;

    [Setting(
        "federation.requests_per_event",
        "Requests that are made for one received event; each of several events that are asked for by their ids "
            + "is one.",
        Least = 1, Most = 100_000)]
    public int Requests { get; init; } = 2_000;

    [Setting(
        "federation.requests_per_minute",
        "Requests a minute to one server for missing events of one room; further ones wait for the next minute.",
        Least = 1, Most = 1_000_000)]
    public int RequestsPerMinute { get; init; } = 1_000;

    [Setting(
        "federation.resumed_searches_per_minute",
        "Searches a minute that begin after a start for what acknowledged events lack, in all rooms. All begin "
            + "within federation.longest_fetch_pause.",
        Least = 1, Most = 1_000_000)]
    public int ResumedSearchesPerMinute { get; init; } = 600;

    [Setting(
        "federation.given_up",
        "Missing events of one room that no server had and that are remembered.",
        Least = 1, Most = 100_000)]
    public int GivenUp { get; init; } = 1_000;

    [Setting("federation.given_up_for", "How long they are not asked for again.")]
    public TimeSpan GivenUpFor { get; init; } = TimeSpan.FromMinutes(10);

    [Setting(
        "federation.remembered_events",
        "Acknowledged events of one room that lack others which no server had, and that are decided once these "
            + "come. Beyond it, the server with the most loses its oldest one; servers without a user in the "
            + "room count as one.",
        Most = 10_000)]
    public int Remembered { get; init; } = 100;

    [Setting(
        "federation.remembered_for",
        "How long such an event is remembered; then it is given up, and the reason is recorded.")]
    public TimeSpan RememberedFor { get; init; } = TimeSpan.FromDays(1);

    [Setting(
        "federation.searches_of_event",
        "How often other servers are asked for what such an event lacks: when it comes, and when some of that "
            + "came. Later nothing is asked, but the event is decided once it can be.",
        Least = 1, Most = 1000)]
    public int Searches { get; init; } = 3;

    [Setting(
        "federation.extremities_merged",
        "Forward extremities of a room beyond which the server merges them, by an event that clients do not see.",
        Least = 1, Most = 10_000)]
    public int ExtremitiesMerged { get; init; } = 10;

    [Setting(
        "federation.extremities_named",
        "Forward extremities that a request for missing events names.",
        Least = 1, Most = 1000)]
    public int Extremities { get; init; } = 64;

    [Setting(
        "federation.refused_events_walked",
        "Rejected and soft-failed events that are walked through in the search for accepted ones.",
        Least = 1, Most = 100_000)]
    public int LookedThrough { get; init; } = 1_000;

    [Setting(
        "federation.room_facts",
        "Facts of each kind about events that a room keeps in memory.",
        Least = 100, Most = 1_000_000)]
    public int CachedLookUps { get; init; } = 2_000;

    [Setting("federation.room_states", "States at events that a room keeps in memory.", Least = 1, Most = 10_000)]
    public int CachedStates { get; init; } = 16;

    [Setting(
        "federation.gap_numbers",
        "Numbers that are left free in a room's timeline for the events of a gap; events beyond these are not "
            + "fetched.",
        Most = 1 << 24)]
    public int GapNumbers { get; init; } = 100_000;

    [Setting(
        "federation.history_page",
        "Events that one request for older history asks for, when a client scrolls there.",
        Least = 1, Most = 1000)]
    public int HistoryPage { get; init; } = 100;

    [Setting(
        "federation.history_references",
        "Previous events that the events of such a page name together; the rest belongs to the next page.",
        Least = 20, Most = 1_000_000)]
    public int HistoryReferences { get; init; } = 2_000;

    [Setting(
        "federation.history_servers",
        "Servers of a room that are asked for the same older history.",
        Least = 1, Most = 100)]
    public int HistoryServers { get; init; } = 5;

    [Setting(
        "federation.history_requests",
        "Requests to one of them until some of the missing events can be shown.",
        Least = 1, Most = 100)]
    public int HistoryRequests { get; init; } = 10;

    [Setting("federation.history_wait", "How long a client's request waits for older history.")]
    public TimeSpan HistoryWait { get; init; } = TimeSpan.FromSeconds(10);

    [Setting(
        "federation.history_time",
        "How long a fetch of older history waits for its events, after which another may begin.")]
    public TimeSpan HistoryTime { get; init; } = TimeSpan.FromMinutes(1);

    [Setting("federation.history_pause", "How long history that no server had is not requested again.")]
    public TimeSpan HistoryPause { get; init; } = TimeSpan.FromMinutes(1);

    [Setting("federation.history_fetches", "Fetches of older history at once, of all rooms.", Least = 1, Most = 10_000)]
    public int HistoryFetches { get; init; } = 64;

    [Setting(
        "federation.time_servers",
        "Servers of a room that are asked for the event closest to a time, where events are missing here.",
        Least = 1, Most = 100)]
    public int TimeServers { get; init; } = 3;

    [Setting(
        "federation.time_fetches",
        "Fetches of older history up to such an event, for one request of a client.",
        Least = 1, Most = 10_000)]
    public int TimeFetches { get; init; } = 20;

    [Setting("federation.time_wait", "How long a client's request waits for such an event.")]
    public TimeSpan TimeWait { get; init; } = TimeSpan.FromSeconds(10);

    [Setting(
        "federation.known_gaps",
        "Gaps in a room's history that are known one by one; beyond these, each received event costs a query "
            + "more.",
        Least = 1, Most = 1_000_000)]
    public int Gaps { get; init; } = 10_000;

    [Setting(
        "federation.small_resolution",
        "Events that a state resolution visits while its room waits; larger ones run beside it.",
        Least = 100, Most = 1_000_000)]
    public int SmallResolution { get; init; } = 2_000;

    [Setting(
        "federation.small_resolution_states",
        "States that are resolved while their room waits.",
        Least = 2, Most = 1000)]
    public int SmallStates { get; init; } = 64;

    [Setting(
        "federation.resolution",
        "Events that any state resolution visits; beyond it, the event that needs it is dropped.",
        Least = 1000, Most = 100_000_000)]
    public int Resolution { get; init; } = 200_000;

    /// <summary>The limits in the form that a room's machine takes.</summary>
    /// <param name="previous">The most previous events of a new event of this server.</param>
    internal IncomingLimits ToLimits(int previous) => new(
        staged: Staged,
        stagedOfPeer: StagedOfPeer,
        stagedBytes: StagedBytes,
        walk: Walk,
        page: Page,
        authChain: AuthChain,
        state: State,
        states: States,
        bulkState: BulkState,
        peers: Peers,
        requests: Requests,
        requestsPerMinute: RequestsPerMinute,
        givenUp: GivenUp,
        givenUpFor: (long)GivenUpFor.TotalMilliseconds,
        patience: FetchPatience,
        firstPause: (long)FetchPause.TotalMilliseconds,
        longestPause: (long)LongestFetchPause.TotalMilliseconds,
        waitsFor: (long)StagedFor.TotalMilliseconds,
        remembered: Remembered,
        rememberedFor: (long)RememberedFor.TotalMilliseconds,
        searches: Searches,
        extremities: Extremities,
        lookedThrough: LookedThrough,
        previous: previous,
        cachedLookUps: CachedLookUps,
        cachedStates: CachedStates,
        gapNumbers: (uint)GapNumbers,
        gaps: Gaps,
        smallResolution: new ResolutionLimits(SmallResolution),
        smallStates: SmallStates,
        resolution: new ResolutionLimits(Resolution),
        work: DecidedAtOnce,
        inBulk: true);
}
