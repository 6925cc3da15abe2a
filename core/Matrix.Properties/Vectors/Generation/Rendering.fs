namespace Matrix.Properties.Vectors.Generation

open System.Collections.Generic
open System.Text
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Properties.SmallWorlds
open Matrix.Properties.Generators
open Matrix.Properties.Vectors
open Matrix.Rules

/// Picked cases as a file of vectors, where each room, event and case occurs once.
[<Sealed>]
type internal Rendering(about: string, kind: string) =

    // Names of events by their text without the room.
    let names = Dictionary<string, string>()
    let taken = HashSet<string>()
    // By version, in the order of addition.
    let rooms = Dictionary<string, string * List<string * JsonObject>>()
    let versions = List<string>()
    let cases = Dictionary<string, JsonObject * List<string>>()
    let order = List<string>()

    let canonical (o: JsonObject) = CanonicalJson.text (Json.Object o)

    let texts (items: string seq) =
        Json.Array [| for item in items -> Json.String item |]

    let shortName (event: Pdu) =
        match event.Type with
        | "m.room.create" -> "create"
        | "m.room.power_levels" -> "levels"
        | "m.room.join_rules" -> "rules"
        | "m.room.third_party_invite" -> "invitation"
        | "m.room.member" -> Universe.nameOf (string event.StateKey)
        | other -> other.Substring(other.LastIndexOf '.' + 1)

    /// An event of the room `room`, without members that files omit.
    let written (version: RoomVersion) (room: string) (hasRoomId: bool) (event: Pdu) : JsonObject =
        let isCreate = event.Type = "m.room.create"

        let namesRoom =
            if isCreate && version.Settings.RoomIds = RoomIdForm.HashOfCreate then
                hasRoomId
            else
                event.RoomId <> room

        members [
            "type", Json.String event.Type
            "sender", Json.String event.Sender

            match event.StateKey with
            | null -> ()
            | key -> "state_key", Json.String key

            "content", Json.Object event.Content

            if namesRoom then
                "room_id", Json.String event.RoomId

            match event.Redacts with
            | NonNull redacts when version.Settings.Redacts = RedactsPlace.TopLevel -> "redacts", Json.String redacts
            | _ -> ()
        ]

    let withMember key value (o: JsonObject) =
        JsonObject.OfSeq(Seq.append o.Members [ struct (key, value) ])

    let unversioned (version: RoomVersion) (o: JsonObject) =
        (canonical o)
            .Replace($"\"room_version\":\"{version.Id}\"", "\"room_version\":\"\"")
            .Replace("!create", "!room:one")

    let roomOf (version: RoomVersion) =
        match rooms.TryGetValue version.Id with
        | true, room -> room
        | _ ->
            let room = Draft.roomOf version Universe.createId, List()
            rooms[version.Id] <- room
            versions.Add version.Id
            room

    /// The name of an event in the room of its version. `twin`: of a rejected event with the same content.
    let named (version: RoomVersion) (twin: bool) (event: Pdu) : string =
        let room, events = roomOf version

        let json =
            let plain = written version room false event

            if event.Type = "m.room.create" then
                withMember "event_id" (Json.String(event.EventId + (if twin then "-rejected" else ""))) plain
            else
                plain

        let key = (if twin then "rejected " else "") + unversioned version json

        let name =
            match names.TryGetValue key with
            | true, name -> name
            | _ ->
                let short = (if twin then "rejected-" else "") + shortName event

                let name =
                    Seq.initInfinite (fun i -> if i = 0 then short else $"{short}.{i + 1}")
                    |> Seq.find taken.Add

                names[key] <- name
                name

        if not (events.Exists(fun (n, _) -> n = name)) then
            events.Add(name, json)

        name

    /// Why a vector is optional: a decision record, or a state that no room reaches; "" if it is not.
    let left (version: RoomVersion) (case: AuthCase) (decision: Decision) : string =
        let reading =
            Rule.all version.Authorization
            |> List.tryPick (fun rule ->
                if Rule.name rule = decision.Clause then
                    (Rule.head rule).Reading
                else
                    None)

        let hasCreate = case.State.ContainsKey("m.room.create", "")

        match reading with
        | Some decision -> $"decision {decision}"
        | None when case.Event.Type <> "m.room.create" && not hasCreate && not case.State.IsEmpty ->
            "no room comes to this state, which has no create event"
        | None -> ""

    /// An answer without empty entries.
    let expected (decision: Decision) : (string * Json) list = [
        for struct (key, value) in (Vectors.ofDecision decision).Members do
            if value <> Json.String "" then
                key, value
    ]

    // One case or event per line, for readable diffs.
    let line (text: StringBuilder) (indent: int) (last: bool) (body: string) =
        text.Append(' ', indent).Append(body).Append(if last then "\n" else ",\n")
        |> ignore

    /// A case in the form of its file.
    let add (version: RoomVersion) (body: (string * Json) list) (near: string list) (decision: Decision) =
        let body =
            members [
                yield! body

                if not near.IsEmpty then
                    "near", texts near

                yield! expected decision
            ]

        let key = canonical body

        match cases.TryGetValue key with
        | true, (_, versions) -> versions.Add version.Id
        | _ ->
            cases[key] <- (body, List [ version.Id ])
            order.Add key

    /// The event in question, as its file has it.
    let question (version: RoomVersion) (case: AuthCase) : JsonObject =
        let room, _ = roomOf version
        let event = case.Event

        written version room case.Facts.HasRoomId event
        |> if event.EventId = "$event" then
               id
           else
               withMember "event_id" (Json.String event.EventId)
        |> if event.PrevEvents = [| "$last" |] then
               id
           else
               withMember "prev_events" (texts event.PrevEvents)

    /// Adds a decision of the authorization rules, in the room of a version.
    member _.Add(version: RoomVersion, name: string, near: string list, case: AuthCase, decision: Decision) : unit =
        let event = case.Event
        let state = [ for e in case.State.Values -> named version false e ]

        // State holds no rejected event: the rejected one is another event of the same type and state key.
        let isTwin (cited: GivenAuthEvent) =
            cited.Rejected
            && case.State.Values
               |> Seq.exists (fun e -> e.EventId = cited.Event.EventId && e.RoomId = cited.Event.RoomId)

        let cited = [
            for c in case.Facts.AuthEvents -> named version (isTwin c) c.Event, c.Rejected
        ]

        add
            version
            [
                "name", Json.String name
                "state", texts state
                "event", Json.Object(question version case)
                "auth_events", texts (List.map fst cited)

                match cited |> List.filter snd with
                | [] -> ()
                | rejected -> "rejected", texts (rejected |> List.map fst |> List.distinct)

                match left version case decision with
                | "" -> ()
                | where -> "optional", Json.String where

                if event.Content.Has "join_authorised_via_users_server" then
                    "signers",
                    case.Facts.Signers
                    |> Seq.filter (fun signer ->
                        not (event.Sender.EndsWith(":" + signer, System.StringComparison.Ordinal)))
                    |> texts

                if event.Content.Has "third_party_invite" then
                    "third_party_keys", texts case.Facts.ThirdPartyKeys
            ]
            near
            decision

    /// Adds the verdict on a redaction of an event of this user.
    member _.AddRedaction
        (
            version: RoomVersion,
            name: string,
            near: string list,
            asks: RedactionQuestion,
            case: AuthCase,
            redactedSender: string,
            decision
        ) : unit =
        let redacted =
            members [
                "event_id", Json.String(string case.Event.Redacts)
                "type", Json.String "m.room.message"
                "sender", Json.String redactedSender
                "content", Json.Object JsonObject.Empty
            ]

        add
            version
            [
                "name", Json.String name
                "asks", Json.String asks.Word
                "state", texts [ for e in case.State.Values -> named version false e ]
                "event", Json.Object(question version case)
                "redacted", Json.Object redacted
            ]
            near
            decision

    /// The file.
    member _.Text: string =
        let text = StringBuilder()
        let quoted (s: string) = CanonicalJson.text (Json.String s)
        text.Append("{\n") |> ignore
        line text 1 false $"\"about\": {quoted about}"
        line text 1 false $"\"kind\": {quoted kind}"
        text.Append(" \"rooms\": {\n") |> ignore

        versions
        |> Seq.iteri (fun i version ->
            let room, events = rooms[version]

            text.Append($"  {quoted version}: {{\"room_id\": {quoted room}, \"events\": {{\n")
            |> ignore

            events
            |> Seq.iteri (fun j (name, json) -> line text 3 (j = events.Count - 1) $"{quoted name}: {canonical json}")

            line text 2 (i = versions.Count - 1) "}}")

        text.Append(" },\n \"cases\": [\n") |> ignore

        order
        |> Seq.iteri (fun i key ->
            let body, versions = cases[key]
            line text 2 (i = order.Count - 1) (canonical (withMember "versions" (texts versions) body)))

        text.Append(" ]\n}\n").ToString()
