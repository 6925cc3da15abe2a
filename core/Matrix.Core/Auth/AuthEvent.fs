namespace Matrix.Core.Auth

open Matrix.Rules
open Matrix.Core.Event
open Matrix.Core.Json

/// Reading contents by path.
[<RequireQualifiedAccess>]
module internal Content =

    /// The value at a path of an object.
    let rec find (o: JsonObject) (path: string[]) (at: int) : Json voption =
        match o.TryFind path[at] with
        | ValueSome json when at = path.Length - 1 -> ValueSome json
        | ValueSome(Json.Object inner) -> find inner path (at + 1)
        | _ -> ValueNone

    /// The string at a key, or null.
    let text (o: JsonObject) (key: string) : string | null =
        match o.TryFind key with
        | ValueSome(Json.String s) -> s
        | _ -> null

/// Memberships and join rules as they are written in events.
[<RequireQualifiedAccess>]
module Spelling =

    /// The membership of this spelling; absent for an unknown one.
    let membership (word: string | null) : Membership =
        match word with
        | "join" -> Membership.Join
        | "invite" -> Membership.Invite
        | "leave" -> Membership.Leave
        | "ban" -> Membership.Ban
        | "knock" -> Membership.Knock
        | _ -> Membership.Absent

    /// The spelling of a membership; null for an absent one.
    let ofMembership (membership: Membership) : string | null =
        match membership with
        | Membership.Absent -> null
        | other -> Settings.membershipWord other

    /// The spelling of a join rule.
    let ofJoinRule (rule: JoinRule) : string = Settings.joinRuleWord rule

/// A state event with what authorization reads of it, read once. Make one per event and keep it: later decisions cost
/// less.
[<Sealed>]
type AuthEvent(settings: Settings, pdu: Pdu) =

    let membership =
        if pdu.Type = EventTypes.Member then
            Spelling.membership (Content.text pdu.Content "membership")
        else
            Membership.Absent

    // Without a `join_rule`, only invited users may join.
    let joinRule =
        if pdu.Type = EventTypes.JoinRules then
            match pdu.Content.TryFind "join_rule" with
            | ValueSome(Json.String rule) -> rule
            | ValueSome _ -> ""
            | ValueNone -> "invite"
        else
            ""

    let levels: PowerLevels =
        if pdu.Type = EventTypes.PowerLevels then
            PowerLevels(settings.PowerLevelValues, pdu.Content)
        else
            PowerLevels.Absent

    let creators: string[] =
        if pdu.Type <> EventTypes.Create then
            [||]
        else
            match settings.Creators with
            | Creators.ContentCreator ->
                match Content.text pdu.Content "creator" with
                | null -> [||]
                | creator -> [| creator |]
            | Creators.Sender -> [| pdu.Sender |]
            | Creators.SenderAndAdditional ->
                match pdu.Content.TryFind "additional_creators" with
                | ValueSome(Json.Array items) -> [|
                    pdu.Sender
                    for item in items do
                        match item with
                        | Json.String user when user <> pdu.Sender -> user
                        | _ -> ()
                  |]
                | _ -> [| pdu.Sender |]

    /// The event itself.
    member _.Pdu = pdu

    /// Of a member event: the membership, absent if it is unknown. Of any other event: absent.
    member _.Membership = membership

    /// Of a join rules event: the rule as written, `invite` if there is none.
    member _.JoinRule = joinRule

    /// Of a power levels event: the levels.
    member _.Levels = levels

    /// Of a create event: the room's creators, as the room version counts them.
    member _.Creators = creators
