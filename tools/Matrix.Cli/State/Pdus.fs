/// Reads the PDUs and states of `mx state` from files.
module internal Matrix.Cli.State.Pdus

open System.Collections.Generic
open Matrix.Cli.Input
open Matrix.Cli.Output
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Core.State

/// Lists of PDUs in responses of servers: `/state`, `/event_auth`, `/backfill`, `/send_join`.
let private lists = [ "pdus"; "auth_chain"; "state" ]

/// Reads one event. Its signatures are not checked.
let private pdu (format: EventFormat) (trustsIds: bool) (place: string) (event: JsonObject) : Result<Pdu, Ending> =
    if trustsIds then
        PduFormat.ofTrusted format event |> Result.mapError (EventTexts.misfit place)
    else
        match PduFormat.ofJson format event with
        | Error(PduFault.Missing("hashes" | "hashes.sha256" | "signatures" as key)) ->
            Error(Misused $"{place}: expected `{key}` (--trust-event-ids accepts events without it)")
        | Error fault -> Error(EventTexts.misfit place fault)
        | Ok received ->
            match event.Text "event_id" with
            | NonNull claimed when claimed <> received.EventId ->
                Error(
                    Misused
                        $"{place}: `event_id`: expected {received.EventId}, the event's hash, found {claimed} \
                          (--trust-event-ids accepts it)"
                )
            | _ -> Ok received.Pdu

/// Whether two events are equal apart from signatures and `unsigned`.
let private isSame (a: Pdu) (b: Pdu) : bool =
    let text (pdu: Pdu) =
        CanonicalJson.text (Json.Object pdu.Content)

    (a.Type, a.StateKey, a.Sender, a.RoomId) = (b.Type, b.StateKey, b.Sender, b.RoomId)
    && (a.OriginServerTs, a.PrevEvents, a.AuthEvents) = (b.OriginServerTs, b.PrevEvents, b.AuthEvents)
    && text a = text b

/// Reads the events of files.
let read (format: EventFormat) (trustsIds: bool) (files: string list) : Result<Pdu[], Ending> =
    let ofItem (item: EventTexts.Item) =
        match item.Value with
        | Json.Object event -> pdu format trustsIds item.Place event
        | _ -> Error(Misused $"{item.Place}: expected an event, which is an object")

    // If identifiers are trusted, two events may claim the same one.
    let named = Dictionary<string, Pdu>()

    let once (item: EventTexts.Item) (pdu: Pdu) : Result<Pdu, Ending> =
        match named.TryGetValue pdu.EventId with
        | true, other when (trustsIds || format.AssignsIds) && not (isSame other pdu) ->
            Error(Misused $"{item.Place}: `event_id`: expected a unique id: another event has {pdu.EventId} too")
        | _ ->
            named[pdu.EventId] <- pdu
            Ok pdu

    files
    |> Ending.all (fun file ->
        EventTexts.read (Some file)
        |> Result.bind (EventTexts.items lists)
        |> Result.bind (Ending.all (fun item -> ofItem item |> Result.bind (once item))))
    |> Result.map (List.concat >> Array.ofList)

/// An entry of a state, and the event if the file has all of it.
type private Entry = { Id: string; Event: Pdu option }

let private entry (format: EventFormat) (trustsIds: bool) (item: EventTexts.Item) : Result<Entry, Ending> =
    match item.Value with
    | Json.String id -> Ok { Id = id; Event = None }
    | Json.Object o when o.Has "sender" ->
        pdu format trustsIds item.Place o
        |> Result.map (fun event -> {
            Id = event.EventId
            Event = Some event
        })
    | Json.Object o ->
        match o.Text "event_id" with
        | null -> Error(Misused $"{item.Place}: expected `event_id`")
        | id -> Ok { Id = id; Event = None }
    | _ -> Error(Misused $"{item.Place}: expected an event id, an object with `event_id`, or an event")

/// Reads a state: a list of event ids, of entries as `mx state resolve` prints them, or of events, or a server's
/// response (without its `auth_chain`). Whole events in it become known.
let state
    (format: EventFormat)
    (trustsIds: bool)
    (known: Dictionary<string, Pdu>)
    (file: string)
    : Result<StateTree, Ending> =
    let read =
        EventTexts.read (Some file)
        |> Result.bind (EventTexts.items [ "pdu_ids"; "pdus"; "state" ])
        |> Result.bind (Ending.all (fun item -> entry format trustsIds item |> Result.map (fun e -> item, e)))

    match read with
    | Error ending -> Error ending
    | Ok entries ->
        for _, e in entries do
            e.Event
            |> Option.iter (fun event -> known.TryAdd(event.EventId, event) |> ignore)

        ((Ok StateTree.Empty), entries)
        ||> List.fold (fun tree (item, e) ->
            match tree, known.TryGetValue e.Id with
            | Error ending, _ -> Error ending
            | Ok _, (false, _) -> Error(Misused $"{item.Place}: expected an event of --pdus: {e.Id} is not among them")
            | Ok(tree: StateTree), (true, event) ->
                match event.StateKey with
                | null -> Error(Misused $"{item.Place}: expected a state event: {e.Id} has no `state_key`")
                | key ->
                    match tree.Find(event.Type, key) with
                    | NonNull other when other.EventId <> e.Id ->
                        Error(
                            Misused
                                $"{item.Place}: expected one event of ({event.Type}, {key}): {other.EventId} is another"
                        )
                    | _ -> Ok(tree.Set(StateEntry.Of(event.Type, key, e.Id, 0u))))
