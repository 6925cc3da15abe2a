namespace Matrix.Core.Room.Incoming

open System
open System.Collections.Generic
open Matrix.Core.Event

[<Sealed>]
type HistoryPart(events: IReadOnlyList<ReceivedEvent>, missing: IReadOnlyList<string>) =
    member _.Events = events
    member _.Missing = missing

[<Sealed>]
type HistoryPage private (followers: IReadOnlyCollection<Pdu>, events: IReadOnlyList<ReceivedEvent>) =

    let returned = events |> Seq.map _.Pdu.EventId |> HashSet

    // The greatest depth that each event outside of the page can have: its followers are deeper.
    let outside =
        let depths = Dictionary<string, int64>()

        for pdu in Seq.append followers (events |> Seq.map _.Pdu) do
            for id in pdu.PrevEvents do
                if not (returned.Contains id) then
                    match depths.TryGetValue id with
                    | true, least -> depths[id] <- min least (pdu.Depth - 1L)
                    | _ -> depths[id] <- pdu.Depth - 1L

        depths

    static member Of(followers: IReadOnlyCollection<Pdu>, returned: IReadOnlyCollection<ReceivedEvent>) : HistoryPage =
        let byId = Dictionary<string, ReceivedEvent>()

        for event in returned do
            byId.TryAdd(event.Pdu.EventId, event) |> ignore

        let next = Queue<string>(followers |> Seq.collect _.PrevEvents)
        let reached = List<ReceivedEvent>()

        while next.Count > 0 do
            let id = next.Dequeue()

            match byId.TryGetValue id with
            | true, event ->
                byId.Remove id |> ignore
                reached.Add event

                for id in event.Pdu.PrevEvents do
                    next.Enqueue id
            | _ -> ()

        HistoryPage(followers, reached)

    member _.Events = events

    member _.Ids: IReadOnlyCollection<string> = [| yield! returned; yield! outside.Keys |]

    member _.Newest(here: IReadOnlySet<string>, without: IReadOnlyCollection<string>) : HistoryPart =
        let without = HashSet<string>(without)

        let missing =
            outside
            |> Seq.filter (fun each -> not (here.Contains each.Key || without.Contains each.Key))
            |> Seq.sortWith (fun a b ->
                match compare b.Value a.Value with
                | 0 -> String.CompareOrdinal(a.Key, b.Key)
                | order -> order)
            |> Seq.toArray

        let deepest =
            if missing.Length = 0 then
                Int64.MinValue
            else
                missing[0].Value

        HistoryPart(
            [|
                for event in events do
                    if event.Pdu.Depth >= deepest && not (here.Contains event.Pdu.EventId) then
                        event
            |],
            missing |> Array.map _.Key
        )
