namespace Matrix.Core.Room.Incoming.Fetching

open System
open System.Collections.Generic
open Matrix.Core.Event
open Matrix.Core.Room.Incoming.Protocol

[<Sealed>]
type HistoryPart
    (
        events: IReadOnlyList<ReceivedEvent>,
        reached: IReadOnlyList<ReceivedEvent>,
        missing: IReadOnlyList<string>,
        isHeldBack: bool,
        leavesToEarlier: bool
    ) =
    member _.Events = events
    member _.Reached = reached
    member _.Missing = missing
    member _.IsHeldBack = isHeldBack
    member _.LeavesToEarlier = leavesToEarlier

[<Sealed>]
type HistoryPage
    private
    (
        followers: IReadOnlyCollection<Pdu>,
        earlier: IReadOnlyCollection<Pdu>,
        byId: IReadOnlyDictionary<string, ReceivedEvent>,
        events: IReadOnlyList<ReceivedEvent>
    ) =

    /// The events of the page from which these descend, the nearest first, without what lies before those left out.
    static let before
        (byId: IReadOnlyDictionary<string, ReceivedEvent>)
        (isLeftOut: string -> bool)
        (start: IReadOnlyCollection<Pdu>)
        : List<ReceivedEvent> =
        let next = Queue<string>(start |> Seq.collect _.PrevEvents)
        let met = HashSet<string>()
        let reached = List<ReceivedEvent>()

        while next.Count > 0 do
            let id = next.Dequeue()

            match byId.TryGetValue id with
            | true, event when not (isLeftOut id) && met.Add id ->
                reached.Add event

                for id in event.Pdu.PrevEvents do
                    next.Enqueue id
            | _ -> ()

        reached

    static member Of
        (
            followers: IReadOnlyCollection<Pdu>,
            earlier: IReadOnlyCollection<Pdu>,
            returned: IReadOnlyCollection<ReceivedEvent>
        ) : HistoryPage =
        let byId = Dictionary<string, ReceivedEvent>()

        for event in returned do
            byId.TryAdd(event.Pdu.EventId, event) |> ignore

        HistoryPage(followers, earlier, byId, before byId (fun _ -> false) followers)

    member _.Events = events

    member _.Ids: IReadOnlyCollection<string> =
        let ids = HashSet<string>()

        for event in Seq.append events (before byId (fun _ -> false) earlier) do
            ids.Add event.Pdu.EventId |> ignore
            ids.UnionWith event.Pdu.PrevEvents

        for follower in Seq.append followers earlier do
            ids.UnionWith follower.PrevEvents

        ids

    static member Bound(returned: IReadOnlyCollection<ReceivedEvent>) : int64 =
        let ids = returned |> Seq.map _.Pdu.EventId |> HashSet

        let isCut =
            returned
            |> Seq.exists (fun event -> event.Pdu.PrevEvents |> Array.exists (ids.Contains >> not))

        if isCut then
            returned |> Seq.map _.Pdu.Depth |> Seq.min
        else
            Int64.MinValue

    static member Absent
        (requested: IReadOnlyCollection<string>, returned: IReadOnlyCollection<ReceivedEvent>)
        : IReadOnlyDictionary<string, int64> =
        let ids = returned |> Seq.map _.Pdu.EventId |> HashSet
        let bound = HistoryPage.Bound returned
        let absent = Dictionary<string, int64>()

        for id in requested do
            if not (ids.Contains id) then
                absent[id] <- bound

        absent

    member _.Newest
        (here: IReadOnlySet<string>, bounds: IReadOnlyDictionary<string, int64>, earlierMax: int64, mostNamed: int)
        : HistoryPart =
        let ofEarlier = before byId here.Contains earlier
        let idsOfEarlier = ofEarlier |> Seq.map _.Pdu.EventId |> HashSet
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
                | true, event when not (here.Contains id || idsOfEarlier.Contains id) ->
                    next.Enqueue(event.Pdu, -event.Pdu.Depth)
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

        // The greatest depth that each missing event can have: less than that of each event that names it.
        let depthsOf (namers: seq<Pdu>) (boundOf: string -> int64) =
            let depths = Dictionary<string, int64>()

            for namer in namers do
                for id in namer.PrevEvents do
                    if not (here.Contains id || inPage.Contains id || idsOfEarlier.Contains id) then
                        let depth =
                            match byId.TryGetValue id with
                            | true, left -> min left.Pdu.Depth (namer.Depth - 1L)
                            | _ -> min (boundOf id) (namer.Depth - 1L)

                        match depths.TryGetValue id with
                        | true, least -> depths[id] <- min least depth
                        | _ -> depths[id] <- depth

            depths

        let missing =
            depthsOf taken (fun id ->
                match bounds.TryGetValue id with
                | true, bound -> bound
                | _ -> Int64.MaxValue)
            |> Seq.filter (fun each -> each.Value > Int64.MinValue)
            |> Seq.sortWith (fun a b ->
                match compare b.Value a.Value with
                | 0 -> String.CompareOrdinal(a.Key, b.Key)
                | order -> order)
            |> Seq.toArray

        // What is missing further down may come after the page, too.
        let deepestEarlier =
            depthsOf (Seq.append earlier (ofEarlier |> Seq.map _.Pdu)) (fun _ -> earlierMax)
            |> Seq.fold (fun deepest each -> max deepest each.Value) Int64.MinValue

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

        let inOrder = reached |> Array.filter (fun event -> event.Pdu.Depth >= deepest)

        let placed =
            inOrder |> Array.filter (fun event -> event.Pdu.Depth >= deepestEarlier)

        let leavesToEarlier =
            inPage.Count = 0
            && followers
               |> Seq.exists (fun follower -> Array.exists idsOfEarlier.Contains follower.PrevEvents)

        HistoryPart(placed, reached, missing |> Array.map _.Key, placed.Length < inOrder.Length, leavesToEarlier)
