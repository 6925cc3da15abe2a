namespace Matrix.Core.StateRes

open System.Collections.Generic

/// The events that are in the auth chains of some states, but not of all. v1.19 rooms/v12#definitions
[<RequireQualifiedAccess>]
module internal AuthDifference =

    /// With U the events that all states have and Dᵢ the rest of state i, the auth difference is (∪ chain(Dᵢ) − ∩
    /// chain(Dᵢ)) − chain(U). An event is not in its own chain.
    ///
    /// One walk down from all Dᵢ at once, the greatest height first, so that all states that reach an event are known
    /// when the walk visits it. The walk ends when every state reaches all queued events. It does not go below an event
    /// in chain(U), nor below one in U itself, whose auth events are in chain(U) by definition.
    let find (graph: AuthGraph) (states: StatesToResolve) (set: Dictionary<int, StateBits>) : HashSet<int> =
        let everyState = StateBits.First states.Count
        let isEvery (bits: StateBits) = bits.Is everyState

        let difference = HashSet<int>()
        // For each event met: the states in whose chain it is.
        let reached = Dictionary<int, StateBits>()
        let queue = PriorityQueue<int, int>()
        // The number of queued events that some state does not reach.
        let mutable partial = 0

        let bitsOf (known: Dictionary<int, StateBits>) n =
            match known.TryGetValue n with
            | true, bits -> bits
            | _ -> StateBits.None

        /// Records that an event is in the chains of these states; of none, for the events that start the walk.
        let reach (bits: StateBits) (n: int) =
            match reached.TryGetValue n with
            | true, before ->
                let now = before.With bits

                if not (isEvery before) && isEvery now then
                    partial <- partial - 1

                reached[n] <- now
            | _ ->
                reached.Add(n, bits)
                queue.Enqueue(n, -(graph.Height n))

                if not (isEvery bits) then
                    partial <- partial + 1

        for n in set.Keys do
            reach StateBits.None n

        while partial > 0 && queue.Count > 0 && graph.Fault.IsNone do
            let n = queue.Dequeue()
            let bits = reached[n]

            if not (isEvery bits) then
                partial <- partial - 1

            if isEvery bits then
                for m in graph.AuthEvents n do
                    reach everyState m
            elif not bits.IsEmpty && graph.IsBelowUnconflicted n then
                // Everything below is in chain(U) too. A conflicted event here is still conflicted, but adds nothing.
                ()
            else
                if not bits.IsEmpty then
                    difference.Add n |> ignore

                if not (graph.IsUnconflicted n) then
                    let onwards = bits.With(bitsOf set n)

                    for m in graph.AuthEvents n do
                        reach onwards m

        difference
