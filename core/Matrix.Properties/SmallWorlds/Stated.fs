namespace Matrix.Properties.SmallWorlds

open System
open System.Globalization
open System.Numerics
open Matrix.Rules
open Matrix.Core.Event
open Matrix.Core.Json

/// Room versions by their number. What is claimed of a version is chosen by its number and never by its tables or
/// settings: if one of these were wrong or missing, the claim about it would change with it.
[<AutoOpen>]
module VersionNumbers =

    /// The versions with which claims begin or end. Between two of them the same claims hold.
    let eras: int[] = [| 1; 3; 6; 7; 8; 10; 11; 12 |]

    /// The number of a version, or of the version that an unstable one is based on.
    let rec numberOf (version: RoomVersion) : int =
        match Int32.TryParse version.Id, version.Parent with
        | (true, number), _ -> number
        | _, Some parent -> Versions.tryFindUnstable parent |> Option.map numberOf |> Option.defaultValue 0
        | _, None -> 0

    let private number (first: int) : unit =
        if Array.IndexOf(eras, first) < 0 then
            invalidArg (nameof first) $"No era of versions begins with version {first}."

    /// This version and later ones. An era begins with it.
    let since (first: int) (version: RoomVersion) : bool =
        number first
        numberOf version >= first

    /// This version and earlier ones. An era ends with it.
    let until (last: int) (version: RoomVersion) : bool =
        number (last + 1)
        numberOf version <= last

    /// The first version of the era of a version.
    let eraOf (version: RoomVersion) : int =
        let number = numberOf version
        eras |> Array.filter (fun first -> first <= number) |> Array.last

    /// Versions in which a user owns the state whose key begins with the user's id.
    let hasStateOwners (version: RoomVersion) : bool = version.Id = "org.example.owned-state"

/// What the pages of the room versions say of creators, of their power and of the values of levels, by the version's
/// number. Nothing here reads a table or a setting.
[<RequireQualifiedAccess>]
module Stated =

    let private limit = bigint Limits.Power

    let private within (n: bigint) : int64 =
        int64 (BigInteger.Max(-limit, BigInteger.Min(limit, n)))

    let private ofDigits (digits: string) : int64 voption =
        match BigInteger.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture) with
        | true, n -> ValueSome(within n)
        | _ -> ValueNone

    /// The level that a value is, if it is one: an integer; up to version 9 also a string with an integer; up to
    /// version 5 also a float, truncated.
    let level (version: RoomVersion) (json: Json) : int64 voption =
        match json with
        | Json.Int n -> ValueSome(max -Limits.Power (min Limits.Power n))
        | Json.String digits when until 9 version -> ofDigits (digits.Trim())
        | Json.BigInt digits when until 5 version -> ofDigits digits
        | Json.Float d when until 5 version && Double.IsFinite d -> ValueSome(within (bigint (Math.Truncate d)))
        | _ -> ValueNone

    /// The creators of a room: up to version 10 the user in `creator`, in version 11 the sender of the create event,
    /// and since version 12 also its additional creators.
    let creators (version: RoomVersion) (create: Pdu) : string[] =
        if until 10 version then
            match create.Content.Text "creator" with
            | null -> [||]
            | creator -> [| creator |]
        elif until 11 version then
            [| create.Sender |]
        else
            match create.Content.TryFind "additional_creators" with
            | ValueSome(Json.Array items) -> [|
                create.Sender
                for item in items do
                    match item with
                    | Json.String user -> user
                    | _ -> ()
              |]
            | _ -> [| create.Sender |]

    /// Since version 12 creators have more power than any level. Before, they have a level of 100 while there is no
    /// power levels event.
    let creatorsAreAboveLevels: RoomVersion -> bool = since 12

/// The content of a power levels event as the version's page reads it, with the page's defaults.
[<Sealed>]
type StatedLevels(version: RoomVersion, content: JsonObject) =

    let level (o: JsonObject) (key: string) : int64 voption =
        match o.TryFind key with
        | ValueSome json -> Stated.level version json
        | ValueNone -> ValueNone

    let named (key: string) (otherwise: int64) : int64 =
        level content key |> ValueOption.defaultValue otherwise

    let entry (map: string) (key: string) : int64 voption =
        match content.TryFind map with
        | ValueSome(Json.Object o) -> level o key
        | _ -> ValueNone

    /// The level to invite.
    member val Invite = named "invite" 0L
    /// The level to remove others.
    member val Kick = named "kick" 50L
    /// The level to ban.
    member val Ban = named "ban" 50L
    /// The level to redact the events of others.
    member val Redact = named "redact" 50L

    /// The level of a member, if it is there and is a level.
    member _.Named(key: string) : int64 voption = level content key

    /// The level of an entry of a map, if it is there and is a level.
    member _.Entry(map: string, key: string) : int64 voption = entry map key

    /// The level of a user: their entry, or the default.
    member _.OfUser(user: string) : int64 =
        entry "users" user
        |> ValueOption.defaultWith (fun () -> named "users_default" 0L)

    /// The level that an event of this type requires.
    member _.Required(eventType: string, isState: bool) : int64 =
        entry "events" eventType
        |> ValueOption.defaultWith (fun () ->
            if isState then
                named "state_default" 50L
            else
                named "events_default" 0L)

    /// The power of a user, given the room's creators and whether there is a power levels event: `Int64.MaxValue` if it
    /// is above all levels.
    member this.PowerOf(user: string, creators: string[], isThere: bool) : int64 =
        let isCreator = Array.IndexOf(creators, user) >= 0

        if Stated.creatorsAreAboveLevels version then
            if isCreator then Int64.MaxValue else this.OfUser user
        elif isThere then
            this.OfUser user
        elif isCreator then
            100L
        else
            0L

/// The powers in a state, as the version's page says.
[<Sealed>]
type StatedPowers(version: RoomVersion, state: Map<string * string, Pdu>) =

    let levelsEvent = state.TryFind("m.room.power_levels", "")

    let creators =
        match state.TryFind("m.room.create", "") with
        | Some create -> Stated.creators version create
        | None -> [||]

    /// The levels, or the defaults where there is no power levels event.
    member val Levels =
        StatedLevels(
            version,
            match levelsEvent with
            | Some event -> event.Content
            | None -> JsonObject.Empty
        )

    /// The power of a user: `Int64.MaxValue` if it is above all levels.
    member this.Of(user: string) : int64 =
        this.Levels.PowerOf(user, creators, levelsEvent.IsSome)
