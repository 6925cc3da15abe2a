namespace Matrix.Core.Room.Incoming

open System
open System.Collections.Generic
open Matrix.Core.State
open Matrix.Core.StateRes

/// The resolution of several states into one. Server-Server API, "Room State Resolution".
[<RequireQualifiedAccess>]
module StateBefore =

    /// A history in the form that state resolution reads.
    let sourceOf (history: IRoomHistory) : IEventSource = {
        new IEventSource with
            member _.Find eventId =
                match history.Known eventId with
                | null -> null
                | known -> known.SourcedBy history.Known

            member _.Citing eventId = history.Citing eventId
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
type internal ResolvedStates(resolve: StateTree[] -> Result<StateTree, ResolutionError>, kept: int) =

    let results = Dictionary<string, StateTree>()
    let order = Queue<string>()

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
            match results.TryGetValue(keyOf distinct) with
            | true, known -> known
            | _ -> null

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
                    results.Remove(order.Dequeue()) |> ignore

                let key = keyOf distinct
                results[key] <- tree
                order.Enqueue key

            resolved

    /// Forgets all resolutions: the numbers in their entries may belong to events that were taken back.
    member _.Forget() : unit =
        results.Clear()
        order.Clear()
