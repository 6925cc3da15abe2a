namespace Matrix.Core.Room.Incoming

open System.Collections.Generic
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Room
open Matrix.Core.State
open Matrix.Core.StateRes

[<Sealed>]
type RoomMachine
    private
    (
        server: string,
        rules: AuthRules,
        resolver: StateResolver,
        history: IRoomHistory,
        start: Frontier,
        limits: IncomingLimits,
        practices: Practices
    ) =

    // States are resolved for the current state, and again for the state before the event that merges them.
    let keptResolutions = 16

    let log = UndoLog()
    let frontier = Undoable(log, start)
    let nextNumber = Undoable(log, 1L)
    let known = KnownEvents(log, history)
    let staging = Staging(log, limits)

    let fetchMissing =
        FetchMissing(server, log, frontier, known, staging, limits, practices)

    let ordinalOf (eventId: string) =
        match known.Find eventId with
        | null -> 0u
        | event -> event.Ordinal

    let states =
        ResolvedStates(
            practices.Resolve(StateBefore.resolve resolver known ordinalOf limits.Resolution),
            keptResolutions
        )

    let roomEnd = RoomEnd(rules, known, states, limits, frontier, nextNumber)
    let deciding = Deciding(rules, known, states, limits, practices, roomEnd)

    /// Runs an action completely or not at all.
    let atomically (act: unit -> 'a) : 'a =
        try
            log.Run act
        with _ ->
            states.Forget()
            reraise ()

    let absorb (input: Input) =
        match input with
        | Input.Malformed(_, fault) -> staging.Report("", DropReason.Malformed fault)
        | Input.Received(peer, event) -> fetchMissing.Stage(event, peer, FetchBudget log, false)
        | Input.Responded(number, response) -> fetchMissing.Respond(number, response)

    let lookAtAll () =
        let earliest =
            lazy (Extremities.Choose(frontier.Value.Extremities, limits.Extremities)).Ids

        let mutable next = staging.NextToDo()

        while not (isNull next) do
            match next with
            | null -> ()
            | s -> fetchMissing.Look(s, earliest)

            next <- staging.NextToDo()

    let decide (decided: List<DecidedEvent>) (s: Staged) =
        if s.IsOutlier then
            decided.Add(deciding.Outlier s)
            staging.Remove s |> ignore
        else
            match deciding.Full s with
            | Ok decision ->
                decided.Add decision
                staging.Remove s |> ignore
            | Error error -> staging.Drop(s, DropReason.Unresolvable error)

    let rec goOn (decided: List<DecidedEvent>) =
        lookAtAll ()

        match staging.NextReady() with
        | null ->
            // Nothing is outstanding and nothing is ready: the remaining events wait for each other. A fetched state
            // may be the cause.
            if staging.IsSilent && staging.Count > 0 then
                match staging.HoldingStates with
                | [||] ->
                    for s in staging.All do
                        staging.Drop(s, DropReason.Circular)
                | held -> fetchMissing.Unblock held

                goOn decided
        | s ->
            decide decided s
            goOn decided

    let tell (inputs: Input[]) : Output =
        let decided = List<DecidedEvent>()

        for input in inputs do
            absorb input

        goOn decided
        let struct (requests, dropped) = staging.Collect()

        {
            Requests = requests
            Decided = decided.ToArray()
            Dropped = dropped
        }

    /// Whether an event is of this room, or creates it.
    let isOfRoom (event: Pdu) : bool =
        match frontier.Value.RoomId with
        | "" -> event.Type = "m.room.create"
        | roomId -> event.RoomId = roomId

    static member WithPractices
        (
            server: string,
            roomId: string,
            rules: AuthRules,
            history: IRoomHistory,
            extremities: ForwardExtremity[],
            currentState: StateTree | null,
            nextOrdinal: uint32,
            limits: IncomingLimits,
            practices: Practices
        ) : RoomMachine =
        let createId = Frontier.CreateIdOf(rules.Version.Settings.RoomIds, roomId)

        // With one extremity, the current state is the state after it. With several, an unresolvable state leaves that
        // of the newest extremity, which is no resolution.
        let current: StateTree | null =
            match extremities with
            | [||] -> StateTree.Empty
            | [| one |] -> one.StateAfter
            | _ -> currentState

        let resolved: StateTree | null =
            match current with
            | NonNull given when
                extremities.Length < 2
                || not (given.Equals((extremities |> Array.maxBy _.Ordinal).StateAfter))
                ->
                given
            | _ -> null

        let start = Frontier(roomId, createId, extremities, nextOrdinal, current, resolved)

        RoomMachine(server, rules, StateResolver.Of rules, history, start, limits, practices)

    static member Of
        (
            server: string,
            roomId: string,
            rules: AuthRules,
            history: IRoomHistory,
            extremities: ForwardExtremity[],
            currentState: StateTree | null,
            nextOrdinal: uint32,
            limits: IncomingLimits
        ) : RoomMachine =
        RoomMachine.WithPractices(
            server,
            roomId,
            rules,
            history,
            extremities,
            currentState,
            nextOrdinal,
            limits,
            Practices.usual
        )

    member _.Prepare() : Prepared = roomEnd.Prepare()
    member _.Resolve() : Prepared = roomEnd.Resolve()

    member _.Adopt(prepared: Prepared, event: AuthEvent, height: int) : Adoption =
        let pdu = event.Pdu
        let refused refusal = Adoption(null, refusal)

        match prepared.StateBefore with
        | NonNull state when not prepared.NeedsResolution ->
            if not (obj.ReferenceEquals(frontier.Value.Prepared, prepared)) then
                refused AdoptionRefusal.RoomMoved
            elif
                not (isNull (known.FindUndurable pdu.EventId))
                || not (isNull (staging.Find pdu.EventId))
            then
                refused AdoptionRefusal.Known
            elif not (prepared.IsBaseOf pdu && isOfRoom pdu) then
                refused AdoptionRefusal.NotAsPrepared
            else
                // Without extremities to resolve nothing can fail, so nothing needs to be undone.
                let decided =
                    if prepared.Kept.Length = 0 then
                        roomEnd.Adopt(prepared, state, event, height)
                    else
                        atomically (fun () -> roomEnd.Adopt(prepared, state, event, height))

                staging.Wake pdu.EventId
                Adoption(decided, AdoptionRefusal.None)
        | _ -> refused AdoptionRefusal.NeedsResolution

    member _.Tell(inputs: Input[]) : Output = atomically (fun () -> tell inputs)
    member _.Durable(through: int64) : unit = known.Durable through

    member _.Failed(from: int64) : DecidedEvent[] =
        match known.TakeBack from with
        | [||] -> [||]
        | taken ->
            let now = frontier.Value
            let before = taken[0].Before

            frontier.Value <-
                if practices.RestoresExtremities then
                    before
                else
                    Frontier(
                        before.RoomId,
                        before.CreateId,
                        now.Extremities,
                        before.NextOrdinal,
                        now.CurrentState,
                        now.Resolved
                    )

            states.Forget()
            staging.LookThroughAgain()

            for entry in taken do
                match entry.Received with
                | null -> ()
                | s ->
                    let state: FetchedState | null =
                        match entry.Decided.StateFrom, entry.Trusted with
                        | NonNull peer, NonNull tree ->
                            FetchedState(log, peer, [| for item in tree.Entries() -> item.EventId |], [||])
                        | _ -> null

                    staging.PutBack(s, entry.Decided.Number, state)

            taken |> Array.map _.Decided

    member _.UseStored(tree: StateTree) : unit =
        let now = frontier.Value

        let stored (state: StateTree) =
            if state.Equals tree then tree else state

        let orNull (state: StateTree | null) : StateTree | null =
            match state with
            | null -> null
            | state -> stored state

        frontier.Value <-
            Frontier(
                now.RoomId,
                now.CreateId,
                now.Extremities
                |> Array.map (fun e -> if e.StateAfter.Equals tree then e.WithState tree else e),
                now.NextOrdinal,
                orNull now.CurrentState,
                orNull now.Resolved
            )

    member _.CanBeEvicted =
        staging.Count = 0 && staging.IsSilent && known.UndurableCount = 0

    member _.RoomId = frontier.Value.RoomId
    member _.Extremities = frontier.Value.Extremities
    member _.NextOrdinal = frontier.Value.NextOrdinal
    member _.CurrentState = roomEnd.Current
    member _.Outstanding = staging.Outstanding
    member _.Waiting = staging.Count
    member _.NotDurable = known.UndurableCount
    member _.Known(eventId: string) = known.Find eventId
    member _.AuthState(state: StateTree) = known.AuthState state
