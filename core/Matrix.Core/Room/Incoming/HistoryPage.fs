namespace Matrix.Core.Room.Incoming

open System
open System.Collections.Generic
open Matrix.Core.Event

[<Sealed>]
type HistoryPart
    (events: IReadOnlyList<ReceivedEvent>, reached: IReadOnlyList<ReceivedEvent>, missing: IReadOnlyList<string>) =
    member _.Events = events
    member _.Reached = reached
    member _.Missing = missing

[<Sealed>]
type HistoryPage private (followers: IReadOnlyCollection<Pdu>, events: IReadOnlyList<ReceivedEvent>) =

    let returned = events |> Seq.map _.Pdu.EventId |> HashSet

    let byId =
        let byId = Dictionary<string, ReceivedEvent>()

        for event in events do
            byId.TryAdd(event.Pdu.EventId, event) |> ignore

        byId

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

    member _.Ids: IReadOnlyCollection<string> =
        let ids = HashSet<string>(returned)

        for pdu in Seq.append followers (events |> Seq.map _.Pdu) do
            ids.UnionWith pdu.PrevEvents

        ids

    static member Absent
        (requested: IReadOnlyCollection<string>, returned: IReadOnlyCollection<ReceivedEvent>)
        : IReadOnlyDictionary<string, int64> =
        let ids = returned |> Seq.map _.Pdu.EventId |> HashSet

        let isCut =
            returned
            |> Seq.exists (fun event -> event.Pdu.PrevEvents |> Array.exists (ids.Contains >> not))

        let bound =
            if isCut then
                returned |> Seq.map _.Pdu.Depth |> Seq.min
            else
                Int64.MinValue

        let absent = Dictionary<string, int64>()

        for id in requested do
            if not (ids.Contains id) then
                absent[id] <- bound

        absent

    member _.Newest
        (here: IReadOnlySet<string>, bounds: IReadOnlyDictionary<string, int64>, mostNamed: int)
        : HistoryPart =
        let inPage = HashSet<string>()
        let taken = List<Pdu>(followers)
        // The deepest first, so that nothing that is left for the next page comes after what is taken.
        let next = PriorityQueue<Pdu, int64>()
        let mutable named = 0
        let mutable isFull = false

        // What lies before an event that is here belongs to the place of that event.
        let reach (follower: Pdu) =
            for id in follower.PrevEvents do
                match byId.TryGetValue id with
                | true, event when not (here.Contains id) -> next.Enqueue(event.Pdu, -event.Pdu.Depth)
                | _ -> ()

        Seq.iter reach followers

        while not isFull && next.Count > 0 do
            let pdu = next.Dequeue()

            if not (inPage.Contains pdu.EventId) then
                named <- named + pdu.PrevEvents.Length
                isFull <- named > mostNamed && inPage.Count > 0

                if not isFull then
                    inPage.Add pdu.EventId |> ignore
                    taken.Add pdu
                    reach pdu

        let depths = Dictionary<string, int64>()

        let note (id: string) (depth: int64) =
            let depth =
                match bounds.TryGetValue id with
                | true, bound -> min bound depth
                | _ -> depth

            match depths.TryGetValue id with
            | true, least -> depths[id] <- min least depth
            | _ -> depths[id] <- depth

        for follower in taken do
            for id in follower.PrevEvents do
                if not (here.Contains id || inPage.Contains id) then
                    match byId.TryGetValue id with
                    | true, left -> note id (min left.Pdu.Depth (follower.Depth - 1L))
                    | _ -> note id (follower.Depth - 1L)

        let missing =
            depths
            |> Seq.filter (fun each -> each.Value > Int64.MinValue)
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

        let reached = [|
            for event in events do
                if inPage.Contains event.Pdu.EventId then
                    event
        |]

        HistoryPart(
            reached |> Array.filter (fun event -> event.Pdu.Depth >= deepest),
            reached,
            missing |> Array.map _.Key
        )
