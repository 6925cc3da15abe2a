namespace Matrix.Core.Room

open Matrix.Core.Json

/// How a user of this server gets into a room with these join rules.
[<RequireQualifiedAccess>]
type JoinPath =
    /// The rules decide as they stand: an open room, an invite, or a refusal.
    | AsTheRulesSay
    /// Members of any of these rooms may join, if somebody who may invite vouches for them.
    | ThroughRooms of string[]

/// Joining rooms whose rules let the members of other rooms in. Client-Server API, "Restricted rooms".
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

    /// How somebody who is neither joined nor invited gets in, by the content of the room's join rules event.
    let path (restrictedIsKnown: bool) (joinRules: JsonObject) : JoinPath =
        match text joinRules "join_rule" with
        | "restricted"
        | "knock_restricted" when restrictedIsKnown -> JoinPath.ThroughRooms(allowedRooms joinRules)
        | _ -> JoinPath.AsTheRulesSay
