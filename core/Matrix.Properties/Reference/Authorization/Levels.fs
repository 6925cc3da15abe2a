/// Power levels, creators and the power of users. v1.19 client-server-api#mroompower_levels
[<RequireQualifiedAccess>]
module internal Matrix.Properties.Reference.Authorization.Levels

open Matrix.Rules
open Matrix.Core.Json

let private isDigits (s: string) =
    s <> "" && s |> Seq.forall System.Char.IsAsciiDigit

/// The level that a number of any size counts as.
let private nearest (n: bigint) : int64 =
    int64 (max (-9223372036854775805I) (min 9223372036854775805I n))

let levelOf (values: PowerLevelValues) (json: Json) : int64 option =
    match json, values with
    | Json.Int n, _ -> Some(nearest (bigint n))
    | Json.String s, (PowerLevelValues.IntegersAndStrings | PowerLevelValues.IntegersFloatsAndStrings) ->
        let s = s.Trim()
        let negative = s.StartsWith '-'
        let digits = if negative || s.StartsWith '+' then s.Substring 1 else s

        if isDigits digits then
            Some(nearest (System.Numerics.BigInteger.Parse digits * (if negative then -1I else 1I)))
        else
            None
    | Json.BigInt digits, PowerLevelValues.IntegersFloatsAndStrings ->
        Some(nearest (System.Numerics.BigInteger.Parse digits))
    | Json.Float d, PowerLevelValues.IntegersFloatsAndStrings ->
        Some(nearest (System.Numerics.BigInteger(if d < 0.0 then ceil d else floor d)))
    | _ -> None

let levels (context: Context) : Json =
    match Lookup.found context "m.room.power_levels" "" with
    | Some event -> Json.Object event.Content
    | None -> Json.Object JsonObject.Empty

let currentLevel (context: Context) (path: Path) : int64 option =
    Lookup.at path (levels context)
    |> Option.bind (levelOf (Lookup.settings context).PowerLevelValues)

let private orElse (otherwise: int64) (level: int64 option) = Option.defaultValue otherwise level

let creators (context: Context) : string list =
    match Lookup.create context with
    | None -> []
    | Some event ->
        match (Lookup.settings context).Creators with
        | Creators.ContentCreator -> Lookup.textAt [ "creator" ] event |> Option.toList
        | Creators.Sender -> [ event.Sender ]
        | Creators.SenderAndAdditional ->
            event.Sender
            :: (match Lookup.at [ "additional_creators" ] (Json.Object event.Content) with
                | Some(Json.Array users) -> [
                    for user in users do
                        match user with
                        | Json.String s -> s
                        | _ -> ()
                  ]
                | _ -> [])

let powerOf (context: Context) (user: string) : PowerOf =
    let isCreator = List.contains user (creators context)

    match (Lookup.settings context).CreatorPower, Lookup.found context "m.room.power_levels" "" with
    | CreatorPower.Infinite, _ when isCreator -> PowerOf.Infinite
    | CreatorPower.HundredAtFirst, None when isCreator -> PowerOf.Level 100L
    | _, None -> PowerOf.Level 0L
    | _, Some _ ->
        match currentLevel context [ "users"; user ] with
        | Some n -> PowerOf.Level n
        | None -> currentLevel context [ "users_default" ] |> orElse 0L |> PowerOf.Level

let namedLevel (context: Context) (level: NamedLevel) : int64 =
    match level with
    | NamedLevel.Invite -> currentLevel context [ "invite" ] |> orElse 0L
    | NamedLevel.Kick -> currentLevel context [ "kick" ] |> orElse 50L
    | NamedLevel.Ban -> currentLevel context [ "ban" ] |> orElse 50L
    | NamedLevel.Redact -> currentLevel context [ "redact" ] |> orElse 50L

let required (context: Context) : int64 =
    let event = context.Case.Event

    match currentLevel context [ "events"; event.Type ] with
    | Some n -> n
    | None when event.IsState -> currentLevel context [ "state_default" ] |> orElse 50L
    | None -> currentLevel context [ "events_default" ] |> orElse 0L
