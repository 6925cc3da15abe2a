namespace Matrix.Properties.Simulation

open System.Collections.Generic
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Room.Incoming.Facts
open Matrix.Core.Room.Incoming.Protocol
open Matrix.Core.State
open Matrix.Core.StateRes

/// The outcome of a run.
type RunOutcome = {
    Violation: Violation option
    Seen: Seen
}

/// An event of a run, and each server's verdict.
type HistoryEntry = {
    Event: Pdu
    /// For each server: accepted, soft-failed or rejected, with "on trust" or "outlier"; "" where it was never decided.
    Verdicts: string list
}

/// The behaviour of each server of a run, given its index and a look-up of the events that its machine knows. Tests
/// replace some behaviour and check that the violation is found.
type Behaviours = SimulatedRoom -> int -> (string -> KnownEvent | null) -> Behaviour

/// A federation in one process.
[<RequireQualifiedAccess>]
module Simulation =

    /// The most rounds of settling.
    let private rounds = 6

    /// The most pages of history that a server requests from each other one at the end.
    let private pages = 3

    /// Every server follows the specification.
    let usual: Behaviours = fun _ _ _ -> Behaviour.usual

    let private sign (pdu: Pdu) = {
        Pdu = pdu
        Signatures = [ for server in Composing.signers pdu -> { Server = server; IsGenuine = true } ]
    }

    /// The first events, which all servers have from the beginning.
    let private opening (room: SimulatedRoom) : SimulatedRoom * SentEvent list =
        let events = Dictionary<string, AuthEvent>()

        let read (tree: StateTree) : IAuthState = {
            new IAuthState with
                member _.Find(eventType, stateKey) =
                    match tree.Find(eventType, stateKey) with
                    | null -> null
                    | entry -> events[entry.EventId]
        }

        let mutable room = room
        let mutable state = StateTree.Empty
        let mutable last: Pdu list = []
        let mutable made = []

        for draft in Composing.opening room do
            let eventBase = {
                Prev = last
                State = state
                Read = read
                IsRejected = fun _ -> false
            }

            let cited = Composing.authEvents room eventBase draft

            let pdu =
                Composing.event room eventBase draft cited (-made.Length - 1 + 1000) (int64 made.Length)

            if room.RoomId = "" then
                room <- { room with RoomId = pdu.RoomId }

            events[pdu.EventId] <- room.Rules.Read pdu
            state <- state.Set(StateEntry.Of(pdu.Type, string pdu.StateKey, pdu.EventId, 0u))
            last <- [ pdu ]
            made <- sign pdu :: made

        room, List.rev made

    let private roomOf (plan: Plan) : SimulatedRoom =
        match Versions.tryFindUnstable plan.Version with
        | None -> invalidArg (nameof plan) $"There is no room version {plan.Version}."
        | Some version -> {
            Rules = AuthRules version
            Format = EventFormat version
            RoomId =
                match version.Settings.RoomIds with
                | RoomIdForm.WithDomain -> "!room:s0"
                | RoomIdForm.HashOfCreate -> ""
            Servers = [| for n in 0 .. plan.Servers - 1 -> $"s{n}" |]
          }

    let private limitsOf (plan: Plan) : IncomingLimits = {
        IncomingLimits.Default with
            // So few that facts are forgotten all the time.
            CachedLookUps = 8
            CachedStates = 2
            Gaps = 4
            GivenUpFor = 500L
            FirstPause = 200L
            LongestPause = 2_000L
            WaitsFor = 60_000L
            RememberedFor = 60_000L
            // In some runs, events that hold fetched states keep others waiting.
            States =
                if plan.Seed % 2UL = 0UL then
                    1
                else
                    IncomingLimits.Default.States
            // In some runs every larger conflict is resolved elsewhere.
            SmallResolution =
                if plan.Noise.ReadTo > 0 && plan.Seed % 3UL = 0UL then
                    { Events = 12 }
                else
                    IncomingLimits.Default.SmallResolution
            // In some runs a call makes one decision that resolves states, or few others.
            Work =
                if plan.Seed % 4UL = 0UL then
                    10
                else
                    IncomingLimits.Default.Work
            Walk = plan.Walk
            Page = 20
    }

    /// The same events, sorted so that none comes before those that it names; the order is kept otherwise.
    let private inOrder (events: Pdu list) : Pdu list =
        let byId = Dictionary<string, Pdu>()

        for event in events do
            byId[event.EventId] <- event

        let met = HashSet<string>()
        let sorted = List<Pdu>()

        let rec visit (event: Pdu) =
            if met.Add event.EventId then
                for id in Seq.append event.PrevEvents event.AuthEvents do
                    match byId.TryGetValue id with
                    | true, named -> visit named
                    | _ -> ()

                sorted.Add event

        List.iter visit events
        List.ofSeq sorted

    /// The servers, the network between them, and the checker.
    [<Sealed>]
    type private Federation(plan: Plan, behaviours: Behaviours) as this =

        let room, first = opening (roomOf plan)
        let isHonest server = server <> plan.ByzantineServer
        let limits = limitsOf plan
        let checker = Checker(room, StateResolver.Of room.Rules, limits, isHonest)
        let mutable nodes: Node[] = [||]
        let mutable byzantine: ByzantineServer option = None
        let mutable crashes = 0

        let network =
            Network(plan, fun from dest message -> nodes[dest].Take(from, message))

        do
            nodes <- [|
                for n in 0 .. plan.Servers - 1 ->
                    let behaviour = if isHonest n then behaviours room n else usual room n
                    Node(n, room, limits, behaviour, plan.Seed, plan.Noise.ReadTo, plan.MaxPending, this)
            |]

            if plan.ByzantineServer >= 0 then
                let node = nodes[plan.ByzantineServer]

                let lying = ByzantineServer(plan.ByzantineServer, room, node, plan.GivesFalseStates)

                node.Respond <- fun from request -> lying.Respond(from, request)
                node.RespondHistory <- fun from ids -> lying.RespondHistory(from, ids)
                byzantine <- Some lying

        let honest = [|
            for n in 0 .. plan.Servers - 1 do
                if isHonest n then
                    n
        |]

        let goOn () = checker.Violation.IsNone

        let isInRoom (n: int) =
            nodes[n].Store.ServersIn nodes[n].Current |> List.contains room.Servers[n]

        /// The server that makes an event: the user's own if it is in the room. Otherwise a reachable server that is in
        /// the room makes the event, as with `/make_join` and `/send_join`. The event is sent to the others as usual;
        /// the joining server fetches what it lacks.
        let placeOf (server: int) (kind: ActionKind) : Node option =
            let n = server % nodes.Length

            if isInRoom n then
                Some nodes[n]
            elif
                kind = ActionKind.Join
                || kind = ActionKind.RestrictedJoin
                || kind = ActionKind.Knock
            then
                [ 1 .. nodes.Length - 1 ]
                |> List.map (fun k -> (n + k) % nodes.Length)
                |> List.tryFind (fun m -> nodes[m].IsUp && not (network.IsCut(n, m)) && isInRoom m)
                |> Option.map (fun m -> nodes[m])
            else
                None

        let doOperation (op: Operation) =
            let node = nodes[op.Server % nodes.Length]

            if node.IsUp then
                match op.Action, byzantine with
                | Action.Lying(lie, kind), Some byzantine when op.Server = plan.ByzantineServer ->
                    byzantine.Lie(op, lie, kind)
                | Action.Lying(_, kind), _
                | Action.Honest kind, _ ->
                    let sender, target = Composing.people room op kind

                    match placeOf op.Server kind with
                    | Some maker ->
                        maker.Try(Composing.draft room maker.EventBase sender target op.Level kind)
                        |> ignore
                    | None -> ()

        let restart n =
            if not nodes[n].IsUp then
                nodes[n].Restart()

        let schedule () =
            for op in plan.Operations do
                network.After(op.At, (fun () -> doOperation op))

            for trouble in plan.Troubles do
                match trouble with
                | Trouble.Partition _ -> ()
                | Trouble.Crash(server, at, until) ->
                    let n = server % nodes.Length

                    network.After(
                        at,
                        fun () ->
                            if nodes[n].IsUp then
                                crashes <- crashes + 1
                                nodes[n].Crash()
                                network.After(until - at, (fun () -> restart n))
                    )
                | Trouble.FailedFlush(server, at, keeps) ->
                    network.After(at, (fun () -> nodes[server % nodes.Length].FailNextFlush keeps))
                | Trouble.Eviction(server, at) ->
                    network.After(at, (fun () -> nodes[server % nodes.Length].EvictWhenIdle()))
                | Trouble.Backfill(server, at, peer) ->
                    network.After(at, (fun () -> nodes[server % nodes.Length].AskHistory(peer % nodes.Length)))

        /// Ends all faults, and stops the Byzantine server.
        let heal () =
            network.IsCalm <- true

            for n in honest do
                restart n
                nodes[n].Calm()

            if plan.ByzantineServer >= 0 then
                nodes[plan.ByzantineServer].Crash()

                for n in honest do
                    nodes[n].Forgive plan.ByzantineServer

        /// Requests what is left of the history, if the plan has any.
        let backfill () =
            let isAsked =
                plan.Troubles
                |> List.exists (fun trouble ->
                    match trouble with
                    | Trouble.Backfill _ -> true
                    | _ -> false)

            if isAsked then
                for n in honest do
                    for peer in honest do
                        for _ in 1..pages do
                            nodes[n].AskHistory peer
                            network.Run goOn

        let settling = Settling(room, nodes, honest, checker, (fun () -> network.Run goOn))

        member _.Run() : RunOutcome =
            for node in nodes do
                node.Begin first

            network.Run goOn
            schedule ()
            network.Run goOn
            heal ()
            network.Run goOn
            backfill ()
            let mutable left = rounds
            let mutable settled = 0, 0

            while left > 0 && goOn () do
                let said = settling.Round()
                left <- left - 1

                match settling.Groups said with
                // The first rounds deliver what was lost before.
                | Some groups when left < rounds - 2 && goOn () ->
                    settled <- settling.Compare groups
                    left <- 0
                | _ -> ()

            if goOn () then
                for n in honest do
                    settling.Write n

                for n in honest do
                    checker.CheckExtremities(n, nodes[n].Store)

                if plan.ByzantineServer < 0 then
                    checker.CheckTrust()

            let seen = checker.Seen(settled, network.Lost, crashes)

            {
                Violation = checker.Violation
                Seen =
                    match byzantine with
                    | None -> seen
                    | Some byzantine -> {
                        seen with
                            Lies = byzantine.EventsSent
                            Extremes = byzantine.Extremes
                            Withheld = byzantine.Withheld
                            FalseStates = byzantine.FalseStates
                      }
            }

        /// The events of the run, in an order in which none comes before those that it names.
        member _.History: HistoryEntry list =
            let verdict (id: string) (node: Node) =
                match node.Store.Find id with
                | null -> ""
                | known when known.IsOutlier -> $"{known.Status}, outlier"
                | known when known.Provenance.IsOnTrust -> $"{known.Status}, on trust"
                | known -> string known.Status

            nodes
            |> Seq.collect (fun node -> node.Store.Ids |> Seq.map (fun id -> node.Store.Find id))
            |> Seq.choose Option.ofObj
            |> Seq.map _.Event.Pdu
            |> Seq.distinctBy _.EventId
            |> Seq.sortBy (fun pdu -> pdu.Depth, pdu.EventId)
            |> List.ofSeq
            |> inOrder
            |> List.map (fun pdu -> {
                Event = pdu
                Verdicts = [ for node in nodes -> verdict pdu.EventId node ]
            })

        interface IWorld with
            member _.Now = network.Now
            member _.Send(from, dest, message) = network.Send(from, dest, message)
            member _.After(delay, what) = network.After(delay, what)
            member _.Deciding(server, view, decided) = checker.Deciding(server, view, decided)

            member _.TakenBack(server, view, machine) =
                checker.TakenBack(server, view, machine)

            member _.Evicted(server, view, machine) = checker.Evicted(server, view, machine)
            member _.Refused(server, refusal) = checker.Refused(server, refusal)
            member _.Unwritable(server, fault) = checker.Unwritable(server, fault)

            member _.TellingHistory(server, history) = checker.TellingHistory(server, history)

            member _.Dropping(server, eventId, reason) =
                checker.Dropping(server, eventId, reason)

            member _.Remembering(server, reason) = checker.Remembering(server, reason)

            member _.GivingUp(server, view, event, reason) =
                checker.GivingUp(server, view, event, reason)

            member _.Destinations(view, decided) =
                if network.IsCalm then
                    [ for n in honest -> room.Servers[n] ]
                else
                    [ decided.StateBefore; decided.StateAfter ]
                    |> List.choose Option.ofObj
                    |> List.collect view.ServersIn
                    |> List.distinct

    /// Runs a plan with this behaviour.
    let runWith (behaviours: Behaviours) (plan: Plan) : RunOutcome = Federation(plan, behaviours).Run()

    /// Runs a plan, and returns its history too.
    let history (plan: Plan) : RunOutcome * HistoryEntry list =
        let federation = Federation(plan, usual)
        let ended = federation.Run()
        ended, federation.History

    /// Runs a plan.
    let run (plan: Plan) : RunOutcome = runWith usual plan
