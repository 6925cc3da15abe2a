namespace Matrix.Core.Room.Incoming

open System
open System.Collections.Generic
open Matrix.Core.Auth
open Matrix.Core.State
open Matrix.Core.StateRes

/// Several states into one. Server-Server API, "Room State Resolution".
[<RequireQualifiedAccess>]
module Merging =

    /// The resolution of state trees by the algorithm of the room's version. `ordinalOf` numbers an event in its room.
    let resolve
        (resolver: StateResolver)
        (source: IEventSource)
        (ordinalOf: string -> uint32)
        (limits: ResolutionLimits)
        (trees: StateTree[])
        : Result<StateTree, ResolutionError> =
        let asked = TreesToResolve.ofTrees trees

        match resolver.Resolve(asked, source, limits) with
        | Error error -> Error error
        | Ok resolution ->
            let mutable merged = trees[0]

            for conflict in asked.Conflicted do
                merged <- merged.Remove(conflict.Type, conflict.StateKey)

            for entry in resolution.Entries do
                merged <- merged.Set(StateEntry.Of(entry.Type, entry.StateKey, entry.EventId, ordinalOf entry.EventId))

            Ok merged

/// The states that were merged last, by what went into them: the state before an event that merges is mostly the current one.
[<Sealed>]
type internal Merges(resolve: StateTree[] -> Result<StateTree, ResolutionError>, kept: int) =

    let results = Dictionary<string, StateTree>()
    let order = Queue<string>()

    let name (tree: StateTree) = Convert.ToHexString tree.Root.Span

    /// The one state that states become; that of none is empty.
    member _.Of(trees: seq<StateTree>) : Result<StateTree, ResolutionError> =
        let distinct = List<StateTree>()

        for tree in trees do
            if not (distinct.Exists(fun other -> StateTree.AreSame(other, tree))) then
                distinct.Add tree

        if distinct.Count = 0 then
            Ok StateTree.Empty
        elif distinct.Count = 1 then
            Ok distinct[0]
        else
            // Their order says who was heard first: it must not matter.
            let names = distinct |> Seq.map name |> Seq.toArray
            Array.Sort(names, StringComparer.Ordinal)
            let key = String.Concat names

            match results.TryGetValue key with
            | true, known -> Ok known
            | _ ->
                let merged = resolve (distinct.ToArray())

                match merged with
                | Error _ -> ()
                | Ok tree ->
                    if order.Count >= kept then
                        results.Remove(order.Dequeue()) |> ignore

                    results[key] <- tree
                    order.Enqueue key

                merged
