namespace Matrix.Core.Room.Incoming.Protocol

open Matrix.Core.StateRes

/// Bounds of one room's machine.
type IncomingLimits = {
    /// The most events of transactions staged at a time, and the most previous events and events of history that were
    /// fetched.
    Staged: int
    /// The most of either from one peer.
    StagedOfPeer: int
    /// The most bytes of events staged at a time. Events of transactions use at most three quarters.
    StagedBytes: int
    /// The most missing previous events fetched for one received event. Beyond it, a state is taken on trust.
    Walk: int
    /// `limit` of a request for missing events.
    Page: int
    /// The most auth and state events fetched for one received event, and the most events of fetched states from one
    /// peer.
    AuthChain: int
    /// The most entries of a fetched state.
    State: int
    /// The most fetched states held at a time, each from its request until the event is decided.
    States: int
    /// More missing events of a fetched state than this are requested together: one request.
    BulkState: int
    /// The most peers asked for the same event or state.
    Peers: int
    /// The most requests made for one received event, without those for keys. Each of several events that are requested
    /// by their ids counts as a request.
    Requests: int
    /// The most requests to one peer in a minute, counted in the same way. Beyond it, events wait for the next minute.
    RequestsPerMinute: int
    /// The most ids remembered that no peer had.
    GivenUp: int
    /// How long they are not requested again, in milliseconds.
    GivenUpFor: int64
    /// How often the search for what an event lacks is repeated because a peer was not reached. After that, the state
    /// is taken from another peer; an event that was only fetched is dropped.
    Patience: int
    /// The pause before such a search begins again, in milliseconds. It doubles.
    FirstPause: int64
    /// The longest such pause.
    LongestPause: int64
    /// How long a received event waits for peers that are not reached, in milliseconds.
    WaitsFor: int64
    /// The most received events remembered that lack others which no peer had.
    Remembered: int
    /// How long they are remembered, from when they came, in milliseconds.
    RememberedFor: int64
    /// The most searches for what a received event lacks: when it comes, and when something that it lacked came. After
    /// these nothing is requested for it, but it is decided once it can be.
    Searches: int
    /// The most extremities that a request names: the latest.
    Extremities: int
    /// The most rejected and soft-failed events walked through in the search for accepted ones.
    LookedThrough: int
    /// The most extremities that a new event of this server names: the latest. v1.19 server-server-api#pdus
    /// (`prev_events`).
    Previous: int
    /// The most facts of each kind that are kept between inputs, beside those of undurable decisions.
    CachedLookUps: int
    /// The most looked-up states that are kept between inputs.
    CachedStates: int
    /// The most numbers that are left free before a live event whose previous events are missing, for these.
    GapNumbers: uint32
    /// The most gaps that are known one by one. Beyond them, the followers of each received event are looked up.
    Gaps: int
    /// Bounds of a resolution inside of a call. Beyond them, the host runs it: `Output.Resolve`.
    SmallResolution: ResolutionLimits
    /// The most states that are resolved inside of a call.
    SmallStates: int
    /// Bounds of a resolution that the host runs.
    Resolution: ResolutionLimits
    /// The most work of decisions in one call: a decided event counts one, and states that it resolves count ten. What
    /// is beyond waits for the next call: `Output.HasMore`.
    Work: int
    /// Whether fetched outliers that lack nothing are decided at once, with their response, whatever `Work` says.
    InBulk: bool
} with

    /// The default bounds: what a server with many rooms can afford for each.
    static member Default = {
        Staged = 2_000
        StagedOfPeer = 1_000
        StagedBytes = 32 * 1024 * 1024
        Walk = 500
        Page = 50
        AuthChain = 20_000
        State = 200_000
        States = 4
        BulkState = 50
        Peers = 4
        Requests = 2_000
        RequestsPerMinute = 1_000
        GivenUp = 1_000
        GivenUpFor = 600_000L
        Patience = 3
        FirstPause = 1_000L
        LongestPause = 600_000L
        WaitsFor = 86_400_000L
        Remembered = 100
        RememberedFor = 86_400_000L
        Searches = 3
        Extremities = 64
        LookedThrough = 1_000
        Previous = 20
        CachedLookUps = 2_000
        CachedStates = 16
        GapNumbers = 100_000u
        Gaps = 10_000
        SmallResolution = { Events = 2_000 }
        SmallStates = 64
        Resolution = ResolutionLimits.Usual
        Work = 100
        InBulk = true
    }

    /// The same for a room that a local user joins through another server: its state and auth chain, which are here
    /// already, have at most so many events.
    member this.ForJoin(events: int) : IncomingLimits = {
        this with
            AuthChain = events
            State = events
            StagedBytes = System.Int32.MaxValue
            Work = System.Int32.MaxValue
            CachedLookUps = max this.CachedLookUps events
    }

    /// The same with one decision in a call, so that a failed write names the event. Events of fetched states are
    /// staged then: they get twice the space.
    member this.OneByOne: IncomingLimits = {
        this with
            Work = 1
            InBulk = false
            StagedBytes = min this.StagedBytes (System.Int32.MaxValue / 2) * 2
    }
