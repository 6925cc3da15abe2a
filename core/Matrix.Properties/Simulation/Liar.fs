namespace Matrix.Properties.Simulation

open System.Collections.Generic
open Matrix.Core.Event
open Matrix.Core.Ident
open Matrix.Core.Room
open Matrix.Core.Room.Incoming
open Matrix.Core.State
open Matrix.Core.StateRes

/// A server that lies. Beside the node, which takes part in the room like any other, it makes events that no honest server would
/// make, tells them to whom it likes, and answers requests as it likes.
[<Sealed>]
type Liar(index: int, stage: Stage, node: Node, liesAboutStates: bool) =

    let lies = Dictionary<string, SentEvent>()
    let statesBefore = Dictionary<string, StateTree>()
    let statesAfter = List<struct (Pdu * StateTree)>()
    /// What is shown to nobody in an answer about missing events, and in no answer at all to servers whose bit is set.
    let hidden = Dictionary<string, int>()
    let mutable forbidden: Pdu option = None
    let mutable told = 0
    let mutable withheld = 0
    let mutable falseStates = 0

    let find (id: string) : SentEvent option =
        match lies.TryGetValue id with
        | true, lie -> Some lie
        | _ -> node.View.TrySent id

    let authState (tree: StateTree) =
        // Its own events are in no store, but may be in the states that it makes up.
        {
            new Matrix.Core.Auth.IAuthState with
                member _.Find(eventType, stateKey) =
                    match tree.Find(eventType, stateKey) with
                    | null -> null
                    | entry ->
                        match find entry.EventId with
                        | None -> null
                        | Some sent -> stage.Rules.Read sent.Pdu
        }

    let place prev state = {
        Prev = prev
        State = state
        Read = authState
    }

    /// The audience of a lie: some of the others.
    let some (level: int) =
        let others =
            [ 0 .. stage.Servers.Length - 1 ] |> List.filter (fun other -> other <> index)

        let chosen = others |> List.filter (fun other -> ((level >>> other) &&& 1) = 1)
        if chosen.IsEmpty then others else chosen

    let tell (audience: int list) (events: SentEvent list) =
        told <- told + events.Length

        for other in audience do
            node.Slip(other, events)

    let signed (pdu: Pdu) (genuine: bool) : SentEvent =
        let sent = {
            Pdu = pdu
            Signatures = [
                for server in Composing.signers pdu ->
                    {
                        Server = server
                        IsGenuine = genuine || server = stage.Servers[index]
                    }
            ]
        }

        lies[pdu.EventId] <- sent
        sent

    /// Remembers what the state is around an event of its own.
    let keep (pdu: Pdu) (before: StateTree) =
        statesBefore[pdu.EventId] <- before

        let after =
            match pdu.StateKey with
            | null -> before
            | key -> before.Set(StateEntry.Of(pdu.Type, key, pdu.EventId, 0u))

        statesAfter.Add(struct (pdu, after))
        after

    /// An event, citing what `citing` makes of what is selected.
    let compose (op: Operation) (act: Act) (sender: string) (at: Place) (citing: Pdu list -> Pdu list) =
        let users = stage.Users

        let draft =
            Composing.draft stage at sender users[op.Target % users.Length] op.Level act

        let cited = Composing.authEvents stage at draft |> citing
        struct (Composing.event stage at draft cited (node.NextEventNumber()) node.Clock, cited)

    let make (op: Operation) (act: Act) (sender: string) (at: Place) = compose op act sender at id

    /// An event that cites these in the place of what is selected under the same keys, or besides.
    let makeCiting (op: Operation) (act: Act) (sender: string) (at: Place) (instead: Pdu list) =
        let key (pdu: Pdu) = pdu.Type, pdu.StateKey

        let isOver usual =
            instead |> List.exists (fun i -> key i = key usual)

        compose op act sender at (fun usual -> List.filter (isOver >> not) usual @ instead)

    /// An old event to build upon: one of the room's, or one of its own.
    let oldPlace (op: Operation) : Place option =
        let ids = node.View.Ids

        if statesAfter.Count > 0 && op.Target % 3 = 0 then
            let struct (pdu, after) = statesAfter[op.Level % statesAfter.Count]
            Some(place [ pdu ] after)
        elif ids.Count = 0 then
            None
        else
            match node.View.Find ids[ids.Count - 1 - op.Level % min ids.Count 60] with
            | null -> None
            | known ->
                match known.StateAfter with
                | null -> None
                | state when known.IsRejected ->
                    ignore state
                    None
                | state -> Some(place [ known.Event.Pdu ] state)

    /// Whether the rules would let it pass there.
    let passes (at: Place) (pdu: Pdu) cited =
        Composing.isAllowed stage at pdu cited (Composing.signers pdu)

    let own (op: Operation) =
        let users = stage.UsersOf index
        users[op.Actor % users.Length]

    /// A user of its own who is in the room, if there is one.
    let joined (op: Operation) (at: Place) =
        let state = at.Read at.State

        let isJoined user =
            match state.Find("m.room.member", user) with
            | null -> false
            | event -> event.Membership.IsJoin

        match stage.UsersOf index |> Array.filter isJoined with
        | [||] -> own op
        | users -> users[op.Actor % users.Length]

    let forge (op: Operation) act =
        let at = node.Place
        let users = stage.Users
        let struct (pdu, _) = make op act users[op.Actor % users.Length] at
        tell (some op.Level) [ signed pdu (UserId.server pdu.Sender = stage.Servers[index]) ]

    let stale (op: Operation) act =
        match oldPlace op with
        | None -> ()
        | Some at ->
            let struct (pdu, cited) = make op act (own op) at

            if passes at pdu cited then
                keep pdu at.State |> ignore
                tell (some op.Level) [ signed pdu true ]

    let equivocate (op: Operation) act =
        let at = node.Place

        let tellSome (op: Operation) audience =
            let struct (pdu, cited) = make op act (own op) at

            if passes at pdu cited then
                keep pdu at.State |> ignore
                tell audience [ signed pdu true ]

        let first = some op.Level
        let rest = [ 0 .. stage.Servers.Length - 1 ] |> List.except (index :: first)
        tellSome op first
        tellSome { op with Level = op.Level + 1 } rest

    let forbid (op: Operation) act =
        let at = node.Place
        let struct (pdu, cited) = make op act (own op) at

        if not (passes at pdu cited) then
            if pdu.IsState then
                forbidden <- Some pdu

            statesBefore[pdu.EventId] <- at.State
            tell (some op.Level) [ signed pdu true ]

    let citeForbidden (op: Operation) act =
        match forbidden with
        | None -> forbid op Act.Power
        | Some bad ->
            let at = node.Place

            let at = if op.Level % 2 = 0 then { at with Prev = [ bad ] } else at

            let struct (pdu, _) = makeCiting op act (joined op at) at [ bad ]
            statesBefore[pdu.EventId] <- at.State
            tell (some op.Level) [ signed pdu true ]

    let hide (op: Operation) act =
        let at = node.Place
        // What is hidden may be what the next event rests on.
        let hiddenAct = if op.Level % 2 = 0 then Act.Power else Act.Topic
        let struct (under, cited) = make op hiddenAct (own op) at

        if passes at under cited then
            let after = keep under at.State
            signed under true |> ignore
            hidden[under.EventId] <- op.Target
            let above = place [ under ] after
            let struct (pdu, cited) = make op act (own op) above

            if passes above pdu cited then
                keep pdu after |> ignore
                tell (some op.Level) [ signed pdu true ]

    /// The sender says again that they are in the room, where nobody hears it, and cites that as their membership.
    let citeHidden (op: Operation) act =
        let at = node.Place
        let sender = joined op at
        let struct (under, cited) = make op Act.Join sender at

        if passes at under cited then
            keep under at.State |> ignore
            signed under true |> ignore
            // From some, or from everybody.
            hidden[under.EventId] <- if op.Target % 3 = 0 then -1 else op.Target
            let struct (pdu, cited) = makeCiting op act sender at [ under ]

            if passes at pdu cited then
                keep pdu at.State |> ignore
                tell (some op.Level) [ signed pdu true ]

    /// A state with something changed: an entry less, or an older one.
    let falsified (id: string) (state: StateTree) : StateTree =
        let entries = state.Entries() |> Array.filter (fun e -> e.Type <> "m.room.create")

        if entries.Length = 0 then
            state
        else
            let n = int (Dice.Mix(uint64 (Seq.sumBy int id)) % uint64 entries.Length)
            let victim = entries[n]

            match statesAfter |> Seq.tryFindBack (fun (struct (pdu, _)) -> pdu.Type = victim.Type) with
            | Some(struct (pdu, _)) when not (isNull pdu.StateKey) ->
                state.Set(StateEntry.Of(pdu.Type, string pdu.StateKey, pdu.EventId, 0u))
            | _ -> state.Remove(victim.Type, victim.StateKey)

    let stateBefore (id: string) : StateTree | null =
        match statesBefore.TryGetValue id with
        | true, state -> state
        | _ -> node.View.StateBefore id

    /// How many events it told somebody.
    member _.Told = told

    /// How many answers it gave in which something is left out.
    member _.Withheld = withheld

    /// How many states it told that were not.
    member _.FalseStates = falseStates

    /// Does what it does in the place of something honest.
    member _.Lie(op: Operation, lie: Lie, act: Act) : unit =
        if node.IsUp then
            match lie with
            | Lie.Forge -> forge op act
            | Lie.Stale -> stale op act
            | Lie.Equivocate -> equivocate op act
            | Lie.Forbidden -> forbid op act
            | Lie.CiteForbidden -> citeForbidden op act
            | Lie.Hide -> hide op act
            | Lie.CiteHidden -> citeHidden op act

    /// Answers a request of a server.
    member _.Reply(from: int, question: Request) : Reply =
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

        let counted (reply: Reply) =
            if leavesOut.Count > 0 then
                withheld <- withheld + 1

            reply

        match question with
        | Request.StateBefore id ->
            match stateBefore id with
            | null -> Reply.Nothing
            | state ->
                let claimed = if liesAboutStates then falsified id state else state

                if not (StateTree.AreSame(claimed, state)) then
                    falseStates <- falseStates + 1

                let ids = [ for entry in claimed.Entries() -> entry.EventId ]
                let chain = [| for e in Answers.authChain find ids -> e.Pdu.EventId |]
                Reply.State(Array.ofList ids, chain)
        | Request.Missing _ -> Answers.reply shown node.View question |> counted
        | _ -> Answers.reply shownToThem node.View question |> counted
