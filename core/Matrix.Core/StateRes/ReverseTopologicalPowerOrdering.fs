namespace Matrix.Core.StateRes

open System
open System.Collections.Generic
open Matrix.Core.Auth
open Matrix.Core.Event

/// Events that can remove a user's ability to do something. v1.19 rooms/v12#definitions
[<RequireQualifiedAccess>]
module internal PowerEvents =

    /// Whether an event can remove a user's ability to do something.
    let isPowerEvent (event: AuthEvent) : bool =
        match event.Pdu.Type with
        | EventTypes.PowerLevels
        | EventTypes.JoinRules -> true
        | EventTypes.Member ->
            (event.Membership.IsLeave || event.Membership.IsBan)
            && not (String.Equals(event.Pdu.Sender, event.Pdu.StateKey))
        | _ -> false

/// v1.19 rooms/v12#definitions
[<RequireQualifiedAccess>]
module internal ReverseTopologicalPowerOrdering =

    /// The auth chains of events, down to a height: for each event, the events above it and the number directly below.
    let private chainsAbove (graph: AuthGraph) (floor: int) (events: int[]) =
        let met = HashSet<int> events
        let pending = Stack<int> events
        let above = Dictionary<int, List<int>>()
        let waiting = Dictionary<int, int>()

        while pending.Count > 0 do
            let n = pending.Pop()
            let mutable below = 0

            for m in graph.AuthEvents n |> Array.distinct do
                if graph.Height m >= floor then
                    below <- below + 1

                    match above.TryGetValue m with
                    | true, citing -> citing.Add n
                    | _ -> above.Add(m, List<int> [ n ])

                    if met.Add m then
                        pending.Push m

            waiting[n] <- below

        struct (above, waiting)

    /// Kahn's algorithm: an event is ready when all below it are done. Of the ready events of the set, the first in
    /// the order is next.
    let private topological
        (above: Dictionary<int, List<int>>)
        (waiting: Dictionary<int, int>)
        (order: IComparer<int>)
        (full: HashSet<int>)
        : int[] =
        let ready = PriorityQueue<int, int> order
        let sorted = List<int>()
        let passing = Stack<int>()

        let release n =
            if full.Contains n then
                ready.Enqueue(n, n)
            else
                passing.Push n

        let settle n =
            match above.TryGetValue n with
            | true, citing ->
                for m in citing do
                    waiting[m] <- waiting[m] - 1

                    if waiting[m] = 0 then
                        release m
            | _ -> ()

        for n in
            [|
                for KeyValue(n, below) in waiting do
                    if below = 0 then
                        n
            |] do
            release n

        while passing.Count > 0 || ready.Count > 0 do
            if passing.Count > 0 then
                settle (passing.Pop())
            else
                let n = ready.Dequeue()
                sorted.Add n
                settle n

        sorted.ToArray()

    /// The power events of the full conflicted set, and the events of the set in their auth chains, in reverse
    /// topological power order: auth events first; among ready events, the greater power of the sender first, then the
    /// earlier time, then the lesser event id.
    ///
    /// Events between them that are not in the set are walked through: they keep the order, but are not part of the
    /// result.
    let sort (graph: AuthGraph) (powerOf: int -> int64) (full: HashSet<int>) : int[] =
        let powerEvents =
            full
            |> Seq.filter (fun n -> PowerEvents.isPowerEvent (graph.Event n))
            |> Seq.toArray

        if powerEvents.Length = 0 then
            [||]
        else
            let floor = full |> Seq.map graph.Height |> Seq.min
            let struct (above, waiting) = chainsAbove graph floor powerEvents
            let powers = Dictionary<int, int64>()

            for n in waiting.Keys do
                if full.Contains n then
                    powers[n] <- powerOf n

            let order =
                Comparer<int>.Create(fun a b ->
                    let byPower = compare powers[b] powers[a]

                    if byPower <> 0 then byPower else graph.CompareByTime(a, b))

            topological above waiting order full
