/// The users, servers, powers, memberships and join rules that rules read.
[<RequireQualifiedAccess>]
module internal Matrix.Properties.Reference.Authorization.Terms

open Matrix.Rules
open Matrix.Core.Event
open Matrix.Core.Ident
open Matrix.Core.Json

let invitation (context: Context) : Pdu option =
    Lookup.textAt [ "third_party_invite"; "signed"; "token" ] context.Case.Event
    |> Option.bind (Lookup.found context "m.room.third_party_invite")

/// The user id that a state key is, or starts with before an underscore.
let private ownerOf (key: string) : string option =
    [ 1 .. key.Length ]
    |> List.filter (fun length -> length = key.Length || key[length] = '_')
    |> List.map (fun length -> key.Substring(0, length))
    |> List.tryFind UserId.isValid

let user (context: Context) (term: User) : string option =
    let event = context.Case.Event

    match term with
    | User.Sender -> Some event.Sender
    | User.StateKey -> Option.ofObj event.StateKey
    | User.ContentCreator -> Lookup.create context |> Option.bind (Lookup.textAt [ "creator" ])
    | User.CreateSender -> Lookup.create context |> Option.map _.Sender
    | User.Authorising -> Lookup.textAt [ "join_authorised_via_users_server" ] event
    | User.ThirdPartyMxid -> Lookup.textAt [ "third_party_invite"; "signed"; "mxid" ] event
    | User.ThirdPartyInviter -> invitation context |> Option.map _.Sender
    | User.EntryKey -> context.Entry |> Option.map _.Key
    | User.StateKeyOwner -> Option.ofObj event.StateKey |> Option.bind ownerOf
    | User.RedactedSender -> context.Redacted

let domain (id: string) : string option =
    match id.Split(':', 2) with
    | [| _; domain |] -> Some domain
    | _ -> None

let server (context: Context) (term: Server) : string option =
    let event = context.Case.Event

    match term with
    | Server.Of u -> user context u |> Option.bind domain
    | Server.OfRoomId -> domain event.RoomId
    | Server.OfEventId -> domain event.EventId
    | Server.OfRedacts -> Option.ofObj event.Redacts |> Option.bind domain
    | Server.InStateKey -> Option.ofObj event.StateKey

let power (context: Context) (term: Power) : PowerOf option =
    match term with
    | Power.Of u -> user context u |> Option.map (Levels.powerOf context)
    | Power.Constant level -> Some(PowerOf.Level level)
    | Power.Level level -> Some(PowerOf.Level(Levels.namedLevel context level))
    | Power.Required -> Some(PowerOf.Level(Levels.required context))
    | Power.Old -> context.Entry |> Option.bind _.Old |> Option.map PowerOf.Level
    | Power.New -> context.Entry |> Option.bind _.New |> Option.map PowerOf.Level

/// The public keys of a third-party invitation in this place.
let publicKeys (place: KeyPlace) (invitation: Pdu) : string list =
    match place with
    | KeyPlace.Single -> Lookup.textAt [ "public_key" ] invitation |> Option.toList
    | KeyPlace.Listed ->
        match Lookup.at [ "public_keys" ] (Json.Object invitation.Content) with
        | Some(Json.Array items) -> [
            for item in items do
                match Lookup.at [ "public_key" ] item with
                | Some(Json.String key) -> key
                | _ -> ()
          ]
        | _ -> []

let membershipNamed (word: string) : Membership =
    match word with
    | "join" -> Membership.Join
    | "invite" -> Membership.Invite
    | "leave" -> Membership.Leave
    | "ban" -> Membership.Ban
    | "knock" -> Membership.Knock
    | _ -> Membership.Absent

let membership (context: Context) (term: User) : Membership =
    user context term
    |> Option.bind (Lookup.found context "m.room.member")
    |> Option.bind (Lookup.textAt [ "membership" ])
    |> Option.map membershipNamed
    |> Option.defaultValue Membership.Absent

let joinRule (context: Context) : string =
    match Lookup.found context "m.room.join_rules" "" with
    | None -> "invite"
    | Some event ->
        match Lookup.at [ "join_rule" ] (Json.Object event.Content) with
        | None -> "invite"
        | Some(Json.String rule) -> rule
        | Some _ -> ""

let ruleNamed (word: string) : JoinRule option =
    match word with
    | "public" -> Some JoinRule.Public
    | "invite" -> Some JoinRule.Invite
    | "knock" -> Some JoinRule.Knock
    | "restricted" -> Some JoinRule.Restricted
    | "knock_restricted" -> Some JoinRule.KnockRestricted
    | "private" -> Some JoinRule.Private
    | _ -> None
