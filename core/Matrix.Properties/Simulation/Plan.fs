namespace Matrix.Properties.Simulation

/// What somebody tries to do in the room. Much of it is refused by the server of whoever tries it.
[<RequireQualifiedAccess>]
type Act =
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
    /// A join that a member of another server vouches for.
    | Vouched

/// What the lying server does.
[<RequireQualifiedAccess>]
type Lie =
    /// An event in the name of a user of another server.
    | Forge
    /// An event on top of an old one, as if later ones had not been heard of.
    | Stale
    /// Two events in the place of one, each told to some.
    | Equivocate
    /// An event that the sender has not the power for.
    | Forbidden
    /// An event that cites a forbidden one as an auth event.
    | CiteForbidden
    /// An event on top of one that is told to nobody who asks the wrong way.
    | Hide
    /// An event with an auth event that is withheld.
    | CiteHidden

/// A thing to do.
[<RequireQualifiedAccess>]
type Deed =
    | Honest of Act
    | Lying of Lie * Act

/// One thing that happens at one server. Numbers are taken modulo what there is.
type Operation = {
    /// Milliseconds since the start.
    At: int
    Server: int
    Deed: Deed
    Actor: int
    Target: int
    Level: int
}

/// Something that goes wrong for a while.
[<RequireQualifiedAccess>]
type Trouble =
    /// Servers whose bit is set in `side` and the others do not hear each other.
    | Partition of from: int * until: int * side: int
    /// A server stops, loses what is not durable, and comes back.
    | Crash of server: int * at: int * until: int
    /// The next flush of a server fails, for all decisions but the first ones.
    | FailedFlush of server: int * at: int * keeps: int
    /// A server evicts its machine as soon as that has nothing to do.
    | Eviction of server: int * at: int

/// What the network does to each message.
type Noise = {
    /// The least and the greatest time under way, in milliseconds.
    DelayFrom: int
    DelayTo: int
    /// Messages of a thousand that take ten times as long, and so arrive after later ones.
    LatePerMille: int
    LossPerMille: int
    DuplicatePerMille: int
}

/// All that decides a run: the same plan gives the same history.
type Plan = {
    Version: string
    Servers: int
    /// The server that lies; -1 for none.
    Liar: int
    /// Whether it tells false states to who asks.
    LiesAboutStates: bool
    /// For the network's dice.
    Seed: uint64
    Noise: Noise
    /// How many missing events the servers fetch for one.
    Walk: int
    Operations: Operation list
    Troubles: Trouble list
}

/// Kinds of fault, as they are switched on.
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
    | Liar

/// Names of faults.
[<RequireQualifiedAccess>]
module Fault =

    /// Each by its name.
    let all: (string * Fault) list = [
        "delay", Fault.Delay
        "reorder", Fault.Reorder
        "loss", Fault.Loss
        "duplicates", Fault.Duplicates
        "partition", Fault.Partition
        "crash", Fault.Crash
        "flush", Fault.Flush
        "eviction", Fault.Eviction
        "liar", Fault.Liar
    ]

/// What a plan is drawn up from.
type PlanOptions = {
    Version: string
    Servers: int
    Events: int
    Faults: Fault list
}

/// Drawing up plans.
[<RequireQualifiedAccess>]
module Plan =

    /// How long one event takes on average, over all servers, in milliseconds.
    let private pace = 40

    let private act (dice: Dice) =
        dice.Weighted [|
            30, Act.Message
            12, Act.Topic
            10, Act.Join
            5, Act.Leave
            6, Act.Invite
            6, Act.Kick
            6, Act.Ban
            3, Act.Knock
            12, Act.Power
            6, Act.JoinRule
            4, Act.Vouched
        |]

    let private lie (dice: Dice) =
        dice.Weighted [|
            3, Lie.Forge
            6, Lie.Stale
            4, Lie.Equivocate
            3, Lie.Forbidden
            3, Lie.CiteForbidden
            // Where nothing is hidden from those who ask, `ofSeed` makes it `Lie.CiteHidden`.
            1, Lie.Hide
        |]

    /// The plan of a seed.
    let ofSeed (options: PlanOptions) (seed: uint64) : Plan =
        let dice = Dice(Dice.Mix(seed + 1UL))
        let on fault = List.contains fault options.Faults
        // Not every run has every fault, or each would hide what the others show.
        let drawn fault often = on fault && dice.Happens often
        let length = max 1 options.Events * pace
        let lies = drawn Fault.Liar 600
        // One honest server has nobody to agree with.
        let liar =
            if lies && options.Servers > 2 then
                options.Servers - 1
            else
                -1

        let hides = dice.Happens 250

        let noise =
            let delays = drawn Fault.Delay 900
            let from = if delays then dice.Below 60 else 5

            {
                DelayFrom = from
                DelayTo = if delays then from + dice.Of [| 50; 200; 800 |] else from
                LatePerMille = if drawn Fault.Reorder 700 then dice.Below 200 else 0
                LossPerMille = if drawn Fault.Loss 500 then dice.Below 200 else 0
                DuplicatePerMille = if drawn Fault.Duplicates 500 then dice.Below 200 else 0
            }

        let operation _ =
            let server = dice.Below options.Servers

            let deed =
                if server = liar && dice.Happens 500 then
                    match lie dice with
                    | Lie.Hide when not hides -> Deed.Lying(Lie.CiteHidden, act dice)
                    | lie -> Deed.Lying(lie, act dice)
                else
                    Deed.Honest(act dice)

            {
                At = dice.Below length
                Server = server
                Deed = deed
                Actor = dice.Below 1000
                Target = dice.Below 1000
                Level = dice.Below 1000
            }

        let operations = [ for n in 1 .. options.Events -> operation n ] |> List.sortBy _.At

        let troubles = [
            if drawn Fault.Partition 700 then
                for _ in 0 .. dice.Below 3 do
                    let from = dice.Below length
                    let side = 1 + dice.Below((1 <<< options.Servers) - 1)
                    Trouble.Partition(from, from + dice.Below(length / 3 + 1), side)
            if drawn Fault.Crash 600 then
                for _ in 0 .. dice.Below 4 do
                    let at = dice.Below length
                    Trouble.Crash(dice.Below options.Servers, at, at + 200 + dice.Below 5000)
        ]

        let plan = {
            Version = options.Version
            Servers = options.Servers
            Liar = liar
            LiesAboutStates = liar >= 0 && dice.Happens 500
            Seed = dice.Next()
            Noise = noise
            Walk = dice.Of [| 20; 200; 1000 |]
            Operations = operations
            Troubles = troubles
        }

        // Drawn last, so that the rest of a seed's plan is what it was before there were such.
        let storage = [
            if drawn Fault.Flush 700 then
                for _ in 0 .. dice.Below 12 do
                    Trouble.FailedFlush(dice.Below options.Servers, dice.Below length, dice.Below 3)
            if drawn Fault.Eviction 700 then
                for _ in 0 .. dice.Below 12 do
                    Trouble.Eviction(dice.Below options.Servers, dice.Below length)
        ]

        {
            plan with
                Troubles = plan.Troubles @ storage
        }
