namespace Matrix.Core.StateRes

open System.Collections.Generic

/// The conflicted events of the states. Room versions, "State resolution", "Unconflicted state map and conflicted state
/// set".
[<RequireQualifiedAccess>]
module internal ConflictedState =

    /// The events that some state lacks: for each event, a bit for each state that has it.
    let set (graph: AuthGraph) (states: StatesToResolve) : Dictionary<int, uint64> =
        let set = Dictionary<int, uint64>()

        for entry in states.Conflicted do
            for i in 0 .. entry.Events.Length - 1 do
                match entry.Events[i] with
                | null -> ()
                | id ->
                    let n = graph.Load(id, ResolutionError.EventMissing)

                    if n >= 0 then
                        let bits =
                            match set.TryGetValue n with
                            | true, bits -> bits
                            | _ -> 0UL

                        set[n] <- bits ||| (1UL <<< i)

        set
