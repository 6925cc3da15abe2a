namespace Matrix.Core.StateRes

open System
open System.Collections.Generic
open Matrix.Core.Event

/// The mainline ordering. v1.19 rooms/v12#definitions
[<RequireQualifiedAccess>]
module internal MainlineOrdering =

    /// The power levels event among an event's auth events; -1 if there is none.
    let private levelsOf (graph: AuthGraph) (n: int) : int =
        let mutable found = -1

        for m in graph.AuthEvents n do
            if found < 0 && (graph.Event m).Pdu.Type = EventTypes.PowerLevels then
                found <- m

        found

    /// Events in mainline order: those whose closest mainline event is the oldest come first, then the earlier, then
    /// the lesser event id. `levels` is the power levels event that the order is based on; -1 if there is none. The
    /// mainline is followed only as far back as the events need.
    let sort (graph: AuthGraph) (levels: int) (events: int[]) : int[] =
        let mainline = Dictionary<int, int>()
        let mutable last = -1
        let mutable length = 0

        let extend n =
            mainline.Add(n, length)
            last <- n
            length <- length + 1

        if levels >= 0 then
            extend levels

        /// The index of a power levels event in the mainline. It is -1 if the event is not in it but an ancestor may
        /// be, and infinite beyond the end of the mainline.
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
            // Down the power levels events until one is in the mainline, or its position is known.
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
            (fun (struct (p, a)) (struct (q, b)) -> if p <> q then compare q p else graph.CompareByTime(a, b))
            keyed

        keyed |> Array.map (fun (struct (_, n)) -> n)
