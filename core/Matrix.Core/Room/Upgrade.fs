namespace Matrix.Core.Room

open System
open System.Collections.Generic
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Ident
open Matrix.Core.Json
open Matrix.Rules

/// A request to replace a room by one of another version, with checked types.
type UpgradeRequest = {
    /// The version of the new room.
    Version: RoomVersion
    /// The user who upgrades, and creates the new room.
    Upgrader: string
    /// Content of the upgrader's own join: membership and profile.
    UpgraderMember: JsonObject
    AdditionalCreators: string[]
    OldRoomId: string
    /// The last event of the old room that is known.
    LastEventId: string
    /// The version of the old room.
    OldVersion: RoomVersion
    /// The creators of the old room.
    OldCreators: string[]
    /// Content of the old room's create event.
    OldCreate: JsonObject
    /// Content of the old room's power levels; null if it has none.
    OldLevels: JsonObject | null
    /// The aliases of the old room that move to the new one.
    MovedAliases: string[]
    /// Content of the old room's canonical alias; null if it has none.
    OldAlias: JsonObject | null
    /// The state that is copied, in order.
    Copied: InitialState[]
    /// The bans that are copied, with their contents.
    Bans: InitialInvite[]
}

/// What an upgrade makes of the old room's state. v1.19 client-server-api#room-upgrades
[<RequireQualifiedAccess>]
module Upgrade =

    /// The level that the specification suggests for a room that was replaced.
    [<Literal>]
    let private ClosedLevel = 50L

    /// The level for tombstones where creators have infinite power, unless the room chose another.
    [<Literal>]
    let private TombstoneLevel = 150L

    let private str (s: string) = Json.String s

    let private privileged (version: RoomVersion) =
        version.Settings.CreatorPower = CreatorPower.Infinite

    let private merge (under: JsonObject) (over: seq<struct (string * Json)>) =
        JsonObject.OfSeq(Seq.append under.Members over)

    let private without (keys: string seq) (o: JsonObject) =
        let gone = HashSet<string> keys
        JsonObject.OfSeq(o.Members |> Seq.filter (fun (struct (key, _)) -> not (gone.Contains key)))

    /// The greatest integer that an event of a version can have as a level.
    let private greatest (version: RoomVersion) =
        if version.Settings.Json = JsonStrictness.Strict then
            Numbers.MaxInteger
        else
            Limits.Power

    /// A level that the old room's version reads, as an integer of every version: versions before 10 also read strings
    /// and floats, those before 6 greater integers.
    let private level (old: RoomVersion) (value: Json) : int64 voption =
        LevelValues.read old.Settings.PowerLevelValues value
        |> ValueOption.map (fun n -> Math.Clamp(n, -Numbers.MaxInteger, Numbers.MaxInteger))

    let private levelOf (old: RoomVersion) (name: string) (otherwise: int64) (levels: JsonObject) =
        LevelValues.ofMember old.Settings.PowerLevelValues levels name
        |> ValueOption.defaultValue otherwise

    /// The next level, if there is one.
    let private above (version: RoomVersion) (level: int64) =
        let most = greatest version
        if level >= most then most else level + 1L

    /// The numbers of a value as integers in the range of canonical JSON, which versions before 6 do not keep to.
    let rec private canonical (json: Json) : Json =
        match json with
        | Json.Int n -> Json.Int(Math.Clamp(n, -Numbers.MaxInteger, Numbers.MaxInteger))
        | Json.BigInt digits ->
            Json.Int(
                if digits.StartsWith '-' then
                    -Numbers.MaxInteger
                else
                    Numbers.MaxInteger
            )
        | Json.Float d ->
            let most = float Numbers.MaxInteger
            Json.Int(int64 (Math.Truncate(Math.Clamp(d, -most, most))))
        | Json.Array items -> Json.Array(Array.map canonical items)
        | Json.Object o -> Json.Object(canonicalObject o)
        | other -> other

    and private canonicalObject (o: JsonObject) : JsonObject =
        JsonObject.OfSeq(
            o.Members
            |> Seq.map (fun (struct (key, value)) -> struct (key, canonical value))
        )

    /// A content as the new version allows it.
    let private adapted (version: RoomVersion) (content: JsonObject) : JsonObject =
        if version.Settings.Json = JsonStrictness.Strict then
            canonicalObject content
        else
            content

    let private child (name: string) (o: JsonObject) =
        match o.TryFind name with
        | ValueSome(Json.Object inner) -> inner
        | _ -> JsonObject.Empty

    /// The members that are levels, as integers; the others are left out.
    let private integers (old: RoomVersion) (o: JsonObject) =
        JsonObject.OfSeq(
            o.Members
            |> Seq.choose (fun (struct (key, value)) ->
                match level old value with
                | ValueSome n -> Some(struct (key, Json.Int n))
                | ValueNone -> None)
        )

    let private single = [
        "ban"
        "events_default"
        "invite"
        "kick"
        "redact"
        "state_default"
        "users_default"
    ]

    let private many = [ "events"; "notifications"; "users" ]

    /// Power levels with integers only: newer versions refuse others.
    let private normal (old: RoomVersion) (levels: JsonObject) =
        let alone =
            levels.Members
            |> Seq.filter (fun (struct (key, _)) -> List.contains key single)
            |> JsonObject.OfSeq

        merge (without (single @ many) levels) [
            yield! (integers old alone).Members
            for name in many do
                if levels.Has name then
                    struct (name, Json.Object(integers old (child name levels)))
        ]

    let private highest (levels: JsonObject) =
        let inner =
            many
            |> Seq.collect (fun name -> (child name levels).Members)
            |> Seq.append levels.Members

        (100L, inner)
        ||> Seq.fold (fun most (struct (_, value)) ->
            match value with
            | Json.Int n -> max most n
            | _ -> most)

    /// The state of the old room as the new one has it. A join rule that one of the versions lacks lets nobody in
    /// there, and must not open the other room.
    let copiedState (oldVersion: RoomVersion) (newVersion: RoomVersion) (state: InitialState) : InitialState =
        let isKnown name =
            Settings.hasJoinRule name oldVersion.Settings
            && Settings.hasJoinRule name newVersion.Settings

        match state.Type, state.Content.TryFind "join_rule" with
        | EventTypes.JoinRules, ValueSome(Json.String name) when not (isKnown name) -> {
            state with
                Content = JsonObject.OfSeq [ struct ("join_rule", str "invite") ]
          }
        | _ -> {
            state with
                Content = adapted newVersion state.Content
          }

    /// A ban of the old room as the new one has it: the membership and the reason.
    let copiedBan (content: JsonObject) : JsonObject =
        JsonObject.OfSeq [
            struct ("membership", str "ban")
            match content.Text "reason" with
            | null -> ()
            | reason -> struct ("reason", str reason)
        ]

    /// Whether the new room can do without a copied event that its rules refuse, so that nobody can hold up an upgrade
    /// by what they sent. Without any other the new room would be more open than the old one.
    let mayLack (upgrader: string) (draft: Draft) : bool =
        match draft.Type with
        | EventTypes.Member -> not (String.Equals(draft.StateKey, upgrader))
        | EventTypes.Name
        | EventTypes.Avatar
        | EventTypes.Topic
        | EventTypes.JoinRules
        | EventTypes.GuestAccess
        | EventTypes.CanonicalAlias
        | EventTypes.SpaceChild -> true
        | _ -> false

    let private creators (request: UpgradeRequest) =
        Array.append [| request.Upgrader |] request.AdditionalCreators |> Array.distinct

    /// The create event's content: the predecessor, and the old room's type and federation.
    let createContent (roomIdIsHash: bool) (request: UpgradeRequest) : JsonObject =
        let predecessor =
            JsonObject.OfSeq [
                struct ("room_id", str request.OldRoomId)
                if not roomIdIsHash && request.LastEventId <> "" then
                    struct ("event_id", str request.LastEventId)
            ]

        JsonObject.OfSeq [
            struct ("room_version", str request.Version.Id)
            struct ("predecessor", Json.Object predecessor)

            match request.OldCreate.TryFind "type" with
            | ValueSome(Json.String roomType) when Ident.fits roomType -> struct ("type", str roomType)
            | _ -> ()

            match request.OldCreate.TryFind "m.federate" with
            | ValueSome(Json.Bool federates) -> struct ("m.federate", Json.Bool federates)
            | _ -> ()

            if request.Version.Settings.Creators = Creators.ContentCreator then
                struct ("creator", str request.Upgrader)

            if privileged request.Version then
                let others =
                    request.AdditionalCreators
                    |> Array.distinct
                    |> Array.filter (fun user -> user <> request.Upgrader)

                if others.Length > 0 then
                    struct ("additional_creators", Json.Array(Array.map str others))
        ]

    /// The power levels of the new room: those of the old one, in the form of the new version; null for none.
    let levels (request: UpgradeRequest) : JsonObject | null =
        match request.OldLevels with
        | null -> null
        | old ->
            let old = normal request.OldVersion old |> adapted request.Version
            let users = child "users" old

            if privileged request.Version then
                // No list of levels may name a creator here.
                let others = without (creators request) users
                let events = child "events" old

                let tombstone =
                    if privileged request.OldVersion then
                        events
                    else
                        let now = levelOf request.Version EventTypes.Tombstone 0L events
                        let state = levelOf request.Version "state_default" 50L old
                        let least = max TombstoneLevel (above request.Version state)
                        merge events [ struct (EventTypes.Tombstone, Json.Int(max least now)) ]

                merge old [
                    struct ("users", Json.Object others)
                    if tombstone.Count > 0 then
                        struct ("events", Json.Object tombstone)
                ]
            elif privileged request.OldVersion then
                // The creators had more power than anyone. Here their power is a level.
                let top = highest old
                let all = Array.append [| request.Upgrader |] request.OldCreators

                let mighty = all |> Seq.map (fun user -> struct (user, Json.Int top))
                merge old [ struct ("users", Json.Object(merge users mighty)) ]
            else
                old

    /// The power levels with which the new room begins: they let the upgrader send all that is copied.
    let firstLevels (request: UpgradeRequest) : JsonObject =
        let top =
            match levels request with
            | null -> 100L
            | last -> highest last

        let one (key: string) (level: int64) =
            Json.Object(JsonObject.OfSeq [ struct (key, Json.Int level) ])

        JsonObject.OfSeq [
            if privileged request.Version then
                struct ("events", one EventTypes.Tombstone TombstoneLevel)
            else
                struct ("users", one request.Upgrader top)
        ]

    /// The canonical alias of one of the rooms: the moved aliases, or the others.
    let private aliasWith (keep: string -> bool) (content: JsonObject) =
        JsonObject.OfSeq(
            content.Members
            |> Seq.choose (fun (struct (key, value)) ->
                match key, value with
                | "alias", Json.String alias -> if keep alias then Some(struct (key, value)) else None
                | "alt_aliases", Json.Array items ->
                    let kept =
                        items
                        |> Array.filter (fun item ->
                            match item with
                            | Json.String alias -> keep alias
                            | _ -> false)

                    if kept.Length = 0 then
                        None
                    else
                        Some(struct (key, Json.Array kept))
                | _ -> Some(struct (key, value)))
        )

    let private namesAlias (content: JsonObject) =
        content.Has "alias" || content.Has "alt_aliases"

    /// The content of the new room's canonical alias; null if no alias of it moves.
    let movedAlias (request: UpgradeRequest) : JsonObject | null =
        match request.OldAlias with
        | null -> null
        | old ->
            let moved = HashSet<string> request.MovedAliases
            let content = aliasWith moved.Contains old |> adapted request.Version
            if namesAlias content then content else null

    /// The content of the old room's canonical alias without the moved ones; null if it stays as it is.
    let keptAlias (request: UpgradeRequest) : JsonObject | null =
        match request.OldAlias with
        | null -> null
        | old ->
            let moved = HashSet<string> request.MovedAliases
            let content = aliasWith (fun alias -> not (moved.Contains alias)) old
            if content.Equals old then null else content

    /// The power levels that keep the old room quiet; null if they are so already.
    let closedLevels (request: UpgradeRequest) : JsonObject | null =
        let old =
            match request.OldLevels with
            | null when privileged request.OldVersion -> JsonObject.Empty
            | null ->
                // Without power levels the creators have 100.
                let users =
                    request.OldCreators |> Seq.map (fun user -> struct (user, Json.Int 100L))

                JsonObject.OfSeq [ struct ("users", Json.Object(JsonObject.OfSeq users)) ]
            | old -> old

        let version = request.OldVersion
        let least = max ClosedLevel (above version (levelOf version "users_default" 0L old))

        let raised = [
            for name in [ "events_default"; "invite" ] do
                if levelOf version name 0L old < least then
                    struct (name, Json.Int least)
        ]

        if raised.IsEmpty then null else merge old raised

    /// The events of the new room, create event first. The rules decide each of them.
    let drafts (roomIdIsHash: bool) (request: UpgradeRequest) : Draft[] =
        let state eventType key content =
            Draft.State(eventType, key, request.Upgrader, content)

        [|
            state EventTypes.Create "" (createContent roomIdIsHash request)
            state EventTypes.Member request.Upgrader request.UpgraderMember
            state EventTypes.PowerLevels "" (firstLevels request)

            for copied in request.Copied do
                state copied.Type copied.StateKey copied.Content

            match movedAlias request with
            | null -> ()
            | content -> state EventTypes.CanonicalAlias "" content

            // Nobody can ban a creator with infinite power: naming one lifts the ban.
            let unbannable =
                if privileged request.Version then
                    creators request
                else
                    [||]

            for ban in request.Bans do
                if not (Array.contains ban.UserId unbannable) then
                    state EventTypes.Member ban.UserId ban.Content

            // Last: the upgrader may have less power by these.
            match levels request with
            | null -> ()
            | content -> state EventTypes.PowerLevels "" content
        |]
