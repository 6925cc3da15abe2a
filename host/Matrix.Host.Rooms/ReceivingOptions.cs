using Matrix.Core.Room.Incoming;
using Matrix.Core.StateRes;

namespace Matrix.Host.Rooms;

/// <summary>The limits of received events: of one room's machine, unless they say otherwise.</summary>
public sealed record ReceivingOptions
{
    /// <summary>The most transactions of one server that wait for the one before them.</summary>
    public int TransactionsWaiting { get; init; } = 3;

    /// <summary>The most requests for missing events that run at once, of all rooms.</summary>
    public int FetchesAtOnce { get; init; } = 16;

    /// <summary>The most requests for missing events to one server that run at once.</summary>
    public int FetchesOfServer { get; init; } = 4;

    /// <summary>The time of a request for missing events.</summary>
    public TimeSpan FetchTime { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>The time of a request for a state or an auth chain.</summary>
    public TimeSpan LargeFetchTime { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>The forward extremities beyond which a local user's dummy event merges them.</summary>
    public int ExtremitiesMerged { get; init; } = 10;

    /// <summary>The time after which a server counts as slow. Slow servers share few of the slots.</summary>
    public TimeSpan FetchSlowAfter { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>
    /// The pause after a failed request, and before the search for what an event lacks begins again. It doubles.
    /// </summary>
    public TimeSpan FetchPause { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The longest such pause.</summary>
    public TimeSpan LongestFetchPause { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>
    /// The shortest pause between two attempts for which requests of the server itself are the reason.
    /// </summary>
    public TimeSpan FetchWakePause { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How often the search begins again for a server that is not reached, before it goes on without that server.
    /// </summary>
    public int FetchPatience { get; init; } = 3;

    /// <summary>The most servers whose failures are remembered.</summary>
    public int FetchServers { get; init; } = 10_000;

    /// <summary>The number of events of a state above which the whole state is fetched.</summary>
    public int BulkState { get; init; } = 50;

    /// <summary>How long an acknowledged event waits for servers that are not reached.</summary>
    public TimeSpan StagedFor { get; init; } = TimeSpan.FromDays(1);

    /// <summary>The most acknowledged events of a room that were given up and are recorded.</summary>
    public int GivenUpEvents { get; init; } = 1_000;

    /// <summary>The most servers of a room among which those that are asked are chosen.</summary>
    public int PeersOfRoom { get; init; } = 64;

    /// <summary>
    /// The most events of transactions that wait for others in a room, and the most previous events and events of
    /// history that were fetched.
    /// </summary>
    public int Staged { get; init; } = 2_000;

    /// <summary>The most of either from one server.</summary>
    public int StagedOfPeer { get; init; } = 1_000;

    /// <summary>
    /// The most bytes of events that wait in a room. Events of transactions use at most three quarters.
    /// </summary>
    public int StagedBytes { get; init; } = 32 * 1024 * 1024;

    /// <summary>The most bytes of such events in all rooms; beyond it, no further event waits.</summary>
    public long AllStagedBytes { get; init; } = 256L << 20;

    /// <summary>The same of the events that one server sent.</summary>
    public long AllStagedBytesOfServer { get; init; } = 64L << 20;

    /// <summary>
    /// How long transactions of a server fail because there is no space for its events, while no space is found.
    /// </summary>
    public TimeSpan FullRoomTime { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// The most missing previous events fetched for one received event; beyond it, the state before it is fetched.
    /// </summary>
    public int Walk { get; init; } = 500;

    /// <summary>The most events that one request for missing events asks for.</summary>
    public int Page { get; init; } = 50;

    /// <summary>The most auth and state events fetched for one received event.</summary>
    public int AuthChain { get; init; } = 20_000;

    /// <summary>The most entries of a fetched state.</summary>
    public int State { get; init; } = 200_000;

    /// <summary>The most fetched states of a room that are held at a time.</summary>
    public int States { get; init; } = 4;

    /// <summary>The most servers asked for the same event or state.</summary>
    public int Peers { get; init; } = 4;

    /// <summary>
    /// The most requests made for one received event. Each of several events that are requested by their ids counts as
    /// one.
    /// </summary>
    public int Requests { get; init; } = 2_000;

    /// <summary>The most requests to one server in a minute, for the events of one room; counted as these.</summary>
    public int RequestsPerMinute { get; init; } = 1_000;

    /// <summary>
    /// The searches in a minute that begin for what acknowledged events lack which waited before a start, in all rooms.
    /// </summary>
    public int ResumedSearchesPerMinute { get; init; } = 600;

    /// <summary>The most ids remembered that no server had.</summary>
    public int GivenUp { get; init; } = 1_000;

    /// <summary>How long they are not asked for again.</summary>
    public TimeSpan GivenUpFor { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>
    /// The most acknowledged events of a room that lack others which no server had, and are decided once these come.
    /// </summary>
    public int Remembered { get; init; } = 100;

    /// <summary>How long they are remembered.</summary>
    public TimeSpan RememberedFor { get; init; } = TimeSpan.FromDays(1);

    /// <summary>
    /// The most searches for what such an event lacks. Later ones only look whether what came meanwhile is enough.
    /// </summary>
    public int Searches { get; init; } = 3;

    /// <summary>The most forward extremities that a request names.</summary>
    public int Extremities { get; init; } = 64;

    /// <summary>The most rejected and soft-failed events walked through in search of accepted ones.</summary>
    public int LookedThrough { get; init; } = 1_000;

    /// <summary>The most facts of each kind that a room keeps between two inputs.</summary>
    public int Facts { get; init; } = 2_000;

    /// <summary>The most states that a room keeps between two inputs.</summary>
    public int FactStates { get; init; } = 16;

    /// <summary>
    /// The most numbers left free in the timeline before an event whose previous events are missing, for these.
    /// </summary>
    public int GapNumbers { get; init; } = 100_000;

    /// <summary>The events that one request for older history asks for.</summary>
    public int HistoryPage { get; init; } = 100;

    /// <summary>
    /// The most previous events that the events of such a page name together. The rest belongs to the next page.
    /// </summary>
    public int HistoryReferences { get; init; } = 2_000;

    /// <summary>The most servers of a room that are asked for the same older history.</summary>
    public int HistoryServers { get; init; } = 5;

    /// <summary>The most requests to one of them, for the events that may be the latest of those missing.</summary>
    public int HistoryRequests { get; init; } = 10;

    /// <summary>How long a client's request waits for older history.</summary>
    public TimeSpan HistoryWait { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long servers are asked for older history, whether or not a client waits; and how long what they returned may
    /// wait to be decided.
    /// </summary>
    public TimeSpan HistoryTime { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How long history that no server had is not requested again.</summary>
    public TimeSpan HistoryPause { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>The most fetches of older history at once, of all rooms.</summary>
    public int HistoryFetches { get; init; } = 64;

    /// <summary>
    /// The most servers that are asked for the event closest to a time, where events are missing here.
    /// </summary>
    public int TimeServers { get; init; } = 3;

    /// <summary>The most fetches of older history for such an event.</summary>
    public int TimeFetches { get; init; } = 20;

    /// <summary>How long a client's request waits for such an event.</summary>
    public TimeSpan TimeWait { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The most gaps of a room that are known one by one.</summary>
    public int Gaps { get; init; } = 10_000;

    /// <summary>The most events visited by a state resolution while its room waits.</summary>
    public int SmallResolution { get; init; } = 2_000;

    /// <summary>The most states resolved while their room waits.</summary>
    public int SmallStates { get; init; } = 64;

    /// <summary>The most events visited by any state resolution.</summary>
    public int Resolution { get; init; } = 200_000;

    /// <summary>
    /// The decisions of received events for which a room is held without a pause. Resolving states counts as ten.
    /// </summary>
    public int DecidedAtOnce { get; init; } = 100;

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
        facts: Facts,
        factStates: FactStates,
        gapNumbers: (uint)GapNumbers,
        gaps: Gaps,
        smallResolution: new ResolutionLimits(SmallResolution),
        smallStates: SmallStates,
        resolution: new ResolutionLimits(Resolution),
        work: DecidedAtOnce,
        inBulk: true);
}
