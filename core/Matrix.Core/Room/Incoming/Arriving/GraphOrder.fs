namespace Matrix.Core.Room.Incoming.Arriving

open System.Collections.Generic
open Matrix.Core.Room.Incoming.Staging

/// The order of staged events in the graph.
[<RequireQualifiedAccess>]
module internal GraphOrder =

    /// The events, each after those among them that it names as previous; otherwise by depth, time and id. Events that
    /// depend on themselves come last.
    let ofStaged (events: IReadOnlyCollection<Staged>) : List<Staged> =
        let left = Dictionary<string, int>()
        let followers = Dictionary<string, List<Staged>>()
        let ready = SortedDictionary<DecisionPlace, Staged>(DecisionOrder.comparer)
        let sorted = List<Staged>()
        let met = HashSet<string>()

        for s in events do
            left[s.Id] <- 0
            followers[s.Id] <- List<Staged>()

        for s in events do
            for id in Array.distinct s.Pdu.PrevEvents do
                match followers.TryGetValue id with
                | true, all ->
                    all.Add s
                    left[s.Id] <- left[s.Id] + 1
                | _ -> ()

        let add (s: Staged) =
            if left[s.Id] = 0 then
                ready[s.DecisionPlace] <- s

        Seq.iter add events

        while ready.Count > 0 do
            let next = (Seq.head ready).Value
            ready.Remove next.DecisionPlace |> ignore
            met.Add next.Id |> ignore
            sorted.Add next

            for s in followers[next.Id] do
                left[s.Id] <- left[s.Id] - 1
                add s

        for s in events do
            if not (met.Contains s.Id) then
                sorted.Add s

        sorted
