namespace Matrix.Core.Room

open System.Collections.Generic
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Rules

/// The presets of a new room. v1.19 client-server-api#creation: the table of presets.
[<RequireQualifiedAccess>]
type Preset =
    | PrivateChat
    | TrustedPrivateChat
    | PublicChat

/// A state event from the request, in order.
[<Struct>]
type InitialState = {
    Type: string
    StateKey: string
    Content: JsonObject
}

/// A user invited at creation, with the content of the member event (profile included).
[<Struct>]
type InitialInvite = { UserId: string; Content: JsonObject }

/// A request to create a room, with checked types.
type CreationRequest = {
    Version: RoomVersion
    Creator: string
    /// Content of the creator's own join: membership and profile.
    CreatorMember: JsonObject
    Preset: Preset
    CreationContent: JsonObject
    PowerLevelOverride: JsonObject
    /// Whether the override's levels for creators are dropped where creators have infinite power.
    DropsCreatorLevels: bool
    /// The full alias; null for none.
    Alias: string | null
    InitialState: InitialState[]
    Name: string | null
    Topic: string | null
    Invites: InitialInvite[]
    /// Users of other servers, who are invited once the room exists.
    InvitedLater: string[]
    IsDirect: bool
}

/// The first events of a room, in the order of the specification.
/// v1.19 client-server-api#creation and `POST /createRoom`.
[<RequireQualifiedAccess>]
module Creation =

    let private str (s: string) = Json.String s

    /// Whether creators have infinite power, and so are not listed in `users`.
    let private privileged (version: RoomVersion) =
        version.Settings.CreatorPower = CreatorPower.Infinite

    let private one key value =
        JsonObject.OfSeq [ struct (key, value) ]

    let private merge (under: JsonObject) (over: seq<struct (string * Json)>) =
        JsonObject.OfSeq(Seq.append under.Members over)

    let private without (keys: string list) (o: JsonObject) =
        JsonObject.OfSeq(o.Members |> Seq.filter (fun (struct (k, _)) -> not (List.contains k keys)))

    let private strings (value: Json voption) =
        match value with
        | ValueSome(Json.Array items) ->
            items
            |> Array.choose (fun item ->
                match item with
                | Json.String s -> Some s
                | _ -> None)
        | _ -> [||]

    let private invitedUsers (request: CreationRequest) : string[] =
        Array.append (request.Invites |> Array.map (fun i -> i.UserId)) request.InvitedLater

    /// `additional_creators`: the given ones, and the invited users of a trusted private chat, each once. A malformed
    /// list is kept, so that the authorization rules refuse it with their own reason.
    let private additionalCreators (request: CreationRequest) : Json voption =
        let given = request.CreationContent.TryFind "additional_creators"

        let wellFormed =
            match given with
            | ValueSome(Json.Array items) ->
                items
                |> Array.forall (fun item ->
                    match item with
                    | Json.String _ -> true
                    | _ -> false)
            | ValueNone -> true
            | _ -> false

        if not wellFormed then
            given
        else
            let invited =
                if request.Preset = Preset.TrustedPrivateChat then
                    invitedUsers request
                else
                    [||]

            let all =
                Array.append (strings given) invited
                |> Array.distinct
                |> Array.filter (fun user -> user <> request.Creator)

            if all.Length = 0 then
                ValueNone
            else
                ValueSome(Json.Array(Array.map str all))

    let private createContent (request: CreationRequest) =
        let kept =
            request.CreationContent
            |> without (
                if privileged request.Version then
                    [ "creator"; "room_version"; "additional_creators" ]
                else
                    [ "creator"; "room_version" ]
            )

        merge kept [
            struct ("room_version", str request.Version.Id)
            if request.Version.Settings.Creators = Creators.ContentCreator then
                struct ("creator", str request.Creator)
            if privileged request.Version then
                match additionalCreators request with
                | ValueSome creators -> struct ("additional_creators", creators)
                | ValueNone -> ()
        ]

    /// Where creators have infinite power, the level for tombstones must be beyond that of administrators, whatever
    /// `state_default` is.
    let private tombstoneLevel (request: CreationRequest) =
        match request.PowerLevelOverride.TryFind "state_default" with
        | _ when not (privileged request.Version) -> 100L
        | ValueSome(Json.Int stateDefault) when stateDefault >= 150L && stateDefault < Numbers.MaxInteger ->
            stateDefault + 1L
        | _ -> 150L

    /// The power levels without the client's levels for creators, if the client left the version to the server.
    let private withoutCreators (request: CreationRequest) (levels: JsonObject) =
        match levels.TryFind "users" with
        | ValueSome(Json.Object users) when privileged request.Version && request.DropsCreatorLevels ->
            let creators =
                request.Creator :: List.ofArray (strings (additionalCreators request))

            merge levels [ struct ("users", Json.Object(without creators users)) ]
        | _ -> levels

    let private powerLevels (request: CreationRequest) =
        let users =
            if privileged request.Version then
                []
            else
                [
                    struct (request.Creator, Json.Int 100L)
                    if request.Preset = Preset.TrustedPrivateChat then
                        for user in invitedUsers request do
                            struct (user, Json.Int 100L)
                ]

        let events = [
            struct (EventTypes.Avatar, Json.Int 50L)
            struct (EventTypes.CanonicalAlias, Json.Int 50L)
            struct (EventTypes.Encryption, Json.Int 100L)
            struct (EventTypes.HistoryVisibility, Json.Int 100L)
            struct (EventTypes.Name, Json.Int 50L)
            struct (EventTypes.PowerLevels, Json.Int 100L)
            struct (EventTypes.ServerAcl, Json.Int 100L)
            struct (EventTypes.Tombstone, Json.Int(tombstoneLevel request))
        ]

        let invite = if request.Preset = Preset.PublicChat then 50L else 0L

        let defaults =
            JsonObject.OfSeq [
                struct ("ban", Json.Int 50L)
                struct ("events", Json.Object(JsonObject.OfSeq events))
                struct ("events_default", Json.Int 0L)
                struct ("invite", Json.Int invite)
                struct ("kick", Json.Int 50L)
                struct ("redact", Json.Int 50L)
                struct ("state_default", Json.Int 50L)
                struct ("users", Json.Object(JsonObject.OfSeq users))
                struct ("users_default", Json.Int 0L)
            ]

        let levels =
            merge defaults request.PowerLevelOverride.Members |> withoutCreators request

        match levels.TryFind "events" with
        | ValueSome(Json.Object given) when privileged request.Version && not (given.Has EventTypes.Tombstone) ->
            let closed =
                merge given [ struct (EventTypes.Tombstone, Json.Int(tombstoneLevel request)) ]

            merge levels [ struct ("events", Json.Object closed) ]
        | _ -> levels

    let private presetState (preset: Preset) = [
        let joinRule, guests =
            match preset with
            | Preset.PublicChat -> "public", "forbidden"
            | Preset.PrivateChat
            | Preset.TrustedPrivateChat -> "invite", "can_join"

        EventTypes.JoinRules, one "join_rule" (str joinRule)
        EventTypes.HistoryVisibility, one "history_visibility" (str "shared")
        EventTypes.GuestAccess, one "guest_access" (str guests)
    ]

    let private topicContent (topic: string) =
        let text = Json.Array [| Json.Object(one "body" (str topic)) |]

        JsonObject.OfSeq [
            struct ("topic", str topic)
            struct ("m.topic", Json.Object(one "m.text" text))
        ]

    /// All drafts, create event first. The rules decide each of them.
    let drafts (request: CreationRequest) : Draft[] =
        let creator = request.Creator

        let state eventType key content =
            Draft.State(eventType, key, creator, content)

        let given =
            HashSet<struct (string * string)>(request.InitialState |> Seq.map (fun s -> struct (s.Type, s.StateKey)))

        [|
            state EventTypes.Create "" (createContent request)
            state EventTypes.Member creator request.CreatorMember
            state EventTypes.PowerLevels "" (powerLevels request)

            match request.Alias with
            | null -> ()
            | alias -> state EventTypes.CanonicalAlias "" (one "alias" (str alias))

            for eventType, content in presetState request.Preset do
                if not (given.Contains(struct (eventType, ""))) then
                    state eventType "" content

            for s in request.InitialState do
                // The request's name and topic override those in `initial_state`.
                let overridden =
                    s.StateKey = ""
                    && ((s.Type = EventTypes.Name && not (isNull request.Name))
                        || (s.Type = EventTypes.Topic && not (isNull request.Topic)))

                if not overridden then
                    state s.Type s.StateKey s.Content

            match request.Name with
            | null -> ()
            | name -> state EventTypes.Name "" (one "name" (str name))

            match request.Topic with
            | null -> ()
            | topic -> state EventTypes.Topic "" (topicContent topic)

            for invite in request.Invites do
                let content =
                    // v1.19 client-server-api#direct-messaging
                    if request.IsDirect then
                        merge invite.Content [ struct ("is_direct", Json.Bool true) ]
                    else
                        invite.Content

                state EventTypes.Member invite.UserId content
        |]
