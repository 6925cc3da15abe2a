namespace Matrix.Properties.Simulation

open System
open System.Collections.Generic
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Ident
open Matrix.Core.Room
open Matrix.Core.Room.Incoming
open Matrix.Core.Room.Incoming.Facts
open Matrix.Core.Room.Incoming.Protocol
open Matrix.Core.Room.Incoming.Staging
open Matrix.Core.Room.Incoming.Graph
open Matrix.Core.Room.Incoming.Deciding
open Matrix.Core.State

/// What one server knows of the room: its database alone, or with its undurable decisions.
[<Sealed>]
type Store(server: string) =

    let known = Dictionary<string, KnownEvent>()
    let sent = Dictionary<string, SentEvent>()
    let before = Dictionary<string, StateTree>()
    let after = Dictionary<string, StateTree>()
    let citing = Dictionary<string, List<string>>()
    let following = Dictionary<string, List<string>>()
    let order = List<string>()
    // The number before those of history.
    let beforeHistory = 0x3FFFFFFFu

    let all (index: Dictionary<string, List<string>>) id : seq<string> =
        match index.TryGetValue id with
        | true, found -> Seq.rev found
        | _ -> Seq.empty

    let note (index: Dictionary<string, List<string>>) id by =
        match index.TryGetValue id with
        | true, found -> found.Add by
        | _ -> index[id] <- List [ by ]

    /// The forward extremities.
    member val Extremities: ForwardExtremity[] = [||] with get, set

    /// The numbers of the next events.
    member val Numbers = RoomNumbers.First with get, set

    /// The current state.
    member val CurrentState = StateTree.Empty with get, set

    /// The gaps.
    member val Gaps: Set<string> = Set.empty with get, set

    member private _.Put
        (event: KnownEvent, stateBefore: StateTree | null, stateAfter: StateTree | null, copy: SentEvent)
        : unit =
        let pdu = event.Event.Pdu
        let id = pdu.EventId
        let isNew = not (known.ContainsKey id)
        let wasCiting = not isNew && not known[id].IsRejected
        known[id] <- event
        sent[id] <- copy

        if isNew then
            order.Add id

        if pdu.IsState && not event.IsRejected && not wasCiting then
            for cited in pdu.AuthEvents do
                note citing cited id

        match stateAfter with
        | null -> ()
        | state -> after[id] <- state

        match stateBefore with
        | null -> ()
        | state ->
            before[id] <- state

            for prev in pdu.PrevEvents do
                note following prev id

    /// Takes a decision and the event as it came.
    member this.Add(decided: DecidedEvent, copy: SentEvent) : unit =
        this.Put(decided.Known, decided.StateBefore, decided.StateAfter, copy)
        this.Extremities <- decided.Extremities
        this.CurrentState <- decided.CurrentStateAfter

        this.Numbers <-
            let now, ordinal = this.Numbers, decided.Ordinal

            if isNull decided.StateBefore then
                RoomNumbers(now.NextLive, now.NextHistory, ordinal + 1u)
            elif ordinal < RoomNumbers.First.NextLive then
                RoomNumbers(now.NextLive, min now.NextHistory (ordinal - 1u), now.NextOutlier)
            else
                RoomNumbers(max now.NextLive (ordinal + 1u), now.NextHistory, now.NextOutlier)

        if decided.ClosesGap then
            this.Gaps <- this.Gaps.Remove decided.Event.EventId

        this.Gaps <- Set.union this.Gaps (Set.ofArray decided.GapsOpened)

    /// Takes over the content of another store.
    member this.Become(other: Store) : unit =
        known.Clear()
        sent.Clear()
        before.Clear()
        after.Clear()
        citing.Clear()
        following.Clear()
        order.Clear()

        for id in other.Ids do
            match other.Find id, other.TrySent id with
            | NonNull event, Some copy -> this.Put(event, other.StateBefore id, other.StateAfter id, copy)
            | _ -> ()

        this.Extremities <- other.Extremities
        this.CurrentState <- other.CurrentState
        this.Numbers <- other.Numbers
        this.Gaps <- other.Gaps

    /// The identifiers of all decided events, in order.
    member _.Ids: IReadOnlyList<string> = order

    /// A decided event; null if it was not decided.
    member _.Find(eventId: string) : KnownEvent | null =
        match known.TryGetValue eventId with
        | true, found -> found
        | _ -> null

    /// The greatest number of an event in the timeline below this one.
    member _.NumberBelow(ordinal: uint32) : uint32 =
        known.Values
        |> Seq.filter (fun event -> not event.IsOutlier && event.Ordinal < ordinal)
        |> Seq.fold (fun most event -> max most event.Ordinal) beforeHistory

    /// Whether an event of the timeline has this number.
    member _.HasNumber(ordinal: uint32) : bool =
        known.Values
        |> Seq.exists (fun event -> not event.IsOutlier && event.Ordinal = ordinal)

    /// An event as it came.
    member _.TrySent(eventId: string) : SentEvent option =
        match sent.TryGetValue eventId with
        | true, found -> Some found
        | _ -> None

    /// The state before an event; null where it is not known.
    member _.StateBefore(eventId: string) : StateTree | null =
        match before.TryGetValue eventId with
        | true, found -> found
        | _ -> null

    /// The state after an event, before it if it was rejected; null where it is not known.
    member _.StateAfter(eventId: string) : StateTree | null =
        match after.TryGetValue eventId with
        | true, found -> found
        | _ -> null

    /// The events that name an event as previous.
    member _.Following(eventId: string) : seq<string> = all following eventId

    /// A state as authorization reads it.
    member this.AuthState(tree: StateTree) : IAuthState = {
        new IAuthState with
            member _.Find(eventType, stateKey) =
                match tree.Find(eventType, stateKey) with
                | null -> null
                | entry ->
                    match this.Find entry.EventId with
                    | null -> null
                    | known -> known.Event
    }

    /// Whether an event is known and was rejected.
    member this.IsRejected(eventId: string) : bool =
        match this.Find eventId with
        | null -> false
        | known -> known.IsRejected

    /// The servers with a joined member in a state, in order of their names.
    member this.ServersIn(tree: StateTree) : string list =
        tree.OfType "m.room.member"
        |> Seq.filter (fun entry ->
            match this.Find entry.EventId with
            | null -> false
            | known -> known.Event.Membership.IsJoin)
        |> Seq.map (fun entry -> UserId.server entry.StateKey)
        |> Seq.distinct
        |> Seq.sortWith (fun a b -> String.CompareOrdinal(a, b))
        |> List.ofSeq

    /// The header of the room.
    member this.Start(roomId: string) : RoomStart =
        RoomStart(roomId, this.Extremities, this.CurrentState, this.Numbers, RoomGaps.Of(this.Gaps, true))

    /// The events as state resolution reads them.
    member this.Source: Matrix.Core.StateRes.IEventSource =
        StateBefore.sourceOf this.Find (all citing)

    /// The other servers of the room.
    member this.Servers: string[] =
        this.Extremities
        |> Array.choose (fun e -> Option.ofObj (this.StateAfter e.EventId))
        |> Seq.collect this.ServersIn
        |> Seq.distinct
        |> Seq.filter (fun other -> other <> server)
        |> Seq.toArray

    /// Reads what a machine lacks: exactly that.
    member this.Read(lookUps: LookUps) : LookUpResults =
        let results = LookUpResults lookUps

        for id in lookUps.Events do
            match this.Find id with
            | null -> ()
            | known -> results.AddKnown known

        for id in lookUps.States do
            match this.StateAfter id with
            | null -> ()
            | state -> results.AddStateAfter(id, state)

        for lookUp in lookUps.Citing do
            let ids = all citing lookUp.EventId |> Seq.toArray
            results.AddCiting(lookUp.EventId, Array.truncate lookUp.Count ids, ids.Length <= lookUp.Count)

        for id in lookUps.Following do
            results.AddFollowing(id, all following id |> Seq.toArray)

        if lookUps.NeedsServers then
            results.Servers <- this.Servers

        if lookUps.Strangers.Length > 0 then
            let joined = this.Servers

            for other in lookUps.Strangers do
                if not (Array.contains other joined) then
                    results.AddStranger other

        results

/// Calls of a machine that need facts, with all facts at once.
[<AutoOpen>]
module MachineOverStore =

    type RoomResolution with

        /// Runs to the end.
        member this.RunOver(read: LookUps -> LookUpResults) : unit =
            while not this.IsDone do
                let lookUps = this.Run()

                if not lookUps.IsEmpty then
                    this.Supply(read lookUps)

    type RoomMachine with

        /// Tells inputs in one call, and reads what the machine lacks.
        member this.ReceiveOnceOver(read: LookUps -> LookUpResults, inputs: Input[]) : Output =
            let mutable output = this.Receive inputs

            while not output.LookUps.IsEmpty do
                this.Supply(read output.LookUps)
                output <- this.Receive inputs

            output

        /// Tells inputs, and goes on until nothing is left to decide.
        member this.ReceiveOver(read: LookUps -> LookUpResults, inputs: Input[]) : Output =
            let mutable output = this.ReceiveOnceOver(read, inputs)

            while output.HasMore do
                let next = this.ReceiveOnceOver(read, [||])

                output <- {
                    next with
                        Requests = Array.append output.Requests next.Requests
                        Resolve = if isNull next.Resolve then output.Resolve else next.Resolve
                        Decided = Array.append output.Decided next.Decided
                        Dropped = Array.append output.Dropped next.Dropped
                        Remembered = Array.append output.Remembered next.Remembered
                }

            output

        /// Tells inputs to a machine whose decisions are not durable yet: there is no history to read.
        member this.ReceiveAlone(inputs: Input[]) : Output = this.ReceiveOver(LookUpResults, inputs)

        /// The base of the next event, with the states resolved.
        member this.ResolveOver(read: LookUps -> LookUpResults) : Prepared =
            let mutable prepared = this.Resolve()

            while not prepared.LookUps.IsEmpty do
                this.Supply(read prepared.LookUps)
                prepared <- this.Resolve()

            prepared

        /// Adopts an event.
        member this.AdoptOver
            (read: LookUps -> LookUpResults, prepared: Prepared, event: AuthEvent, height: int)
            : Adoption =
            let mutable adoption = this.Adopt(prepared, event, height)

            while adoption.Refusal = AdoptionRefusal.NeedsLookUps do
                this.Supply(read adoption.LookUps)
                adoption <- this.Adopt(prepared, event, height)

            adoption
