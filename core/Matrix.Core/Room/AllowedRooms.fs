namespace Matrix.Core.Room

open Matrix.Core.Json

/// The rooms that restricted join rules name: their `allow` conditions. The authorization rules say
/// whether a version has such rules.
/// v1.19 client-server-api#restricted-rooms
[<RequireQualifiedAccess>]
module AllowedRooms =

    let private text (o: JsonObject) (name: string) =
        match o.TryFind name with
        | ValueSome(Json.String s) -> s
        | _ -> ""

    /// The rooms whose members may join, by the content of a join rules event. Conditions of other types are ignored.
    let ofJoinRules (content: JsonObject) : string[] =
        match content.TryFind "allow" with
        | ValueSome(Json.Array conditions) -> [|
            for condition in conditions do
                match condition with
                | Json.Object o when text o "type" = "m.room_membership" && text o "room_id" <> "" -> text o "room_id"
                | _ -> ()
          |]
        | _ -> [||]
