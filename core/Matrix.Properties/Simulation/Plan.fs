namespace Matrix.Properties.Simulation

/// An attempt of a user in the room. The server refuses many of them.
[<RequireQualifiedAccess>]
type ActionKind =
    | Message
    | Topic
    | Join
    | Leave
    | Invite
    | Kick
    | Ban
    | Knock
    | Power
    | JoinRule
    /// A restricted join with an authorising user of another server.
    | RestrictedJoin

/// A kind of lie of the Byzantine server.
[<RequireQualifiedAccess>]
type Lie =
    /// An event in the name of a user of another server.
    | Forge
    /// An event built on an old one, as if later ones had not arrived.
    | Stale
    /// Two events in place of one, each sent to some servers.
    | Equivocate
    /// An event that the sender does not have the power for.
    | Forbidden
    /// An event with a forbidden one among its auth events.
    | CiteForbidden
    /// An event built on one that is withheld from `/get_missing_events`.
    | Hide
    /// An event with an auth event that is withheld.
    | CiteHidden
    /// An event on one that is withheld, whose state, which it returns, has another event that it holds back. Some of
    /// these are sent later.
    | Insert
    /// An allowed event with a depth, a time or levels at the limits of the room version.
    | Extreme

/// An honest attempt, or a lie.
[<RequireQualifiedAccess>]
type Action =
    | Honest of ActionKind
    | Lying of Lie * ActionKind

/// An attempt at one server. Numbers are taken modulo the number of choices.
type Operation = {
    /// Milliseconds since the start.
    At: int
    Server: int
    Action: Action
    Actor: int
    Target: int
    Level: int
}

/// A fault at some time.
[<RequireQualifiedAccess>]
type Trouble =
    /// Messages are lost between the servers whose bit is set in `side` and the others.
    | Partition of from: int * until: int * side: int
    /// A server stops, loses what is not durable, and comes back.
    | Crash of server: int * at: int * until: int
    /// The next flush of a server fails: only its first `keeps` decisions are written.
    | FailedFlush of server: int * at: int * keeps: int
    /// A server evicts its machine as soon as that is possible.
    | Eviction of server: int * at: int
    /// A server requests the history of one of its gaps from a peer.
    | Backfill of server: int * at: int * peer: int

/// The disturbance of messages by the network.
type Noise = {
    /// The least and the greatest delay, in milliseconds.
    DelayFrom: int
    DelayTo: int
    /// The share of messages, in thousandths, that take ten times as long: they arrive after later ones.
    LatePerMille: int
    LossPerMille: int
    DuplicatePerMille: int
    /// The longest read of a server's disk, in milliseconds. With 0, reads take no time.
    ReadTo: int
}

/// Everything that a run depends on: the same plan gives the same history.
type Plan = {
    Version: string
    Servers: int
    /// The index of the Byzantine server; -1 for none.
    ByzantineServer: int
    /// Whether it answers requests for states with false ones.
    GivesFalseStates: bool
    /// The seed of the network's random numbers.
    Seed: uint64
    Noise: Noise
    /// The most missing events that a server fetches for one event.
    Walk: int
    /// The most events that a server still owes to another one. Beyond it, only the latest are sent.
    MaxPending: int
    Operations: Operation list
    Troubles: Trouble list
}

/// Kinds of fault that a plan may have.
[<RequireQualifiedAccess>]
type Fault =
    | Delay
    | Reorder
    | Loss
    | Duplicates
    | Partition
    | Crash
    | Flush
    | Eviction
    | History
    | ByzantineServer

/// Names of faults.
[<RequireQualifiedAccess>]
module Fault =

    /// All of them.
    let all: (string * Fault) list = [
        "delay", Fault.Delay
        "reorder", Fault.Reorder
        "loss", Fault.Loss
        "duplicates", Fault.Duplicates
        "partition", Fault.Partition
        "crash", Fault.Crash
        "flush", Fault.Flush
        "eviction", Fault.Eviction
        "history", Fault.History
        "byzantine", Fault.ByzantineServer
    ]

/// What a random plan depends on, besides its seed.
type PlanOptions = {
    Version: string
    Servers: int
    Events: int
    Faults: Fault list
}

/// Random plans.
[<RequireQualifiedAccess>]
module Plan =

    /// Every event is sent.
    let unbounded = 1_000_000

    /// The mean time between operations, over all servers, in milliseconds.
    let private pace = 40

    let private kind (rng: Rng) =
        rng.Weighted [|
            30, ActionKind.Message
            12, ActionKind.Topic
            10, ActionKind.Join
            5, ActionKind.Leave
            6, ActionKind.Invite
            6, ActionKind.Kick
            6, ActionKind.Ban
            3, ActionKind.Knock
            12, ActionKind.Power
            6, ActionKind.JoinRule
            4, ActionKind.RestrictedJoin
        |]

    let private lie (rng: Rng) =
        rng.Weighted [|
            3, Lie.Forge
            6, Lie.Stale
            4, Lie.Equivocate
            3, Lie.Forbidden
            3, Lie.CiteForbidden
            // In most plans `ofSeed` replaces it by `Lie.CiteHidden`.
            1, Lie.Hide
        |]

    /// The noise of the network. `drawn`: draws whether the plan has a fault, with a probability per mille.
    let private noise (rng: Rng) (drawn: Fault -> int -> bool) =
        let delays = drawn Fault.Delay 900
        let from = if delays then rng.Below 60 else 5

        {
            DelayFrom = from
            DelayTo = if delays then from + rng.Of [| 50; 200; 800 |] else from
            LatePerMille = if drawn Fault.Reorder 700 then rng.Below 200 else 0
            LossPerMille = if drawn Fault.Loss 500 then rng.Below 200 else 0
            DuplicatePerMille = if drawn Fault.Duplicates 500 then rng.Below 200 else 0
            ReadTo = 0
        }

    let private operation (rng: Rng) (servers: int) (length: int) (byzantine: int) (hides: bool) =
        let server = rng.Below servers

        let action =
            if server = byzantine && rng.Happens 500 then
                match lie rng with
                | Lie.Hide when not hides -> Action.Lying(Lie.CiteHidden, kind rng)
                | lie -> Action.Lying(lie, kind rng)
            else
                Action.Honest(kind rng)

        {
            At = rng.Below length
            Server = server
            Action = action
            Actor = rng.Below 1000
            Target = rng.Below 1000
            Level = rng.Below 1000
        }

    let private partitionsAndCrashes (rng: Rng) (drawn: Fault -> int -> bool) (servers: int) (length: int) = [
        if drawn Fault.Partition 700 then
            for _ in 0 .. rng.Below 3 do
                let from = rng.Below length
                let side = 1 + rng.Below((1 <<< servers) - 1)
                Trouble.Partition(from, from + rng.Below(length / 3 + 1), side)
        if drawn Fault.Crash 600 then
            for _ in 0 .. rng.Below 4 do
                let at = rng.Below length
                Trouble.Crash(rng.Below servers, at, at + 200 + rng.Below 5000)
    ]

    let private storageFaults (rng: Rng) (drawn: Fault -> int -> bool) (servers: int) (length: int) = [
        if drawn Fault.Flush 700 then
            for _ in 0 .. rng.Below 12 do
                Trouble.FailedFlush(rng.Below servers, rng.Below length, rng.Below 3)
        if drawn Fault.Eviction 700 then
            for _ in 0 .. rng.Below 12 do
                Trouble.Eviction(rng.Below servers, rng.Below length)
    ]

    /// Gaps: servers owe few events to one that does not answer, fetch little at once, and request history later.
    let private withHistory (rng: Rng) (drawn: Fault -> int -> bool) (length: int) (plan: Plan) : Plan =
        if drawn Fault.History 500 then
            {
                plan with
                    Walk = rng.Of [| 1; 3; 10 |]
                    MaxPending = rng.Of [| 1; 2; 5 |]
                    Troubles =
                        plan.Troubles
                        @ [
                            for _ in 0 .. rng.Below 40 ->
                                Trouble.Backfill(rng.Below plan.Servers, rng.Below length, rng.Below plan.Servers)
                        ]
            }
        else
            plan

    /// Half of the Byzantine servers tell a few further lies of one kind.
    let private withLies (lie: Lie) (rng: Rng) (length: int) (plan: Plan) : Plan =
        if plan.ByzantineServer >= 0 && rng.Happens 500 then
            {
                plan with
                    Operations =
                        plan.Operations
                        @ [
                            for _ in 0 .. rng.Below 8 ->
                                {
                                    At = rng.Below length
                                    Server = plan.ByzantineServer
                                    Action = Action.Lying(lie, kind rng)
                                    Actor = rng.Below 1000
                                    Target = rng.Below 1000
                                    Level = rng.Below 1000
                                }
                        ]
                        |> List.sortBy _.At
            }
        else
            plan

    /// The plan of a seed.
    let ofSeed (options: PlanOptions) (seed: uint64) : Plan =
        let rng = Rng(Rng.Mix(seed + 1UL))
        let on fault = List.contains fault options.Faults
        // Runs with every fault would hide some violations, so each run has only some faults.
        let drawn fault often = on fault && rng.Happens often
        let length = max 1 options.Events * pace
        let lies = drawn Fault.ByzantineServer 600
        // A single honest server could not be compared with any other.
        let byzantine =
            if lies && options.Servers > 2 then
                options.Servers - 1
            else
                -1

        let hides = rng.Happens 250

        let noise = noise rng drawn

        let operations =
            [
                for _ in 1 .. options.Events -> operation rng options.Servers length byzantine hides
            ]
            |> List.sortBy _.At

        let troubles = partitionsAndCrashes rng drawn options.Servers length

        let plan = {
            Version = options.Version
            Servers = options.Servers
            ByzantineServer = byzantine
            GivesFalseStates = byzantine >= 0 && rng.Happens 500
            Seed = rng.Next()
            Noise = noise
            Walk = rng.Of [| 20; 200; 1000 |]
            MaxPending = unbounded
            Operations = operations
            Troubles = troubles
        }

        // Drawn last, so that the rest of a seed's plan is the same with and without these faults.
        let storage = storageFaults rng drawn options.Servers length

        {
            plan with
                Troubles = plan.Troubles @ storage
                Noise = {
                    plan.Noise with
                        ReadTo = if on Fault.Delay then rng.Of [| 0; 5; 20; 200 |] else 0
                }
        }
        |> withHistory rng drawn length
        |> withLies Lie.Insert rng length
        |> withLies Lie.Extreme rng length
