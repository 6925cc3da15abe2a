using Matrix.Core.Room.Incoming;
using Matrix.Core.StateRes;

namespace Matrix.Host.Rooms;

/// <summary>The limits of received events: of one room's machine, unless they say otherwise.</summary>
public sealed record ReceivingOptions
{
    /// <summary>The most requests for missing events that run at once, of all rooms.</summary>
    public int FetchesAtOnce { get; init; } = 16;

    /// <summary>The most servers of a room among which those that are asked are chosen.</summary>
    public int PeersOfRoom { get; init; } = 64;

    /// <summary>
    /// The most events of a room that wait for others, without those of fetched auth chains and states.
    /// </summary>
    public int Staged { get; init; } = 2_000;

    /// <summary>The most of them from one server.</summary>
    public int StagedOfPeer { get; init; } = 1_000;

    /// <summary>The most bytes of such events in a room.</summary>
    public int StagedBytes { get; init; } = 32 * 1024 * 1024;

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

    /// <summary>The most requests made for one received event.</summary>
    public int Requests { get; init; } = 2_000;

    /// <summary>The most requests to one server in a minute, for the events of one room.</summary>
    public int RequestsPerMinute { get; init; } = 1_000;

    /// <summary>The most ids remembered that no server had.</summary>
    public int GivenUp { get; init; } = 1_000;

    /// <summary>How long they are not asked for again.</summary>
    public TimeSpan GivenUpFor { get; init; } = TimeSpan.FromMinutes(10);

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

    /// <summary>The most servers of a room that are asked for the same older history.</summary>
    public int HistoryServers { get; init; } = 5;

    /// <summary>How long a client's request waits for older history.</summary>
    public TimeSpan HistoryWait { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long history that no server had is not requested again.</summary>
    public TimeSpan HistoryPause { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>The most fetches of older history at once, of all rooms.</summary>
    public int HistoryFetches { get; init; } = 64;

    /// <summary>The most gaps of a room that are known one by one.</summary>
    public int Gaps { get; init; } = 10_000;

    /// <summary>The most events visited by a state resolution while its room waits.</summary>
    public int SmallResolution { get; init; } = 2_000;

    /// <summary>The most states resolved while their room waits.</summary>
    public int SmallStates { get; init; } = 64;

    /// <summary>The most events visited by any state resolution.</summary>
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
        peers: Peers,
        requests: Requests,
        requestsPerMinute: RequestsPerMinute,
        givenUp: GivenUp,
        givenUpFor: (long)GivenUpFor.TotalMilliseconds,
        extremities: Extremities,
        lookedThrough: LookedThrough,
        previous: previous,
        facts: Facts,
        factStates: FactStates,
        gapNumbers: (uint)GapNumbers,
        gaps: Gaps,
        smallResolution: new ResolutionLimits(SmallResolution),
        smallStates: SmallStates,
        resolution: new ResolutionLimits(Resolution));
}
