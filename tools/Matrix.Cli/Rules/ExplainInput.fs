/// Reads the question of `mx rules explain` from files: an event, its auth events and the state.
module internal Matrix.Cli.Rules.ExplainInput

open System
open Matrix.Cli.Input
open Matrix.Cli.Output
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Properties.Generators
open Matrix.Rules

/// An event as in the file, read loosely, so that one file can be decided in every version.
type Given = {
    Place: string
    Json: JsonObject
    Type: string
    Sender: string
    StateKey: string option
    Content: JsonObject
    RoomId: string option
    EventId: string option
    Prev: string list
    Auth: string list
}

/// The event to decide, with its auth events and state.
type ExplainInput = {
    Event: Given
    Auth: Given list
    /// The state before the event; without one, the auth events.
    State: Given list
}

let private text (place: string) (o: JsonObject) (key: string) : Result<string option, Ending> =
    match o.TryFind key with
    | ValueNone -> Ok None
    | ValueSome(Json.String s) -> Ok(Some s)
    | ValueSome _ -> Error(Misused $"{place}: `{key}`: expected a string")

let private needed (place: string) (o: JsonObject) (key: string) : Result<string, Ending> =
    text place o key
    |> Result.bind (function
        | Some s -> Ok s
        | None -> Error(Misused $"{place}: expected `{key}`"))

/// Identifiers, or pairs of an identifier and hashes.
let private references (place: string) (o: JsonObject) (key: string) : Result<string list, Ending> =
    let one item =
        match item with
        | Json.String id -> Some id
        | Json.Array [| Json.String id; Json.Object _ |] -> Some id
        | _ -> None

    match o.TryFind key with
    | ValueNone -> Ok []
    | ValueSome(Json.Array items) when items |> Array.forall (one >> Option.isSome) ->
        Ok [ for i in items -> (one i).Value ]
    | ValueSome _ -> Error(Misused $"{place}: `{key}`: expected a list of event ids")

let private given (item: EventTexts.Item) : Result<Given, Ending> =
    let place = item.Place

    match item.Value with
    | Json.Object o ->
        match needed place o "type", needed place o "sender", text place o "state_key", text place o "room_id" with
        | Error e, _, _, _
        | _, Error e, _, _
        | _, _, Error e, _
        | _, _, _, Error e -> Error e
        | Ok eventType, Ok sender, Ok key, Ok room ->
            match
                o.TryFind "content",
                text place o "event_id",
                references place o "prev_events",
                references place o "auth_events"
            with
            | _, Error e, _, _
            | _, _, Error e, _
            | _, _, _, Error e -> Error e
            | _, Ok(Some ""), _, _ -> Error(Misused $"{place}: `event_id`: expected an event id: this one is empty")
            | ValueSome(Json.Object content), Ok id, Ok prev, Ok auth ->
                Ok {
                    Place = place
                    Json = o
                    Type = eventType
                    Sender = sender
                    StateKey = key
                    Content = content
                    RoomId = room
                    EventId = id
                    Prev = prev
                    Auth = auth
                }
            | _ -> Error(Misused $"{place}: `content`: expected an object")
    | _ -> Error(Misused $"{place}: expected an event, which is an object")

let private lists = [ "pdus"; "auth_chain"; "state" ]

let private ofFile (file: string) : Result<Given list, Ending> =
    EventTexts.read (Some file)
    |> Result.bind (EventTexts.items lists)
    |> Result.bind (Ending.all given)

let private ofFiles (files: string list) : Result<Given list, Ending> =
    files |> Ending.all ofFile |> Result.map List.concat

/// Reads the files.
let read (event: string) (auth: string list) (state: string list) : Result<ExplainInput, Ending> =
    match ofFile event, ofFiles auth, ofFiles state with
    | Error e, _, _
    | _, Error e, _
    | _, _, Error e -> Error e
    | Ok [ event ], Ok auth, Ok before ->
        let isState (g: Given) = g.StateKey.IsSome

        match before |> List.tryFind (isState >> not) with
        | Some other -> Error(Misused $"{other.Place}: expected a state event: it has no `state_key`")
        | None ->
            Ok {
                Event = event
                Auth = auth
                State = if state.IsEmpty then List.filter isState auth else before
            }
    | Ok events, _, _ -> Error(Misused $"{event}: expected one event, found {events.Length}")

let private idOf (version: RoomVersion) (g: Given) : string =
    match g.EventId with
    | Some id -> id
    | None ->
        let hash = PduFormat.referenceHash (EventFormat version) g.Json

        let spelt =
            (UnpaddedBase64.encode (ReadOnlySpan<byte> hash)).Replace('+', '-').Replace('/', '_')

        "$" + spelt

/// The servers that signed an event. Signatures count as valid, because there are no keys. An event without signatures
/// counts as signed by its sender's server.
let private signers (g: Given) : string[] =
    match g.Json.TryFind "signatures" with
    | ValueSome(Json.Object all) when all.Count > 0 -> [| for i in 0 .. all.Count - 1 -> all.Key i |]
    | _ -> [| g.Sender.Substring(g.Sender.IndexOf ':' + 1) |]

/// The public keys, from the third-party invite that the token names, that verify a signature in
/// `third_party_invite.signed`.
let private verifiedKeys (g: Given) (state: Given list) : string[] =
    let inside (o: JsonObject) key =
        match o.TryFind key with
        | ValueSome(Json.Object inner) -> Some inner
        | _ -> None

    match
        inside g.Content "third_party_invite"
        |> Option.bind (fun o -> inside o "signed")
    with
    | None -> [||]
    | Some signed ->
        let message = SignedJson.bytesToSign signed
        let signatures = SignedJson.signatures signed

        let invitation =
            state
            |> List.tryFind (fun s ->
                s.Type = "m.room.third_party_invite"
                && s.StateKey = Option.ofObj (signed.Text "token"))

        match invitation with
        | None -> [||]
        | Some invitation ->
            let pdu =
                Draft.toPdu Versions.v1 {
                    Draft.state invitation.Sender invitation.Type "" [] with
                        Content = [ for struct (k, v) in invitation.Content.Members -> k, v ]
                }

            ThirdPartyKeys.all pdu
            |> Array.filter (fun key ->
                match UnpaddedBase64.decode key with
                | null -> false
                | key ->
                    signatures
                    |> Array.exists (fun s -> VectorFiles.ed25519.Verify key message s.Bytes))

let private isCreate (g: Given) = g.Type = "m.room.create"

/// The create event, if it is given.
let private creation (input: ExplainInput) : Given option =
    input.Event :: input.Auth @ input.State
    |> List.tryFind (fun g -> isCreate g && g.StateKey = Some "")

/// A room's id where it is the hash of the create event.
let private roomOfHash (version: RoomVersion) (create: Given) : string = "!" + (idOf version create).Substring 1

let private namesByHash (version: RoomVersion) =
    version.Settings.RoomIds = RoomIdForm.HashOfCreate

/// The room's id in a version.
let private roomIn (version: RoomVersion) (input: ExplainInput) (create: Given option) : string =
    match create with
    | Some create when namesByHash version -> roomOfHash version create
    | Some create ->
        match create.RoomId with
        | Some id when id.Contains ':' -> id
        | _ -> "!room:" + create.Sender.Substring(create.Sender.IndexOf ':' + 1)
    | None -> input.Event.RoomId |> Option.defaultValue "!room:unknown"

/// Each event's room id. For all versions, the create event's room gets the id that it would have in this version.
let private roomsIn
    (version: RoomVersion)
    (translated: bool)
    (input: ExplainInput)
    (create: Given option)
    : Given -> string =
    let room = roomIn version input create

    let given =
        create
        |> Option.map (fun create -> create.RoomId |> Option.defaultWith (fun () -> roomOfHash version create))

    fun g ->
        match g.RoomId with
        | Some id when translated && Some id = given -> room
        | Some id -> id
        | None -> room

/// The question in a version. For all versions, the room gets the id that it would have in this one, and the create
/// event is an auth event if the version requires that.
let inVersion (version: RoomVersion) (translated: bool) (input: ExplainInput) : AuthCase =
    let create = creation input
    let hashed = namesByHash version
    let roomOf = roomsIn version translated input create

    let pdu (g: Given) : Pdu =
        Pdu(
            version.Id,
            idOf version g,
            roomOf g,
            g.Sender,
            g.Type,
            Option.toObj g.StateKey,
            1L,
            1L,
            g.Content,
            Array.ofList g.Prev,
            Array.ofList g.Auth,
            (match version.Settings.Redacts with
             | RedactsPlace.TopLevel -> g.Json.Text "redacts"
             | RedactsPlace.Content -> g.Content.Text "redacts"),
            [||]
        )

    let cited =
        if not translated then input.Auth
        elif hashed then input.Auth |> List.filter (isCreate >> not)
        elif input.Auth |> List.exists isCreate then input.Auth
        else Option.toList create @ input.Auth

    let before =
        (Option.toList create
         |> List.filter (fun c -> not (Object.ReferenceEquals(c, input.Event))))
        @ input.State

    {
        Version = version
        Event = pdu input.Event
        State =
            Map [
                for g in before do
                    match g.StateKey with
                    | Some key -> (g.Type, key), pdu g
                    | None -> ()
            ]
        Facts = {
            AuthEvents = [|
                for g in cited do
                    if not (isCreate input.Event) then
                        { Event = pdu g; Rejected = false }
            |]
            Signers = signers input.Event
            ThirdPartyKeys = verifiedKeys input.Event input.State
            HasRoomId = isCreate input.Event && input.Event.RoomId.IsSome && not (translated && hashed)
        }
    }
