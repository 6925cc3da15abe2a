namespace Matrix.Core.StateRes

open System.Collections.Generic
open Matrix.Core.Auth
open Matrix.Core.Event

/// Events in memory as a source of resolutions. Heights and the index of auth events are computed as events are added.
[<Sealed>]
type EventGraph(rules: AuthRules) =

    let events = Dictionary<string, SourcedEvent>()
    // The newest event is last.
    let citing = Dictionary<string, List<string>>()

    /// Adds an event after its auth events, so that there can be no cycle. An event that was added before stays as it
    /// is, even if another one comes under its id.
    member _.Add(pdu: Pdu, rejected: bool) : Result<unit, ResolutionError> =
        let mutable height = 0
        let mutable missing: string | null = null

        for id in pdu.AuthEvents do
            match events.TryGetValue id with
            | true, cited -> height <- max height (cited.Height + 1)
            | _ -> missing <- id

        match missing with
        | null ->
            if
                events.TryAdd(pdu.EventId, SourcedEvent(rules.Read pdu, rejected, height))
                && pdu.IsState
            then
                for id in Seq.distinct pdu.AuthEvents do
                    match citing.TryGetValue id with
                    | true, list -> list.Add pdu.EventId
                    | _ -> citing.Add(id, List<string> [ pdu.EventId ])

            Ok()
        | id when id = pdu.EventId -> Error(ResolutionError.OutOfOrder(pdu.EventId, id))
        | id -> Error(ResolutionError.AuthEventMissing(pdu.EventId, id))

    /// The graph of these events and everything in their auth chains. `find` returns an event by its id; null if it is
    /// not known.
    static member Of
        (rules: AuthRules, find: string -> Pdu | null, roots: seq<string>)
        : Result<EventGraph, ResolutionError> =
        let graph = EventGraph rules
        let met = HashSet<string>()
        // Depth first: an event is added after all its auth events. The path holds the events that are not added yet.
        let path = Stack<struct (Pdu * int)>()
        let mutable fault: ResolutionError voption = ValueNone

        let enter (id: string) (missing: string -> ResolutionError) =
            match find id with
            | null -> fault <- ValueSome(missing id)
            | pdu ->
                met.Add id |> ignore
                path.Push(struct (pdu, 0))

        for root in roots do
            if fault.IsNone && not (met.Contains root) then
                enter root ResolutionError.EventMissing

            while path.Count > 0 && fault.IsNone do
                let struct (pdu, next) = path.Pop()

                if next = pdu.AuthEvents.Length then
                    match graph.Add(pdu, false) with
                    | Ok() -> ()
                    | Error error -> fault <- ValueSome error
                else
                    path.Push(struct (pdu, next + 1))
                    let cited = pdu.AuthEvents[next]

                    if not (met.Contains cited) then
                        enter cited (fun missing -> ResolutionError.AuthEventMissing(pdu.EventId, missing))
                    elif isNull (graph.Find cited) then
                        // Met and not added: it is on the path.
                        fault <- ValueSome(ResolutionError.OutOfOrder(pdu.EventId, cited))

        match fault with
        | ValueSome error -> Error error
        | ValueNone -> Ok graph

    /// The event with this id; null if there is none.
    member _.Find(eventId: string) : SourcedEvent | null =
        match events.TryGetValue eventId with
        | true, event -> event
        | _ -> null

    /// The number of events.
    member _.Count = events.Count

    interface IEventSource with
        member this.Find eventId = this.Find eventId

        member _.Citing eventId =
            match citing.TryGetValue eventId with
            | true, list ->
                seq {
                    for i in list.Count - 1 .. -1 .. 0 do
                        list[i]
                }
            | _ -> Seq.empty
