namespace Matrix.Core.Room

open Matrix.Core.Json

/// Joining rooms whose rules let the members of other rooms in: whether they do is the authorization rules' to say.
/// Client-Server API, "Restricted rooms".
[<RequireQualifiedAccess>]
module Joining =

    let private text (o: JsonObject) (name: string) =
        match o.TryFind name with
        | ValueSome(Json.String s) -> s
        | _ -> ""

    /// The rooms whose members a `join_rules` content lets in. Conditions of other types are passed over.
    let allowedRooms (content: JsonObject) : string[] =
        match content.TryFind "allow" with
        | ValueSome(Json.Array conditions) -> [|
            for condition in conditions do
                match condition with
                | Json.Object o when text o "type" = "m.room_membership" && text o "room_id" <> "" -> text o "room_id"
                | _ -> ()
          |]
        | _ -> [||]
