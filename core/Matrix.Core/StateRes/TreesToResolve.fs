namespace Matrix.Core.StateRes

open System.Collections.Generic
open Matrix.Core.State

/// State trees as states to resolve.
[<RequireQualifiedAccess>]
module TreesToResolve =

    /// The differences of the trees, at a cost that follows their size.
    [<CompiledName "OfTrees">]
    let ofTrees (trees: StateTree[]) : StatesToResolve =
        let keys = HashSet<struct (string * string)>()
        let conflicted = List<ConflictedEntry>()

        let at (tree: StateTree) eventType stateKey : string | null =
            match tree.Find(eventType, stateKey) with
            | null -> null
            | entry -> entry.EventId

        for i in 1 .. trees.Length - 1 do
            for change in StateTree.Diff(trees[0], trees[i]).Changes do
                if keys.Add(struct (change.Type, change.StateKey)) then
                    conflicted.Add {
                        Type = change.Type
                        StateKey = change.StateKey
                        Events = trees |> Array.map (fun tree -> at tree change.Type change.StateKey)
                    }

        {
            Count = trees.Length
            Conflicted = conflicted.ToArray()
            Shared = {
                new IStateLookup with
                    member _.Find(eventType, stateKey) = at trees[0] eventType stateKey
            }
        }

    /// The resolved state: the entries that the trees share, and the resolved ones. `ordinalOf` returns an event's
    /// number in its room.
    let resolved
        (trees: StateTree[])
        (states: StatesToResolve)
        (entries: ResolvedEntry[])
        (ordinalOf: string -> uint32)
        : StateTree =
        let agreed =
            (trees[0], states.Conflicted)
            ||> Array.fold (fun tree entry -> tree.Remove(entry.Type, entry.StateKey))

        (agreed, entries)
        ||> Array.fold (fun tree e -> tree.Set(StateEntry.Of(e.Type, e.StateKey, e.EventId, ordinalOf e.EventId)))
