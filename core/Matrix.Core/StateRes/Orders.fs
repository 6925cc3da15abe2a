namespace Matrix.Core.StateRes

open System
open System.Collections.Generic
open Matrix.Core.Auth

/// The two orders in which conflicting events are tried. Room versions, "State resolution", "Definitions".
[<RequireQualifiedAccess>]
module internal Orders =

    /// Whether an event might take someone's ability to do something.
    let isPowerEvent (event: AuthEvent) : bool =
        match event.Pdu.Type with
        | "m.room.power_levels"
        | "m.room.join_rules" -> true
        | "m.room.member" ->
            (event.Membership.IsLeave || event.Membership.IsBan)
            && not (String.Equals(event.Pdu.Sender, event.Pdu.StateKey))
        | _ -> false

    /// An event's auth events as a state, with the room's create event where events do not cite it.
    let citedState (graph: AuthGraph) (create: AuthEvent | null) (n: int) : IAuthState = {
        new IAuthState with
            member _.Find(eventType, stateKey) =
                let mutable found: AuthEvent | null = null

                for m in graph.Cited n do
                    let event = graph.Event m

                    if
                        isNull found
                        && not (graph.IsRejected m)
                        && String.Equals(event.Pdu.Type, eventType)
                        && String.Equals(event.Pdu.StateKey, stateKey)
                    then
                        found <- event

                if isNull found && eventType = "m.room.create" then
                    create
                else
                    found
    }

    /// The power events of the full conflicted set, and of it what is in their auth chains, in reverse topological power
    /// order: auth events first; among those whose turn it may be, the sender of greater power first, then the earlier,
    /// then the lesser identifier.
    ///
    /// What lies between two of them and is not of the set is walked through, and keeps them in order, but has no place itself.
    let powerOrder (graph: AuthGraph) (powerOf: int -> int64) (full: HashSet<int>) : int[] =
        let powerEvents =
            full |> Seq.filter (fun n -> isPowerEvent (graph.Event n)) |> Seq.toArray

        if powerEvents.Length = 0 then
            [||]
        else
            let floor = full |> Seq.map graph.Height |> Seq.min
            // Everything in the auth chains down to the lowest event of the set; per event, how many above and below it.
            let met = HashSet<int> powerEvents
            let pending = Stack<int> powerEvents
            let above = Dictionary<int, List<int>>()
            let waiting = Dictionary<int, int>()

            while pending.Count > 0 do
                let n = pending.Pop()
                let mutable below = 0

                for m in graph.Cited n |> Array.distinct do
                    if graph.Height m >= floor then
                        below <- below + 1

                        match above.TryGetValue m with
                        | true, citing -> citing.Add n
                        | _ -> above.Add(m, List<int> [ n ])

                        if met.Add m then
                            pending.Push m

                waiting[n] <- below

            let powers = Dictionary<int, int64>()

            for n in met do
                if full.Contains n then
                    powers[n] <- powerOf n

            let order =
                Comparer<int>.Create(fun a b ->
                    let byPower = compare powers[b] powers[a]

                    if byPower <> 0 then
                        byPower
                    else
                        let x, y = (graph.Event a).Pdu, (graph.Event b).Pdu
                        let byTime = compare x.OriginServerTs y.OriginServerTs

                        if byTime <> 0 then
                            byTime
                        else
                            String.CompareOrdinal(x.EventId, y.EventId))

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

            for n in met do
                if waiting[n] = 0 then
                    release n

            while passing.Count > 0 || ready.Count > 0 do
                if passing.Count > 0 then
                    settle (passing.Pop())
                else
                    let n = ready.Dequeue()
                    sorted.Add n
                    settle n

            sorted.ToArray()

    /// The power levels event among an event's auth events; -1 if there is none.
    let private levelsOf (graph: AuthGraph) (n: int) : int =
        let mutable found = -1

        for m in graph.Cited n do
            if found < 0 && (graph.Event m).Pdu.Type = "m.room.power_levels" then
                found <- m

        found

    /// Events in mainline order: those that rest on the oldest power levels first, then the earlier, then the lesser
    /// identifier. `levels` is the power levels event that the order is based on; -1 if there is none.
    /// The mainline is followed only as far back as the events ask for.
    let mainlineOrder (graph: AuthGraph) (levels: int) (events: int[]) : int[] =
        let mainline = Dictionary<int, int>()
        let mutable last = -1
        let mutable length = 0

        let extend n =
            mainline.Add(n, length)
            last <- n
            length <- length + 1

        if levels >= 0 then
            extend levels

        /// The place of a power levels event in the mainline; -1 if it has none but something below it may, and as if
        /// infinitely far where the mainline ends above it.
        let placeOf n =
            let mutable more = last >= 0

            while more && graph.Height last > graph.Height n do
                let next = levelsOf graph last
                more <- next >= 0

                if more then
                    extend next

            match mainline.TryGetValue n with
            | true, place -> place
            | _ when not more -> Int32.MaxValue
            | _ -> -1

        let positions = Dictionary<int, int>()

        let positionOf n =
            // Down the power levels until one is in the mainline, or its position is known.
            let path = List<int>()
            let mutable at = n
            let mutable position = -1

            while position < 0 do
                match positions.TryGetValue at with
                | true, known -> position <- known
                | _ ->
                    path.Add at
                    let below = levelsOf graph at

                    if below < 0 then
                        position <- Int32.MaxValue
                    else
                        let place = placeOf below

                        if place >= 0 then position <- place else at <- below

            for m in path do
                positions[m] <- position

            position

        let keyed = events |> Array.map (fun n -> struct (positionOf n, n))

        Array.sortInPlaceWith
            (fun (struct (p, a)) (struct (q, b)) ->
                if p <> q then
                    compare q p
                else
                    let x, y = (graph.Event a).Pdu, (graph.Event b).Pdu
                    let byTime = compare x.OriginServerTs y.OriginServerTs

                    if byTime <> 0 then
                        byTime
                    else
                        String.CompareOrdinal(x.EventId, y.EventId))
            keyed

        keyed |> Array.map (fun (struct (_, n)) -> n)
