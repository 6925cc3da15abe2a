/// Rooms of a single server: requests to create them, and drafts that are sent afterwards.
module Matrix.Properties.Generators.RoomGen

open System.Collections.Generic
open FsCheck
open FsCheck.FSharp
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Facade
open Matrix.Core.Json
open Matrix.Core.Room

let private server = "one"
let private creator = "@creator:one"
let private guests = [ "@ann:one"; "@ben:one"; "@cat:two" ]

/// A room as its lane keeps it, with everything in memory. A refused event changes nothing.
[<Sealed>]
type LocalRoom(rules: RoomRules) =
    let state = Dictionary<struct (string * string), AuthEvent>()
    let events = List<Pdu>()
    let mutable extremities: ForwardExtremity[] = [||]
    let mutable roomId = if rules.RoomIdIsHash then "" else "!room:one"

    /// The accepted events, in order.
    member _.Events: IReadOnlyList<Pdu> = events

    /// The current forward extremities.
    member _.Extremities = extremities

    /// The current state event of a key.
    member _.Find(eventType: string, key: string) : Pdu option =
        match state.TryGetValue(struct (eventType, key)) with
        | true, found -> Some found.Pdu
        | _ -> None

    /// Appends a draft, or returns the refusal.
    member _.Append(draft: Draft) : Refusal option =
        let keys = rules.AuthKeys draft

        let selected = [
            for key in keys do
                match state.TryGetValue(struct (key.Type, key.Key)) with
                | true, found -> found
                | _ -> ()
        ]

        let create =
            match state.TryGetValue(struct ("m.room.create", "")) with
            | true, found -> [ found ]
            | _ -> []

        let cited =
            selected
            |> List.filter (fun e -> rules.AuthEventsIncludeCreate || e.Pdu.Type <> "m.room.create")
            |> List.map _.Pdu

        let snapshot =
            AuthSnapshot((selected @ create) |> List.distinctBy (fun e -> e.Pdu.EventId) |> List.toArray)

        let depth =
            if events.Count = 0 then
                0L
            else
                events[events.Count - 1].Depth

        let previous = Extremities.Choose(extremities, 20)

        let composed =
            if rules.AssignsIds then
                let prevEvents = [| for e in previous.Named -> events[int e.Ordinal - 1] |]
                rules.ComposeNamed(roomId, draft, $"n{events.Count}", server, prevEvents, List.toArray cited, depth, 1L)
            else
                rules.Compose(roomId, draft, previous.Ids, [| for pdu in cited -> pdu.EventId |], depth, 1L)

        match composed.Refusal with
        | null ->
            let pdu = rules.Sign(composed.Value, server, "ed25519:a", Array.zeroCreate 64).Value

            match rules.Decide(pdu, List.toArray cited, snapshot, snapshot, server, (fun _ _ _ -> false)) with
            | null ->
                events.Add pdu
                roomId <- composed.Value.RoomId
                let made = ForwardExtremity(uint32 events.Count, pdu.EventId)
                extremities <- Extremities.After(extremities, pdu.PrevEvents, made, true)

                match pdu.StateKey with
                | null -> ()
                | key -> state[struct (pdu.Type, key)] <- rules.Prepare pdu

                None
            | refusal -> Some refusal
        | refusal -> Some refusal

let private member' membership =
    JsonObject.OfSeq [ struct ("membership", Json.String membership) ]

/// The versions in which this server makes rooms.
let versions: RoomRules list = [
    for id in RoomRules.Known do
        match RoomRules.Find id with
        | null -> ()
        | rules -> rules
]

/// A request to create a room, with any preset and what clients may add.
let newRoom: Gen<NewRoom> =
    gen {
        let! preset =
            Gen.elements [ Preset.PrivateChat; Preset.TrustedPrivateChat; Preset.PublicChat ]

        let! invited = Gen.subListOf guests
        let! name = Gen.elements [ (null: string | null); "Kitchen" ]
        let! topic = Gen.elements [ (null: string | null); "Soup" ]
        let! alias = Gen.elements [ (null: string | null); "#kitchen:one" ]
        let! isDirect = Gen.elements [ true; false ]
        let! encrypted = Gen.elements [ true; false ]
        let! closed = Gen.elements [ true; false ]

        let room =
            NewRoom(creator, member' "join", preset, Name = name, Topic = topic, Alias = alias, IsDirect = isDirect)

        if encrypted then
            room.AddState("m.room.encryption", "", object' [ "algorithm", text "m.megolm.v1.aes-sha2" ])

        if closed then
            room.AddState("m.room.join_rules", "", object' [ "join_rule", text "knock" ])

        for user in invited do
            room.AddInvite(user, member' "invite")

        return room
    }

/// A draft that a user sends. Many are refused.
let attempt: Gen<Draft> =
    gen {
        let! sender = Gen.elements (creator :: guests)
        let! target = Gen.elements (creator :: guests)
        let! membership = Gen.elements [ "join"; "leave"; "invite"; "ban"; "knock" ]

        return!
            Gen.frequency [
                4, Gen.constant (Draft("m.room.message", null, sender, object' [ "body", text "hello" ], null))
                2, Gen.constant (Draft.State("m.room.member", sender, sender, member' "join"))
                2, Gen.constant (Draft.State("m.room.member", target, sender, member' membership))
                1, Gen.constant (Draft.State("m.room.topic", "", sender, object' [ "topic", text "Bread" ]))
                1,
                Gen.constant (
                    Draft.State("m.room.power_levels", "", sender, object' [ "users", nested [ target, number 50 ] ])
                )
            ]
    }

/// A version, a new room of it, and the drafts sent in it.
let history: Gen<RoomRules * NewRoom * Draft list> =
    Gen.map3 (fun rules room attempts -> rules, room, attempts) (Gen.elements versions) newRoom (Gen.listOf attempt)
