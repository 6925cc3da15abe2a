namespace Matrix.Core.Room.Incoming

open System
open System.Collections.Generic
open Matrix.Core.State
open Matrix.Core.StateRes

/// The resolution of several states into one. Server-Server API, "Room State Resolution".
[<RequireQualifiedAccess>]
module StateBefore =

    /// Events in memory, in the form that state resolution reads. `citing` returns the accepted state events that name
    /// an event in `auth_events`, the newest first.
    let sourceOf (find: string -> KnownEvent | null) (citing: string -> seq<string>) : IEventSource = {
        new IEventSource with
            member _.Find eventId =
                match find eventId with
                | null -> null
                | known -> known.SourcedBy find

            member _.Citing eventId = citing eventId
    }

    /// Resolves state trees by the algorithm of the room's version. `ordinalOf` returns an event's number in its room.
    let resolve
        (resolver: StateResolver)
        (source: IEventSource)
        (ordinalOf: string -> uint32)
        (limits: ResolutionLimits)
        (trees: StateTree[])
        : Result<StateTree, ResolutionError> =
        let states = TreesToResolve.ofTrees trees

        match resolver.Resolve(states, source, limits) with
        | Error error -> Error error
        | Ok resolution -> Ok(TreesToResolve.resolved trees states resolution.Entries ordinalOf)

/// The latest resolutions, by their inputs. The state before an event that merges branches is usually the current one.
[<Sealed>]
type internal ResolvedStates(log: UndoLog, resolve: StateTree[] -> Result<StateTree, ResolutionError>, kept: int) =

    let results = UndoableMap<string, StateTree>(log, Dictionary())
    let order = UndoableQueue<string>(log)

    let name (tree: StateTree) = Convert.ToHexString tree.Root.Span

    let distinct (trees: seq<StateTree>) =
        let distinct = List<StateTree>()

        for tree in trees do
            if not (distinct.Exists(fun other -> StateTree.AreSame(other, tree))) then
                distinct.Add tree

        distinct

    let keyOf (distinct: List<StateTree>) =
        // The order of the states must not matter: it depends on the order of arrival.
        let names = distinct |> Seq.map name |> Seq.toArray
        Array.Sort(names, StringComparer.Ordinal)
        String.Concat names

    /// The resolution of states, if it is known without resolving them; else null. Without states it is the empty one.
    member _.Find(trees: seq<StateTree>) : StateTree | null =
        let distinct = distinct trees

        if distinct.Count = 0 then
            StateTree.Empty
        elif distinct.Count = 1 then
            distinct[0]
        else
            match results.TryFind(keyOf distinct) with
            | ValueSome known -> known
            | ValueNone -> null

    /// The resolution of states.
    member this.Of(trees: seq<StateTree>) : Result<StateTree, ResolutionError> =
        match this.Find trees with
        | NonNull known -> Ok known
        | _ ->
            let distinct = distinct trees
            let resolved = resolve (distinct.ToArray())

            match resolved with
            | Error _ -> ()
            | Ok tree ->
                if order.Count >= kept then
                    match order.TryDequeue() with
                    | ValueSome oldest -> results.Remove oldest |> ignore
                    | ValueNone -> ()

                let key = keyOf distinct
                results.Set(key, tree)
                order.Enqueue key

            resolved

    /// Forgets all resolutions: the numbers in their entries may belong to events that were taken back.
    member _.Forget() : unit =
        for key in order.TakeAll() do
            results.Remove key |> ignore
