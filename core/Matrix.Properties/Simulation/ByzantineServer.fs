namespace Matrix.Properties.Simulation

open System.Collections.Generic
open Matrix.Core.Event
open Matrix.Core.Ident
open Matrix.Core.Room
open Matrix.Core.Room.Incoming.Protocol
open Matrix.Core.State
open Matrix.Core.StateRes

/// A server that lies. Its node takes part in the room like any other. In addition, it makes events that no honest
/// server would make, sends them to servers of its choice, and gives false responses.
[<Sealed>]
type ByzantineServer(index: int, room: SimulatedRoom, node: Node, givesFalseStates: bool) =

    let lies = Dictionary<string, SentEvent>()
    let statesBefore = Dictionary<string, StateTree>()
    let statesAfter = List<struct (Pdu * StateTree)>()
    /// Events that it withholds: from every `/get_missing_events`, and from all requests of servers whose bit is set.
    let hidden = Dictionary<string, int>()
    let mutable forbidden: Pdu option = None
    /// Events that it put into states and holds back.
    let inserted = List<SentEvent>()
    let mutable eventsSent = 0
    let mutable extremes = 0
    let mutable withheld = 0
    let mutable falseStates = 0

    let find (id: string) : SentEvent option =
        match lies.TryGetValue id with
        | true, lie -> Some lie
        | _ -> node.Store.TrySent id

    let authState (tree: StateTree) =
        // Its lies are in no store, but may be in states that it invents.
        {
            new Matrix.Core.Auth.IAuthState with
                member _.Find(eventType, stateKey) =
                    match tree.Find(eventType, stateKey) with
                    | null -> null
                    | entry ->
                        match find entry.EventId with
                        | None -> null
                        | Some sent -> room.Rules.Read sent.Pdu
        }

    let eventBase prev state = {
        Prev = prev
        State = state
        Read = authState
        IsRejected = fun _ -> false
    }

    /// Some of the other servers.
    let some (level: int) =
        let others =
            [ 0 .. room.Servers.Length - 1 ] |> List.filter (fun other -> other <> index)

        let chosen = others |> List.filter (fun other -> ((level >>> other) &&& 1) = 1)
        if chosen.IsEmpty then others else chosen

    let send (audience: int list) (events: SentEvent list) =
        eventsSent <- eventsSent + events.Length

        for other in audience do
            node.Slip(other, events)

    let signed (pdu: Pdu) (genuine: bool) : SentEvent =
        let sent = {
            Pdu = pdu
            Signatures = [
                for server in Composing.signers pdu ->
                    {
                        Server = server
                        IsGenuine = genuine || server = room.Servers[index]
                    }
            ]
        }

        lies[pdu.EventId] <- sent
        sent

    /// Remembers the state around a lie.
    let keep (pdu: Pdu) (before: StateTree) =
        statesBefore[pdu.EventId] <- before

        let after =
            match pdu.StateKey with
            | null -> before
            | key -> before.Set(StateEntry.Of(pdu.Type, key, pdu.EventId, 0u))

        statesAfter.Add(struct (pdu, after))
        after

    /// An event whose auth events are those that `citing` returns for the right ones.
    let compose (op: Operation) (kind: ActionKind) (sender: string) (at: EventBase) (citing: Pdu list -> Pdu list) =
        let users = room.Users

        let draft =
            Composing.draft room at sender users[op.Target % users.Length] op.Level kind

        let cited = Composing.authEvents room at draft |> citing
        struct (Composing.event room at draft cited (node.NextEventNumber()) node.Clock, cited)

    let make (op: Operation) (kind: ActionKind) (sender: string) (at: EventBase) = compose op kind sender at id

    /// An event with these auth events, which replace the right ones of the same keys.
    let makeCiting (op: Operation) (kind: ActionKind) (sender: string) (at: EventBase) (instead: Pdu list) =
        let key (pdu: Pdu) = pdu.Type, pdu.StateKey

        let isOver usual =
            instead |> List.exists (fun i -> key i = key usual)

        compose op kind sender at (fun usual -> List.filter (isOver >> not) usual @ instead)

    /// An old event to build on: one of the room's, or a lie.
    let oldPlace (op: Operation) : EventBase option =
        let ids = node.Store.Ids

        if statesAfter.Count > 0 && op.Target % 3 = 0 then
            let struct (pdu, after) = statesAfter[op.Level % statesAfter.Count]
            Some(eventBase [ pdu ] after)
        elif ids.Count = 0 then
            None
        else
            match node.Store.Find ids[ids.Count - 1 - op.Level % min ids.Count 60] with
            | null -> None
            | known ->
                match node.Store.StateAfter known.EventId with
                | null -> None
                | state when known.IsRejected ->
                    ignore state
                    None
                | state -> Some(eventBase [ known.Event.Pdu ] state)

    /// Whether the rules allow an event on this base.
    let passes (at: EventBase) (pdu: Pdu) cited =
        Composing.isAllowed room at pdu cited (Composing.signers pdu)

    let own (op: Operation) =
        let users = room.UsersOf index
        users[op.Actor % users.Length]

    /// A user of this server, a joined one if possible.
    let joined (op: Operation) (at: EventBase) =
        let state = at.Read at.State

        let isJoined user =
            match state.Find("m.room.member", user) with
            | null -> false
            | event -> event.Membership.IsJoin

        match room.UsersOf index |> Array.filter isJoined with
        | [||] -> own op
        | users -> users[op.Actor % users.Length]

    let forge (op: Operation) kind =
        let at = node.EventBase
        let users = room.Users
        let struct (pdu, _) = make op kind users[op.Actor % users.Length] at
        send (some op.Level) [ signed pdu (UserId.server pdu.Sender = room.Servers[index]) ]

    let stale (op: Operation) kind =
        match oldPlace op with
        | None -> ()
        | Some at ->
            let struct (pdu, cited) = make op kind (own op) at

            if passes at pdu cited then
                keep pdu at.State |> ignore
                send (some op.Level) [ signed pdu true ]

    let equivocate (op: Operation) kind =
        let at = node.EventBase

        let sendSome (op: Operation) audience =
            let struct (pdu, cited) = make op kind (own op) at

            if passes at pdu cited then
                keep pdu at.State |> ignore
                send audience [ signed pdu true ]

        let first = some op.Level
        let rest = [ 0 .. room.Servers.Length - 1 ] |> List.except (index :: first)
        sendSome op first
        sendSome { op with Level = op.Level + 1 } rest

    let forbid (op: Operation) kind =
        let at = node.EventBase
        let struct (pdu, cited) = make op kind (own op) at

        if not (passes at pdu cited) then
            if pdu.IsState then
                forbidden <- Some pdu

            statesBefore[pdu.EventId] <- at.State
            send (some op.Level) [ signed pdu true ]

    let citeForbidden (op: Operation) kind =
        match forbidden with
        | None -> forbid op ActionKind.Power
        | Some bad ->
            let at = node.EventBase

            let at = if op.Level % 2 = 0 then { at with Prev = [ bad ] } else at

            let struct (pdu, _) = makeCiting op kind (joined op at) at [ bad ]
            statesBefore[pdu.EventId] <- at.State
            send (some op.Level) [ signed pdu true ]

    let hide (op: Operation) kind =
        let at = node.EventBase
        // The withheld event may be an auth event of the next one.
        let hiddenKind =
            if op.Level % 2 = 0 then
                ActionKind.Power
            else
                ActionKind.Topic

        let struct (under, cited) = make op hiddenKind (own op) at

        if passes at under cited then
            let after = keep under at.State
            signed under true |> ignore
            hidden[under.EventId] <- op.Target
            let above = eventBase [ under ] after
            let struct (pdu, cited) = make op kind (own op) above

            if passes above pdu cited then
                keep pdu after |> ignore
                send (some op.Level) [ signed pdu true ]

    /// A second join of the sender is withheld, and an auth event of the next event.
    let citeHidden (op: Operation) kind =
        let at = node.EventBase
        let sender = joined op at
        let struct (under, cited) = make op ActionKind.Join sender at

        if passes at under cited then
            keep under at.State |> ignore
            signed under true |> ignore
            // Withheld from some, or from all.
            hidden[under.EventId] <- if op.Target % 3 = 0 then -1 else op.Target
            let struct (pdu, cited) = makeCiting op kind sender at [ under ]

            if passes at pdu cited then
                keep pdu at.State |> ignore
                send (some op.Level) [ signed pdu true ]

    /// A state event of its own, allowed or not, that is a part of the state before another event only.
    let insert (op: Operation) kind =
        let at = node.EventBase

        if inserted.Count > 0 && op.Target % 3 = 0 then
            let last = inserted[inserted.Count - 1]
            inserted.RemoveAt(inserted.Count - 1)
            send (some op.Level) [ last ]
        else
            let sender = if op.Level % 2 = 0 then joined op at else own op

            let struct (made, _) =
                make op (if kind = ActionKind.Message then ActionKind.Topic else kind) sender at

            let struct (under, _) = make op ActionKind.Message (joined op at) at

            let after =
                at.State.Set(StateEntry.Of(made.Type, string made.StateKey, made.EventId, 0u))

            let struct (above, _) =
                make op ActionKind.Message (joined op at) (eventBase [ under ] at.State)

            inserted.Add(signed made true)
            signed under true |> ignore
            hidden[under.EventId] <- -1
            statesBefore[above.EventId] <- after
            falseStates <- falseStates + 1
            send (some op.Level) [ signed above true ]

    /// An allowed event with extreme values. All servers may get it, so that all have to build on it.
    let exaggerate (op: Operation) kind =
        let at = node.EventBase
        let users = room.Users

        let draft =
            Composing.draft room at (joined op at) users[op.Target % users.Length] op.Level kind
            |> Composing.extreme room (op.Level + op.Target)

        let cited = Composing.authEvents room at draft
        let time = Composing.extremeTime room node.Clock op.Target
        let depth = Composing.extremeDepth room op.Level

        match Composing.tryEvent room at draft cited (node.NextEventNumber()) time depth with
        | Error fault -> invalidOp $"A version allows what its events cannot have: {fault}."
        | Ok pdu when passes at pdu cited ->
            keep pdu at.State |> ignore
            extremes <- extremes + 1
            send (if op.Target % 3 = 0 then some op.Level else some 0) [ signed pdu true ]
        | Ok _ -> ()

    /// A state with one entry replaced or removed.
    let falsified (id: string) (state: StateTree) : StateTree =
        let entries = state.Entries() |> Array.filter (fun e -> e.Type <> "m.room.create")

        if entries.Length = 0 then
            state
        else
            let n = int (Rng.Mix(uint64 (Seq.sumBy int id)) % uint64 entries.Length)
            let victim = entries[n]

            match statesAfter |> Seq.tryFindBack (fun (struct (pdu, _)) -> pdu.Type = victim.Type) with
            | Some(struct (pdu, _)) when not (isNull pdu.StateKey) ->
                state.Set(StateEntry.Of(pdu.Type, string pdu.StateKey, pdu.EventId, 0u))
            | _ -> state.Remove(victim.Type, victim.StateKey)

    let stateBefore (id: string) : StateTree | null =
        match statesBefore.TryGetValue id with
        | true, state -> state
        | _ -> node.Store.StateBefore id

    /// The number of lies sent.
    member _.EventsSent = eventsSent

    /// The number of events with extreme values that it sent.
    member _.Extremes = extremes

    /// The number of responses in which it withheld something.
    member _.Withheld = withheld

    /// The number of false states given.
    member _.FalseStates = falseStates

    /// Tells a lie.
    member _.Lie(op: Operation, lie: Lie, kind: ActionKind) : unit =
        if node.IsUp then
            match lie with
            | Lie.Forge -> forge op kind
            | Lie.Stale -> stale op kind
            | Lie.Equivocate -> equivocate op kind
            | Lie.Forbidden -> forbid op kind
            | Lie.CiteForbidden -> citeForbidden op kind
            | Lie.Hide -> hide op kind
            | Lie.CiteHidden -> citeHidden op kind
            | Lie.Insert -> insert op kind
            | Lie.Extreme -> exaggerate op kind

    /// Answers a server's request for history.
    member _.RespondHistory(from: int, eventIds: string list) : WireResponse =
        let shownToThem (id: string) =
            match hidden.TryGetValue id with
            | true, blind when ((blind >>> from) &&& 1) = 1 -> None
            | _ -> find id

        Responses.history shownToThem eventIds Timing.page

    /// Answers a server's request.
    member _.Respond(from: int, request: Request) : WireResponse =
        let leavesOut = HashSet<string>()

        let unless isHidden (id: string) =
            if isHidden then
                leavesOut.Add id |> ignore
                None
            else
                find id

        let shown (id: string) = unless (hidden.ContainsKey id) id

        let shownToThem (id: string) =
            match hidden.TryGetValue id with
            | true, blind -> unless (((blind >>> from) &&& 1) = 1) id
            | _ -> find id

        let counted (reply: WireResponse) =
            if leavesOut.Count > 0 then
                withheld <- withheld + 1

            reply

        match request with
        | Request.StateBefore id ->
            match stateBefore id with
            | null -> WireResponse.Nothing
            | state ->
                let claimed = if givesFalseStates then falsified id state else state

                if not (StateTree.AreSame(claimed, state)) then
                    falseStates <- falseStates + 1

                let ids = [ for entry in claimed.Entries() -> entry.EventId ]
                let chain = [| for e in Responses.authChain find ids -> e.Pdu.EventId |]
                WireResponse.State(Array.ofList ids, chain)
        | Request.Missing _ -> Responses.respond shown node.Store request |> counted
        | _ -> Responses.respond shownToThem node.Store request |> counted
