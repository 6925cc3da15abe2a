namespace Matrix.Core.Room.Incoming.Deciding

open System.Collections.Generic
open Matrix.Core.State
open Matrix.Core.StateRes
open Matrix.Core.Room.Incoming.Facts
open Matrix.Core.Room.Incoming.Protocol
open Matrix.Core.Room.Incoming.Staging
open Matrix.Core.Room.Incoming.Graph

/// The resolutions of a room: small ones are made inside of a call. Of the others, at most one is outstanding: the host
/// runs it, and events wait for it.
[<Sealed>]
type internal StateResolutions
    (log: UndoLog, resolver: StateResolver, known: KnownEvents, limits: IncomingLimits, behaviour: Behaviour) =

    // States are resolved for the current state, and again for the state before the event that merges them.
    let keptResolutions = 16

    let outstanding = Undoable<RoomResolution | null>(log, null)

    // Their places are those with which they began to wait: a copy that came since may have another.
    let waiting =
        UndoableMap<DecisionPlace, Staged>(log, SortedDictionary(DecisionOrder.comparer))

    /// The conflicted events and their auth events are read in any case: they are looked up together.
    let resolve
        (known: KnownEvents)
        (bounds: ResolutionLimits)
        (trees: StateTree[])
        : Result<StateTree, ResolutionError> =
        let ordinalOf (eventId: string) =
            match known.Find eventId with
            | null -> 0u
            | event -> event.Ordinal

        let states = TreesToResolve.ofTrees trees

        let conflicted = [
            for entry in states.Conflicted do
                for id in entry.Events do
                    match id with
                    | null -> ()
                    | id -> id
        ]

        known.Require conflicted

        known.Require [
            for id in conflicted do
                match known.Find id with
                | null -> ()
                | event -> yield! event.Event.Pdu.AuthEvents
        ]

        StateBefore.resolve resolver (known.Source()) ordinalOf bounds trees

    // The resolution that the last unfinished step needs.
    let mutable needed: RoomResolution | null = null

    let elsewhere (trees: StateTree[]) : unit =
        if isNull outstanding.Value then
            let own = LookUpCache(limits.Resolution.Events, 0)
            let copy = known.Copy own
            needed <- RoomResolution(trees, UndoLog(), own, behaviour.Resolve(resolve copy limits.Resolution))

    let states =
        ResolvedStates(
            log,
            behaviour.Resolve(resolve known limits.SmallResolution),
            elsewhere,
            limits.SmallStates,
            keptResolutions
        )

    /// The latest resolutions.
    member _.States = states

    /// The outstanding resolution; null if there is none.
    member _.Outstanding = outstanding.Value

    /// Whether the last unfinished step needs a resolution elsewhere. It is outstanding then, unless another one is.
    member _.IsNeeded() : bool =
        let isNeeded = states.TakeTooLarge()

        if isNeeded && isNull outstanding.Value then
            outstanding.Value <- needed

        needed <- null
        isNeeded

    /// The outstanding resolution has ended. One that is no longer needed is ignored.
    member _.Ended(resolution: RoomResolution) : unit =
        match resolution.Outcome with
        | ValueSome outcome when obj.ReferenceEquals(resolution, outstanding.Value) ->
            states.Take(resolution.Trees, outcome)
            outstanding.Value <- null
        | _ -> ()

    /// Decisions were taken back: the outstanding resolution is no longer needed, and all others are forgotten.
    member _.Forget() : unit =
        states.Forget()
        outstanding.Value <- null

    /// An event waits until no resolution is outstanding.
    member _.Wait(s: Staged) : unit = waiting.Set(s.DecisionPlace, s)

    /// The next event that waited; null if there is none, or while a resolution is outstanding. They go on one after
    /// the other: each may need another resolution elsewhere.
    member _.NextWaiting() : Staged | null =
        if isNull outstanding.Value && waiting.Count > 0 then
            let place = Seq.head waiting.Keys

            let first: Staged | null =
                match waiting.TryFind place with
                | ValueSome first -> first
                | ValueNone -> null

            waiting.Remove place |> ignore
            first
        else
            null
