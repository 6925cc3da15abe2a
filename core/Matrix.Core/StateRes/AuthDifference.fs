namespace Matrix.Core.StateRes

open System
open System.Collections.Generic

/// The events that are in the auth chains of some states, but not of all. Room versions, "State resolution", "Auth
/// difference".
[<RequireQualifiedAccess>]
module internal AuthDifference =

    /// With U the events that all states have and Dᵢ the rest of state i, the auth difference is (∪ chain(Dᵢ) − ∩
    /// chain(Dᵢ)) − chain(U). An event is not in its own chain.
    ///
    /// One walk down from all Dᵢ at once, the greatest height first, so that all states that reach an event are known
    /// when the walk visits it. The walk ends when every state reaches all queued events. It does not go below an event
    /// in chain(U), nor below one in U itself, whose auth events are in chain(U) by definition.
    let find (graph: AuthGraph) (states: StatesToResolve) (set: Dictionary<int, uint64>) : HashSet<int> =
        let everyState =
            if states.Count = 64 then
                UInt64.MaxValue
            else
                (1UL <<< states.Count) - 1UL

        let difference = HashSet<int>()
        // For each event met: the states in whose chain it is.
        let reached = Dictionary<int, uint64>()
        let queue = PriorityQueue<int, int>()
        // The number of queued events that some state does not reach.
        let mutable partial = 0

        let bitsOf (known: Dictionary<int, uint64>) n =
            match known.TryGetValue n with
            | true, bits -> bits
            | _ -> 0UL

        /// Records that an event is in the chains of these states; of none, for the events that start the walk.
        let reach (bits: uint64) (n: int) =
            match reached.TryGetValue n with
            | true, before ->
                let now = before ||| bits

                if before <> everyState && now = everyState then
                    partial <- partial - 1

                reached[n] <- now
            | _ ->
                reached.Add(n, bits)
                queue.Enqueue(n, -(graph.Height n))

                if bits <> everyState then
                    partial <- partial + 1

        for n in set.Keys do
            reach 0UL n

        while partial > 0 && queue.Count > 0 && graph.Fault.IsNone do
            let n = queue.Dequeue()
            let bits = reached[n]

            if bits <> everyState then
                partial <- partial - 1

            if bits = everyState then
                for m in graph.Cited n do
                    reach everyState m
            elif bits <> 0UL && graph.IsBelowUnconflicted n then
                // Everything below is in chain(U) too. A conflicted event here is still conflicted, but adds nothing.
                ()
            else
                if bits <> 0UL then
                    difference.Add n |> ignore

                if not (graph.IsUnconflicted n) then
                    let onwards = bits ||| bitsOf set n

                    for m in graph.Cited n do
                        reach onwards m

        difference
