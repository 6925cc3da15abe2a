namespace Matrix.Properties.Simulation

open System
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Core.Room
open Matrix.Core.State
open Matrix.Properties.Generators

/// The room of one run: its version, its rules, its users.
type SimulatedRoom = {
    Rules: AuthRules
    Format: EventFormat
    /// "" until the create event is made, where it names the room.
    RoomId: string
    Servers: string[]
} with

    /// The users of a server.
    member this.UsersOf(server: int) : string[] = [|
        for name in [| "a"; "b"; "c" |] -> $"@{name}:{this.Servers[server]}"
    |]

    /// All users.
    member this.Users: string[] = [|
        for server in 0 .. this.Servers.Length - 1 do
            yield! this.UsersOf server
    |]

/// What a new event is built on: its previous events, and the state before it.
type EventBase = {
    Prev: Pdu list
    State: StateTree
    Read: StateTree -> IAuthState
    /// Whether the server rejected an event. A state can have one: it came as an outlier, by its auth events alone, and
    /// was rejected when the state before it was known.
    IsRejected: string -> bool
}

/// Making events.
[<RequireQualifiedAccess>]
module Composing =

    /// The auth events of a draft, as far as the state has them. An event that names a rejected one is rejected.
    let authEvents (room: SimulatedRoom) (eventBase: EventBase) (draft: Matrix.Core.Room.Draft) : Pdu list =
        let state = eventBase.Read eventBase.State

        let authEventsIncludeCreate =
            room.Rules.Version.Settings.RoomIds = RoomIdForm.WithDomain

        [
            for struct (eventType, key) in
                room.Rules.SelectionOf(draft.Type, draft.Sender, draft.StateKey, draft.Content) do
                match state.Find(eventType, key) with
                | null -> ()
                | found when found.Pdu.Type = "m.room.create" && not authEventsIncludeCreate -> ()
                | found when eventBase.IsRejected found.Pdu.EventId -> ()
                | found -> found.Pdu
        ]

    /// The depth of an honest event.
    let depth (room: SimulatedRoom) (eventBase: EventBase) : int64 =
        let greatest = eventBase.Prev |> List.fold (fun most e -> max most e.Depth) 0L
        Extremities.Depth(greatest, room.Rules.Version.Settings.MaximumDepth)

    /// An event of any depth, hashed. `number` is part of its id where servers assign ids; `time` is its
    /// `origin_server_ts`.
    let tryEvent
        (room: SimulatedRoom)
        (eventBase: EventBase)
        (draft: Matrix.Core.Room.Draft)
        (cited: Pdu list)
        (number: int)
        (time: int64)
        (depth: int64)
        : Result<Pdu, PduFault> =
        let parts: EventParts = {
            RoomId = room.RoomId
            EventId =
                if room.Format.AssignsIds then
                    $"$e{number}:" + draft.Sender.Substring(draft.Sender.IndexOf ':' + 1)
                else
                    ""
            Sender = draft.Sender
            Type = draft.Type
            StateKey = draft.StateKey
            Content = draft.Content
            OriginServerTs = time
            Depth = depth
            PrevEvents = [| for e in eventBase.Prev -> e.EventId |]
            AuthEvents = [| for e in cited -> e.EventId |]
            PrevHashes = [| for _ in eventBase.Prev -> [||] |]
            AuthHashes = [| for _ in cited -> [||] |]
            Redacts = draft.Redacts
        }

        UnsignedEvent.Prepare(room.Format, parts) |> Result.bind _.Sign([||])

    /// The same for an event that is well-formed.
    let event room eventBase draft cited number time : Pdu =
        match tryEvent room eventBase draft cited number time (depth room eventBase) with
        | Ok pdu -> pdu
        | Error fault -> invalidOp $"A simulated event is malformed: {fault}."

    /// Whether the state before an event allows it, with these auth events.
    let isAllowed
        (room: SimulatedRoom)
        (eventBase: EventBase)
        (pdu: Pdu)
        (cited: Pdu list)
        (signers: string list)
        : bool =
        let facts = {
            AuthFacts.OfAccepted(Array.ofList cited) with
                Signers = Array.ofList signers
        }

        room.Rules.Decide(pdu, eventBase.Read eventBase.State, facts).IsOk

    /// Whether the auth events of an event allow it, together with the create event.
    let isAllowedByAuthEvents
        (room: SimulatedRoom)
        (eventBase: EventBase)
        (pdu: Pdu)
        (cited: Pdu list)
        (signers: string list)
        : bool =
        let state = eventBase.Read eventBase.State

        let isCited (known: AuthEvent) =
            known.Pdu.Type = "m.room.create"
            || List.exists (fun (e: Pdu) -> e.EventId = known.Pdu.EventId) cited

        let citedState = {
            new IAuthState with
                member _.Find(eventType, stateKey) =
                    match state.Find(eventType, stateKey) with
                    | NonNull known when isCited known -> known
                    | _ -> null
        }

        isAllowed
            room
            {
                eventBase with
                    Read = fun _ -> citedState
            }
            pdu
            cited
            signers

    let private words (key: string) (content: JsonObject) =
        match content.Text key with
        | null -> ""
        | word -> word

    /// The servers that sign an event: the sender's, and the authorising user's.
    let signers (pdu: Pdu) : string list =
        List.distinct [
            pdu.Sender.Substring(pdu.Sender.IndexOf ':' + 1)
            match words "join_authorised_via_users_server" pdu.Content with
            | "" -> ()
            | user -> user.Substring(user.IndexOf ':' + 1)
        ]

    let private membership sender target word more =
        Matrix.Core.Room.Draft.State("m.room.member", target, sender, object' ([ "membership", text word ] @ more))

    let private levels = [| 0; 25; 50; 75; 100 |]

    /// The power levels of the state, with one changed.
    let private power (eventBase: EventBase) (sender: string) (target: string) (level: int) =
        let content =
            match (eventBase.Read eventBase.State).Find("m.room.power_levels", "") with
            | null -> JsonObject.Empty
            | event -> event.Pdu.Content

        let users =
            match content.TryFind "users" with
            | ValueSome(Json.Object users) -> [ for struct (k, v) in users.Members -> k, v ]
            | _ -> []

        let rest = [ for struct (k, v) in content.Members -> k, v ]

        let changed =
            match level % 12 with
            | 10 -> [ "events_default", number 25 ]
            | 11 -> [ "events_default", number 0 ]
            | 9 -> [ "state_default", number levels[level % 5] ]
            | _ -> [ "users", nested (users @ [ target, number levels[level % 5] ]) ]

        Matrix.Core.Room.Draft.State("m.room.power_levels", "", sender, object' (rest @ changed))

    /// Numbers at the limits of what the room version allows in an event.
    let private extremeNumbers (room: SimulatedRoom) : Json list =
        match room.Rules.Version.Settings.Json with
        | JsonStrictness.Strict -> [ Json.Int Numbers.MaxInteger; Json.Int -Numbers.MaxInteger ]
        | _ -> [
            Json.Int Int64.MaxValue
            Json.Int Int64.MinValue
            Json.BigInt "123456789012345678901234567890"
            Json.Float 1.5
            Json.Float -1e300
          ]

    /// Levels at the limits of what the room version reads as one.
    let private extremeLevels (room: SimulatedRoom) : Json list =
        extremeNumbers room
        @ match room.Rules.Version.Settings.PowerLevelValues with
          | PowerLevelValues.Integers -> []
          | _ -> [ text " 50 "; text "-9223372036854775808"; text "99999999999999999999" ]

    /// Depths that a room version allows, of which one more than the previous ones' is only one.
    let extremeDepth (room: SimulatedRoom) (n: int) : int64 =
        let limit = room.Rules.Version.Settings.MaximumDepth
        let all = [ limit; limit - 1L; min limit (Numbers.MaxInteger + 1L); 0L; 1L ]
        all[n % all.Length]

    /// Times that no clock tells.
    let extremeTime (room: SimulatedRoom) (time: int64) (n: int) : int64 =
        let most =
            if room.Rules.Version.Settings.Json = JsonStrictness.Strict then
                Numbers.MaxInteger
            else
                Int64.MaxValue

        [ time; most; 0L; -most ][n % 4]

    /// A draft with an extreme number in its content: of power levels, as levels that need no power to set.
    let extreme (room: SimulatedRoom) (n: int) (draft: Matrix.Core.Room.Draft) : Matrix.Core.Room.Draft =
        let pick (values: Json list) = values[n % values.Length]

        let content =
            match draft.Type with
            | "m.room.power_levels" ->
                let low = pick (extremeLevels room)
                let key = [ "users_default"; "redact"; "invite" ][n % 3]

                draft.Content
                    .With(key, low)
                    .With("events", nested [ "m.room.topic", number 0; "org.example.extreme", low ])
                    .With("org.example.extreme", pick (extremeNumbers room))
            | _ -> draft.Content.With("org.example.extreme", pick (extremeNumbers room))

        Matrix.Core.Room.Draft(draft.Type, draft.StateKey, draft.Sender, content, draft.Redacts)

    /// The draft of an act.
    let draft
        (room: SimulatedRoom)
        (eventBase: EventBase)
        (sender: string)
        (target: string)
        (level: int)
        (kind: ActionKind)
        : Matrix.Core.Room.Draft =
        match kind with
        | ActionKind.Message ->
            Matrix.Core.Room.Draft("m.room.message", null, sender, object' [ "body", number level ], null)
        | ActionKind.Topic ->
            Matrix.Core.Room.Draft.State("m.room.topic", "", sender, object' [ "topic", text $"{level}" ])
        | ActionKind.Join -> membership sender sender "join" [ "displayname", text $"{level}" ]
        | ActionKind.Leave -> membership sender sender "leave" []
        | ActionKind.Invite -> membership sender target "invite" []
        | ActionKind.Kick -> membership sender target "leave" []
        | ActionKind.Ban -> membership sender target "ban" []
        | ActionKind.Knock -> membership sender sender "knock" []
        | ActionKind.Power -> power eventBase sender target level
        | ActionKind.JoinRule ->
            let known =
                JoinRule.Public :: room.Rules.Version.Settings.JoinRules
                |> List.filter (fun rule -> rule <> JoinRule.Private)

            let rule = Spelling.ofJoinRule known[level % known.Length]
            Matrix.Core.Room.Draft.State("m.room.join_rules", "", sender, object' [ "join_rule", text rule ])
        | ActionKind.RestrictedJoin ->
            membership sender sender "join" [ "join_authorised_via_users_server", text target ]

    /// The sender and the target. A server's first user acts most often and is seldom removed, so that the room does
    /// not become empty.
    let people (room: SimulatedRoom) (op: Operation) (kind: ActionKind) : string * string =
        let users = room.UsersOf(op.Server % room.Servers.Length)

        let removes =
            List.contains kind [ ActionKind.Kick; ActionKind.Ban; ActionKind.Leave ]

        let sparesFirst = removes && op.Level % 6 <> 0

        let sender =
            if op.Actor % 5 < 3 && not (kind = ActionKind.Leave && sparesFirst) then
                users[0]
            else
                users[1 + op.Actor % 2]

        let all =
            if sparesFirst then
                room.Users |> Array.filter (fun user -> not (user.StartsWith "@a:"))
            else
                room.Users

        sender, all[op.Target % all.Length]

    /// The first events of the room. The first users of all servers join, and have power.
    let opening (room: SimulatedRoom) : Matrix.Core.Room.Draft list =
        let creator = (room.UsersOf 0)[0]
        let listed = room.Rules.Version.Settings.CreatorPower = CreatorPower.HundredAtFirst

        let users = [
            if listed then
                creator, number 100
            for server in 1 .. room.Servers.Length - 1 do
                (room.UsersOf server)[0], number (if server = 1 then 100 else 50)
        ]

        [
            Matrix.Core.Room.Draft.State(
                "m.room.create",
                "",
                creator,
                object' [ "creator", text creator; "room_version", text room.Rules.Version.Id ]
            )
            membership creator creator "join" []
            Matrix.Core.Room.Draft.State(
                "m.room.power_levels",
                "",
                creator,
                object' [ "users", nested users; "events", nested [ "m.room.topic", number 0 ] ]
            )
            Matrix.Core.Room.Draft.State("m.room.join_rules", "", creator, object' [ "join_rule", text "public" ])
            for server in 1 .. room.Servers.Length - 1 do
                let user = (room.UsersOf server)[0]
                membership user user "join" []
        ]
