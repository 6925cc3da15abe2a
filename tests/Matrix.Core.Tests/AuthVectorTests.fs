/// Decisions written by hand from the versions' pages; `tests/vectors/FORMAT.md` describes the file.
module Matrix.Core.Tests.AuthVectorTests

open System
open System.IO
open NUnit.Framework
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Properties.Generators
open Matrix.Properties.Reference

let private file =
    lazy
        (let bytes =
            File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "vectors", "authorization", "decisions.json"))

         match JsonReader.ParseObject(ReadOnlySpan<byte> bytes, Reading.Client, JsonLimits.federationBody) with
         | Ok o -> o
         | Error e -> failwith $"{e}")

let private items (json: Json) : Json list =
    match json with
    | Json.Array items -> List.ofArray items
    | _ -> failwith "a list is expected"

let private asObject (json: Json) : JsonObject =
    match json with
    | Json.Object o -> o
    | _ -> failwith "an object is expected"

let private asText (json: Json) : string =
    match json with
    | Json.String s -> s
    | _ -> failwith "a text is expected"

let private texts (json: Json) = items json |> List.map asText

let private maybe (key: string) (o: JsonObject) : Json option =
    match o.TryFind key with
    | ValueSome json -> Some json
    | ValueNone -> None

let private createId = "$create"

/// An event of a vector. Its identifier says what it is; the create event's is fixed, since rooms of version 12 are named by it.
let private eventOf (version: RoomVersion) (room: string) (prev: string list) (json: JsonObject) : Pdu =
    let eventType = Vectors.textOf "type" json
    let key = Vectors.text "state_key" json

    Draft.toPdu version {
        Id =
            if eventType = "m.room.create" then
                createId
            else
                $"${eventType}-{key}"
        Room = room
        Sender = Vectors.textOf "sender" json
        Type = eventType
        StateKey = Option.ofObj key
        Content = [ for struct (k, v) in (asObject (Vectors.get "content" json)).Members -> k, v ]
        Prev = prev
        Auth = []
        Redacts = Option.ofObj (Vectors.text "redacts" json)
        Time = 1L
        Depth = 1L
    }

let private keysOf (json: Json) : (string * string) list =
    items json
    |> List.map (fun pair ->
        match texts pair with
        | [ eventType; key ] -> eventType, key
        | _ -> failwith "a type and a state key are expected")

let private stateOf (version: RoomVersion) (case: JsonObject) : Map<string * string, Pdu> =
    let room = Draft.roomOf version createId

    let put (state: Map<string * string, Pdu>) (json: Json) =
        let event = eventOf version room [] (asObject json)
        state.Add((event.Type, string event.StateKey), event)

    let from =
        (Map.empty, items (Vectors.get version.Id (asObject (Vectors.get "rooms" file.Value))))
        ||> List.fold put

    let less =
        match maybe "only" case, maybe "without" case with
        | Some only, _ -> from |> Map.filter (fun key _ -> List.contains key (keysOf only))
        | None, Some without -> from |> Map.filter (fun key _ -> not (List.contains key (keysOf without)))
        | None, None -> from

    (less, maybe "with" case |> Option.map items |> Option.defaultValue [])
    ||> List.fold put

let private elsewhere (version: RoomVersion) (event: Pdu) : Pdu =
    Draft.toPdu version {
        Draft.state event.Sender event.Type (string event.StateKey) [] with
            Room = "!elsewhere:one"
    }

let private question (version: RoomVersion) (rules: AuthRules) (case: JsonObject) : AuthCase =
    let state = stateOf version case

    let room =
        match maybe "room_id" case with
        | Some room -> asText room
        | None -> Draft.roomOf version createId

    let prev =
        match maybe "prev_events" case with
        | Some ids -> texts ids
        | None -> [ "$last" ]

    let event = eventOf version room prev (asObject (Vectors.get "event" case))

    let keys name =
        maybe name case |> Option.map keysOf |> Option.defaultValue []

    let rejected, foreign = keys "cites_rejected", keys "cites_elsewhere"

    let cited =
        match maybe "cites" case with
        | Some keys -> keysOf keys |> List.map (fun key -> state[key])
        | None -> AuthCase.selected rules event state

    let listed name =
        maybe name case
        |> Option.map (texts >> Array.ofList)
        |> Option.defaultValue [||]

    {
        Version = version
        Event = event
        State = state
        Facts = {
            AuthEvents = [|
                for e in cited @ (keys "cites_also" |> List.map (fun key -> state[key])) do
                    let key = e.Type, string e.StateKey

                    {
                        Event = if List.contains key foreign then elsewhere version e else e
                        Rejected = List.contains key rejected
                    }
            |]
            Signers = listed "signers"
            ThirdPartyKeys = listed "third_party_keys"
            HasRoomId = maybe "has_room_id" case = Some(Json.Bool true)
        }
    }

let private versionsOf (case: JsonObject) : RoomVersion list =
    Vectors.get "versions" case
    |> texts
    |> List.map (fun id ->
        match Versions.tryFind id with
        | Some version -> version
        | None -> failwith $"there is no version {id}")

let private all: (JsonObject * RoomVersion) list =
    Vectors.get "cases" file.Value
    |> items
    |> List.map asObject
    |> List.collect (fun case -> versionsOf case |> List.map (fun version -> case, version))

let private rulesOf =
    let known =
        dict [ for v in [ Versions.v10; Versions.v11; Versions.v12 ] -> v.Id, AuthRules v ]

    fun (version: RoomVersion) -> known[version.Id]

let private decisions =
    all
    |> List.map (fun (case, version) ->
        let name = (Vectors.textOf "name" case).Replace('"', '\'')
        TestCaseData(case, version).SetName $"Version {version.Id}: {name}")

let private expect (case: JsonObject) (decision: Decision) =
    let clause = Vectors.textOf "clause" case

    match maybe "reason" case, decision with
    | None, Decision.Allowed by -> Assert.That(by, Is.EqualTo clause)
    | Some reason, Decision.Rejected failure ->
        Assert.That($"%A{failure.Reason}", Is.EqualTo(asText reason))
        Assert.That(failure.Clause, Is.EqualTo clause)

        match maybe "entry" case with
        | Some entry -> Assert.That(failure.Entry, Is.EqualTo(asText entry))
        | None -> ()

        Assert.That(Failures.render failure, Does.Contain failure.Clause)
    | _ -> Assert.Fail $"%A{decision}"

    Assert.That((Vectors.get "allowed" case = Json.Bool decision.IsOk), Is.True)

[<TestCaseSource(nameof decisions)>]
let Decision (case: JsonObject, version: RoomVersion) =
    let rules = rulesOf version
    let asked = question version rules case
    expect case (AuthCase.decide rules asked)
    expect case (AuthReference.decide asked)

[<TestCase("10")>]
[<TestCase("11")>]
[<TestCase("12")>]
let ``The vectors tell every rule from its absence and from one that always holds`` (id: string) =
    let version = Versions.tryFind id |> Option.get
    let rules = rulesOf version

    let asked =
        all
        |> List.filter (fun (_, v) -> v.Id = id)
        |> List.map (fun (case, v) -> question v rules case)

    let right = asked |> List.map (AuthCase.decide rules)

    let always rule =
        match rule with
        | Rule.Scope(head, _, inside) -> Some(Rule.Scope(head, Condition.Always, inside))
        | Rule.Clause(head, condition, outcome, parts) when condition <> Condition.Always ->
            Some(Rule.Clause(head, Condition.Always, outcome, parts))
        | Rule.Iff(head, applies, _, reason) -> Some(Rule.Iff(head, applies, Condition.Always, reason))
        | _ -> None

    let slips = [
        for rule in Rule.all version.Authorization do
            let name = Rule.name rule

            // Rules that always apply are not told from being always tried; the last of all cannot be left out.
            if name <> "otherwise" then
                $"without {name}", Edit.Remove name

            match always rule with
            | Some replacement when replacement <> rule -> $"{name} always", Edit.Replace(name, replacement)
            | _ -> ()
    ]

    let undetected = [
        for name, slip in slips do
            let mutant =
                AuthRules {
                    version with
                        Authorization = Rule.edit slip version.Authorization
                }

            if List.forall2 (fun case decision -> AuthCase.decide mutant case = decision) asked right then
                name
    ]

    Assert.That(undetected, Is.Empty)
