namespace Matrix.Proofs.Universe

open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Proofs.Encoding
open Matrix.Proofs.Smt
open Matrix.Properties.Generators
open Matrix.Properties.SmallWorlds
open Matrix.Rules

/// A case that a solver found.
type FoundCase = {
    Case: AuthCase
    /// The sender of the redacted event, if the question is whether a redaction is applied.
    Redacted: string
    Weight: bigint
}

/// Writes a solver's model as a case: events, state and facts.
[<RequireQualifiedAccess>]
module ModelCase =

    /// The values of a solver's answer to `get-value`, by the term as text.
    let read (answer: string) : Map<string, Term> option =
        match Term.parse answer with
        | Some [ Term.List pairs ] ->
            Some(
                Map [
                    for pair in pairs do
                        match pair with
                        | Term.List [ term; value ] -> Term.line term, value
                        | _ -> ()
                ]
            )
        | _ -> None

    /// The values, read by their kinds.
    type private Model(values: Map<string, Term>) =

        member _.Value(term: Term) : Term option = values.TryFind(Term.line term)

        member this.IsTrue(term: Term) : bool = this.Value term = Some Term.yes

        member this.Is(name: string) : bool = this.IsTrue(Term.symbol name)

        member _.TextOf(term: Term) : string =
            match term with
            | Term.Atom name ->
                match Words.literalOf name with
                | Some text -> text
                | None ->
                    match values.TryFind name with
                    | Some(Term.Atom name) -> Words.literalOf name |> Option.defaultValue ""
                    | _ -> ""
            | term ->
                match values.TryFind(Term.line term) with
                | Some(Term.Atom name) -> Words.literalOf name |> Option.defaultValue ""
                | _ -> ""

        member this.Text(name: string) : string = this.TextOf(Term.symbol name)

        member _.All = values

    let private numberOf (term: Term) : bigint =
        match term with
        | Term.Atom digits -> bigint.Parse digits
        | Term.List [ Term.Atom "-"; Term.Atom digits ] -> -(bigint.Parse digits)
        | _ -> 0I

    /// The parts of the model that begin with a function.
    let private partsOf (name: string) (model: Model) : (Term list * Term) list = [
        for KeyValue(text, value) in model.All do
            if text.StartsWith($"({name} ", System.StringComparison.Ordinal) then
                match Term.parse text with
                | Some [ Term.List(_ :: arguments) ] -> arguments, value
                | _ -> ()
    ]

    /// The members that are read of each value, by the value's term as text.
    let private membersOf (model: Model) : Map<string, (Term * string * Term) list> =
        partsOf "get" model
        |> List.choose (fun (arguments, value) ->
            match arguments with
            | [ inner; name ] when value <> Term.Atom "absent" ->
                Some(Term.line inner, (Term.app "get" [ inner; name ], model.TextOf name, value))
            | _ -> None)
        |> List.groupBy fst
        |> List.map (fun (inner, members) -> inner, List.map snd members)
        |> Map.ofList

    let rec private jsonOf
        (model: Model)
        (members: Map<string, (Term * string * Term) list>)
        (term: Term)
        (value: Term)
        : Json =
        match value with
        | Term.Atom "no" -> Json.Bool false
        | Term.List [ Term.Atom "integer"; n ] -> Json.Int(int64 (numberOf n))
        | Term.List [ Term.Atom "text"; text ] -> Json.String(model.TextOf text)
        | Term.List [ Term.Atom "fraction"; level; id ] ->
            let part = 0.25 * (1.0 + float (numberOf id))
            let level = float (numberOf level)
            Json.Float(if level < 0.0 then level - part else level + part)
        | Term.List [ Term.Atom "other"; id ] -> if numberOf id = 0I then Json.Null else Json.Bool true
        | Term.List [ Term.Atom "list"; _ ] ->
            Json.Array [|
                for arguments, holds in partsOf "contains" model do
                    match arguments with
                    | [ list; item ] when list = term && holds = Term.yes -> Json.String(model.TextOf item)
                    | _ -> ()
                if model.Value(Term.app "lists-user-ids" [ term ]) = Some Term.no then
                    Json.Int 1L
            |]
        | Term.List(Term.Atom "object" :: _) -> Json.Object(objectOf model members [ term ])
        | _ -> Json.Null

    /// The object that these terms, which are equal, stand for.
    and private objectOf model members (terms: Term list) : JsonObject =
        let all = [
            for term in terms do
                for inner, name, value in members.TryFind(Term.line term) |> Option.defaultValue [] do
                    name, inner, value
        ]

        JsonObject.OfSeq [
            for name, same in List.groupBy (fun (name, _, _) -> name) all do
                let _, inner, value = List.head same
                struct (name, jsonOf model members inner value)
        ]

    let private keysOf (model: Model) : Json option * Json option * string list =
        let single = model.Is "plain-third-party-signed-single"
        let listed = model.Is "plain-third-party-signed-listed"

        (if single then Some(text "key-a") else None),
        (if listed then
             Some(Json.Array [| nested [ "public_key", text "key-b" ] |])
         else
             None),
        [
            if single then
                "key-a"
            if listed then
                "key-b"
        ]

    let private roomOf (version: RoomVersion) (model: Model) : string =
        match version.Settings.RoomIds with
        | RoomIdForm.WithDomain -> "!room:" + model.Text "room-domain"
        | RoomIdForm.HashOfCreate when model.Is "room-is-create" -> "!" + Universe.createId.Substring 1
        | RoomIdForm.HashOfCreate -> "!another"

    let private idOf (eventType: string) (key: string) =
        if eventType = "m.room.create" then
            Universe.createId
        else
            $"${eventType}-{key}"

    let private withMember (name: string) (value: Json option) (content: (string * Json) list) =
        match value with
        | Some value -> (content |> List.filter (fun (key, _) -> key <> name)) @ [ name, value ]
        | None -> content

    let private listOf (o: JsonObject) : (string * Json) list = [ for struct (key, value) in o.Members -> key, value ]

    /// The case of a model, in a room of a version.
    let write (version: RoomVersion) (values: Map<string, Term>) : FoundCase =
        let model = Model values
        let members = membersOf model
        let room = roomOf version model
        let single, listed, keys = keysOf model

        let places =
            [ "in-state"; "state-content"; "state-sender" ]
            |> List.collect (fun name -> partsOf name model |> List.map fst)
            |> List.choose (function
                | [ eventType; key ] -> Some((model.TextOf eventType, model.TextOf key), key)
                | _ -> None)
            |> List.distinct
            |> List.groupBy fst
            |> List.map (fun (place, keys) -> place, keys |> List.map snd |> List.distinct)

        /// The content that was read of an event of the state, under each of the names that its key has.
        let contentOf (eventType: string) (keys: Term list) =
            let terms = [
                for key in keys do
                    Term.app "state-content" [ Words.literal eventType; key ]

                if eventType = "m.room.power_levels" then
                    Words.levels
            ]

            objectOf model members terms

        let state =
            Map [
                for (eventType, key), terms in places do
                    let inState =
                        terms
                        |> List.exists (fun key -> model.IsTrue(Term.app "in-state" [ Words.literal eventType; key ]))

                    if inState then
                        let sender =
                            terms
                            |> List.tryPick (fun key ->
                                let term = Term.app "state-sender" [ Words.literal eventType; key ]
                                model.Value term |> Option.map model.TextOf)
                            |> Option.defaultValue Universe.alice

                        let content = listOf (contentOf eventType terms)

                        let content =
                            if eventType = "m.room.third_party_invite" then
                                content |> withMember "public_key" single |> withMember "public_keys" listed
                            else
                                content

                        let draft = {
                            Draft.state sender eventType key content with
                                Id = idOf eventType key
                                Room = room
                                Prev = if eventType = "m.room.create" then [] else [ "$last" ]
                        }

                        (eventType, key), Draft.toPdu version draft
            ]

        let content = listOf (objectOf model members [ Words.content ])

        let content =
            match content |> List.tryFind (fun (key, _) -> key = "room_version") with
            | Some(_, Json.String _) ->
                let id =
                    if model.Is "version-is-known" then
                        version.Id
                    else
                        "unheard-of"

                content |> withMember "room_version" (Some(text id))
            | _ -> content

        let eventId =
            if model.Is "event-id-has-domain" then
                "$event:" + model.Text "event-id-domain"
            else
                "$event"

        let draft = {
            Draft.state (model.Text "event-sender") (model.Text "event-type") "" content with
                Id = eventId
                Room = room
                StateKey =
                    if model.Is "event-has-state-key" then
                        Some(model.Text "event-state-key")
                    else
                        None
                Prev =
                    if model.Is "event-previous-is-create" then
                        [ Universe.createId ]
                    elif model.Is "event-has-previous" then
                        [ "$last" ]
                    else
                        []
                Redacts =
                    if model.Is "redacts-has-domain" then
                        Some("$redacted:" + model.Text "redacts-domain")
                    else
                        None
        }

        let cited = [|
            for arguments, isCited in partsOf "is-cited" model do
                match arguments with
                | [ c ] when isCited = Term.yes ->
                    let of' name = Term.app name [ c ]
                    let eventType = model.TextOf(of' "cited-type")
                    let key = model.TextOf(of' "cited-key")
                    let isElsewhere = model.IsTrue(of' "cited-is-elsewhere")
                    let hasKey = model.IsTrue(of' "cited-has-key")

                    let event =
                        match state.TryFind(eventType, key) with
                        | Some event when hasKey && not isElsewhere -> event
                        | _ ->
                            Draft.toPdu version {
                                Draft.state Universe.alice eventType key [] with
                                    Id = idOf eventType key + "-cited"
                                    StateKey = if hasKey then Some key else None
                                    Room = if isElsewhere then "!elsewhere:one" else room
                            }

                    ({
                        Event = event
                        Rejected = model.IsTrue(of' "cited-is-rejected")
                    }
                    : GivenAuthEvent)
                | _ -> ()
        |]

        {
            Case = {
                Version = version
                Event = Draft.toPdu version draft
                State = state
                Facts = {
                    AuthEvents = cited
                    Signers = [|
                        for server in SmallTexts.servers do
                            if model.IsTrue(Term.app "is-signed-by" [ Words.literal server ]) then
                                server
                    |]
                    ThirdPartyKeys = Array.ofList keys
                    HasRoomId = model.Is "event-has-room-id"
                }
            }
            Redacted = model.Text "redacted-sender"
            Weight =
                model.Value(Term.symbol "weight")
                |> Option.map numberOf
                |> Option.defaultValue 0I
        }
