namespace Matrix.Core.StateRes

open System.Collections.Generic

/// The events on a path of auth events from one conflicted event to another, both ends included. Version 2.1 of the
/// algorithm. v1.19 rooms/v12#definitions
[<RequireQualifiedAccess>]
module internal ConflictedSubgraph =

    /// One walk down, which ends at the least height in the set.
    let find (graph: AuthGraph) (set: Dictionary<int, StateBits>) : HashSet<int> =
        let between = HashSet<int>()

        if set.Count > 1 then
            let floor = set.Keys |> Seq.map graph.Height |> Seq.min
            let met = HashSet<int>(set.Keys)
            let pending = Stack<int>(set.Keys)

            while pending.Count > 0 do
                for m in graph.AuthEvents(pending.Pop()) do
                    if graph.Height m >= floor && met.Add m then
                        pending.Push m

            // Upwards: an event is on a path if it is in the set, or if one of its auth events is on a path. Everything
            // met is reached from the set.
            let onPath = HashSet<int>()

            for n in met |> Seq.sortBy graph.Height do
                let cites = graph.AuthEvents n |> Array.exists onPath.Contains

                if cites || set.ContainsKey n then
                    onPath.Add n |> ignore

                if cites then
                    between.Add n |> ignore

            // The lower ends of paths.
            for n in List.ofSeq between do
                for m in graph.AuthEvents n do
                    if onPath.Contains m then
                        between.Add m |> ignore

        between
