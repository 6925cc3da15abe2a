namespace Matrix.Properties.Properties

open System.Collections.Generic
open FsCheck
open FsCheck.FSharp
open Matrix.Rules
open Matrix.Core.Event
open Matrix.Core.Room.Incoming.Protocol
open Matrix.Core.Room.Incoming.Fetching
open Matrix.Properties
open Matrix.Properties.Generators

/// Pages of history that servers return, which lack some events of the graph.
[<RequireQualifiedAccess>]
module HistoryProperties =

    /// A graph, the last event of which is here, those that name missing events of a place further down, for each of
    /// the others where it is, and how many previous events those of a page may name.
    type private Drawn = {
        Events: Pdu[]
        Earlier: int list
        Places: int[]
        EarlierBound: int
        MostNamed: int
    }

    let private isReturned place = place < 5
    let private isHere place = place >= 4 && place < 6
    let private isBounded place = place = 7

    let private event (earlier: Pdu list) (after: int list) : Pdu =
        let previous =
            after
            |> List.map (fun back -> earlier[back % earlier.Length])
            |> List.distinctBy _.EventId

        Draft.toPdu Versions.v11 {
            Draft.message "@a:one" "m.room.message" [] with
                Id = $"${earlier.Length}"
                Prev = previous |> List.map _.EventId
                Depth = 1L + (previous |> List.map _.Depth |> List.max)
        }

    let private first =
        Draft.toPdu Versions.v11 {
            Draft.message "@a:one" "m.room.message" [] with
                Id = "$0"
                Prev = []
        }

    let private drawn: Gen<Drawn> =
        gen {
            let! count = Gen.choose (2, 16)

            let! links =
                Gen.listOfLength
                    count
                    (Gen.listOfLength 2 (Gen.frequency [ 3, Gen.choose (0, 1); 2, Gen.choose (0, 9) ]))

            let! places = Gen.arrayOfLength (count + 1) (Gen.choose (0, 7))
            let! mostNamed = Gen.choose (0, 20)
            let! earlierCount = Gen.choose (0, 2)
            let! earlier = Gen.listOfLength earlierCount (Gen.choose (1, count - 1))
            let! earlierBound = Gen.choose (0, 2)

            let events =
                ([ first ], links)
                ||> List.fold (fun newestFirst after -> event newestFirst after :: newestFirst)

            return {
                Events = events |> List.rev |> List.toArray
                Earlier = earlier
                Places = [|
                    for n, place in Array.indexed places do
                        if List.contains n earlier then 5 else place
                |]
                EarlierBound = earlierBound
                MostNamed = mostNamed
            }
        }

    let private received (pdu: Pdu) : ReceivedEvent = {
        Pdu = pdu
        HashHolds = true
        HasRoomId = true
        RequiredSigners = [||]
        AuthorisingServer = ""
        Signatures = [||]
    }

    /// The events before one, by these steps down.
    let private before (previous: Pdu -> seq<string>) (byId: Map<string, Pdu>) (start: Pdu) : Set<string> =
        let rec walk (met: Set<string>) (ids: string list) =
            match ids with
            | [] -> met
            | id :: rest when met.Contains id -> walk met rest
            | id :: rest -> walk (met.Add id) (List.ofSeq (previous byId[id]) @ rest)

        walk Set.empty (List.ofSeq start.PrevEvents)

    let private inOrder =
        Property.forAll
            "room.history.page-keeps-the-order"
            "No event of a page gets its place while an event that comes after it may be missing, or is left for the \
             next page or for a place further down; all others do, and none of them is here already. They name no \
             more events than they may, unless there is one only."
            drawn
            (fun drawn ->
                let byId = Map [ for pdu in drawn.Events -> pdu.EventId, pdu ]
                let follower = Array.last drawn.Events
                let earlier = [| for n in drawn.Earlier -> drawn.Events[n] |]

                let placed =
                    Array.zip drawn.Events[.. drawn.Events.Length - 2] drawn.Places[.. drawn.Events.Length - 2]

                let returned = [|
                    for pdu, place in placed do
                        if isReturned place then
                            received pdu
                |]

                let here =
                    Set [
                        for pdu, place in placed do
                            if isHere place then
                                pdu.EventId
                    ]

                // What a server left out may be as deep as its bound.
                let bounds =
                    Dictionary<string, int64>(
                        dict [
                            for pdu, place in placed do
                                if isBounded place then
                                    pdu.EventId, pdu.Depth
                        ]
                    )

                let below = before (fun pdu -> Seq.ofArray pdu.PrevEvents) byId

                // What lies before an event that is here belongs to the place of that event.
                let upTo (stops: Set<string>) =
                    before
                        (fun pdu ->
                            if stops.Contains pdu.EventId then
                                Seq.empty
                            else
                                Seq.ofArray pdu.PrevEvents)
                        byId

                let furtherDown = earlier |> Seq.map (upTo here) |> Set.unionMany

                let isReturned =
                    let ids = Set [ for each in returned -> each.Pdu.EventId ]
                    fun id -> ids.Contains id && not (here.Contains id)

                let ofEarlier =
                    earlier
                    |> Seq.map (
                        before
                            (fun pdu ->
                                if isReturned pdu.EventId then
                                    Seq.ofArray pdu.PrevEvents
                                else
                                    Seq.empty)
                            byId
                    )
                    |> Set.unionMany
                    |> Set.filter isReturned

                // What is missing further down may be as deep as its bound, or is not waited for.
                let missingFurtherDown = furtherDown - here - ofEarlier
                let isReleased = drawn.EarlierBound = 2

                let earlierBound =
                    match drawn.EarlierBound with
                    | 0 -> System.Int64.MaxValue
                    | 1 when not missingFurtherDown.IsEmpty ->
                        missingFurtherDown |> Seq.map (fun id -> byId[id].Depth) |> Seq.max
                    | _ -> System.Int64.MinValue

                let page = HistoryPage.Of([| follower |], earlier, returned)
                let part = page.Newest(HashSet<string> here, bounds, earlierBound, drawn.MostNamed)
                let taken = Set [ for each in part.Events -> each.Pdu.EventId ]
                let ofPage = Set [ for each in page.Events -> each.Pdu.EventId ]
                let reached = Set [ for each in part.Reached -> each.Pdu.EventId ]

                let missing =
                    let ofPlace = upTo (here + ofEarlier) follower - here - reached - ofEarlier

                    if isReleased then ofPlace else ofPlace + missingFurtherDown

                let toFollow = Set follower.PrevEvents - here

                let isOfPlace id =
                    ofPage.Contains id && not (here.Contains id || ofEarlier.Contains id)

                // What only a missing event leads to waits for it.
                let ofPlace =
                    follower
                    |> before
                        (fun pdu ->
                            if isOfPlace pdu.EventId then
                                Seq.ofArray pdu.PrevEvents
                            else
                                Seq.empty)
                        byId
                    |> Set.filter isOfPlace

                let named ids =
                    ids |> Seq.sumBy (fun id -> byId[id].PrevEvents.Length)

                Set.isEmpty (Set.intersect taken (here + ofEarlier))
                && Set.isSubset taken reached
                && Set.isSubset reached ofPlace
                && missing
                   |> Set.forall (fun id -> Set.isEmpty (Set.intersect taken (below byId[id])))
                && (part.Missing.Count > 0 || part.IsHeldBack || taken = ofPlace)
                && not (part.IsHeldBack && (isReleased || missingFurtherDown.IsEmpty))
                && (reached = ofPlace || named ofPlace > drawn.MostNamed)
                && (reached.Count = 1 || named reached <= drawn.MostNamed)
                && (ofPlace.IsEmpty || not reached.IsEmpty)
                && part.LeavesToEarlier = (ofPlace.IsEmpty && not (Set.intersect toFollow ofEarlier).IsEmpty)
                && (part.Missing.Count > 0
                    || not part.LeavesToEarlier
                    || Set.isSubset toFollow ofEarlier))

    /// A graph, how many events a server returns, and whether it has each event.
    type private Served = {
        Graph: Pdu[]
        Limit: int
        Has: bool[]
    }

    let private served: Gen<Served> =
        gen {
            let! drawn = drawn
            let! limit = Gen.choose (1, 12)

            let! has =
                Gen.arrayOfLength drawn.Events.Length (Gen.frequency [ 4, Gen.constant true; 1, Gen.constant false ])

            return {
                Graph = drawn.Events
                Limit = limit
                Has = has
            }
        }

    let private leftOut =
        Property.forAll
            "room.history.what-a-server-left-out-is-not-deeper"
            "An event that a server has, and did not return since its page was full, is no deeper than its bound. Of a \
             server that returned everything before those of its page, no other event is expected."
            served
            (fun served ->
                let byId = Map [ for pdu in served.Graph -> pdu.EventId, pdu ]

                let has =
                    Set [
                        for pdu, has in Array.zip served.Graph served.Has do
                            if has then
                                pdu.EventId
                    ]

                let requested =
                    (Array.last served.Graph).PrevEvents |> Array.append [| "$unknown" |]

                let rec walk (found: Pdu list) (next: Set<string>) =
                    let known =
                        next |> Set.filter has.Contains |> Seq.map (fun id -> byId[id]) |> Seq.toList

                    match known |> List.sortBy (fun pdu -> -pdu.Depth) with
                    | deepest :: _ when found.Length < served.Limit ->
                        let previous = Set deepest.PrevEvents
                        let found = deepest :: found
                        let met = Set [ for pdu in found -> pdu.EventId ]
                        walk found (Set.union next previous - met)
                    | _ -> found

                let returned = walk [] (Set requested)

                let absent =
                    HistoryPage.Absent(requested, [| for pdu in returned -> received pdu |])

                let ids = Set [ for pdu in returned -> pdu.EventId ]

                let isWhole =
                    returned |> List.forall (fun pdu -> pdu.PrevEvents |> Array.forall ids.Contains)

                Set absent.Keys = Set requested - ids
                && absent
                   |> Seq.forall (fun each ->
                       (each.Value = System.Int64.MinValue) = isWhole
                       && (not (has.Contains each.Key) || byId[each.Key].Depth <= each.Value)))

    let all: Property list = [ inOrder; leftOut ]
