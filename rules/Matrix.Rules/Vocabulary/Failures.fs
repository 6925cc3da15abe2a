namespace Matrix.Rules

/// The reason of a rejection: one case for each kind.
[<RequireQualifiedAccess>]
type Reason =
    | CreateHasPrevEvents
    | CreateServerMismatch
    | CreateHasRoomId
    | RoomVersionUnknown
    | CreatorMissing
    | AdditionalCreatorsMalformed
    | RoomUnknown
    | AuthEventDuplicated
    | AuthEventUnselected
    | AuthEventRejected
    | AuthEventsLackCreate
    | AuthEventElsewhere
    | RoomNotFederated
    | AliasesWithoutStateKey
    | AliasesOfAnotherServer
    | MemberIncomplete
    | AuthorisingServerDidNotSign
    | JoinForAnother
    | SenderBanned
    | JoinNotAuthorised
    | JoinRuleForbids
    | TargetBanned
    | ThirdPartyUnsigned
    | ThirdPartyIncomplete
    | ThirdPartyForAnother
    | ThirdPartyTokenUnknown
    | ThirdPartyOtherInviter
    | ThirdPartySignatureInvalid
    | SenderNotJoined
    | TargetJoinedOrBanned
    | CannotLeaveFrom
    /// The sender's power is below the level or, where the sender acts on another user, not above that user's power.
    | PowerTooLow of NamedLevel
    | KnockRuleForbids
    | KnockForAnother
    | CannotKnockFrom
    | MembershipUnknown
    | EventNeedsMorePower
    | StateKeyOfAnotherUser
    | LevelsMalformed
    | LevelMapsMalformed
    | LevelUsersMalformed
    | LevelGivenToCreator
    /// The value before of an entry is above what the sender may change.
    | OldLevelTooHigh
    /// The value after of an entry is above what the sender may set.
    | NewLevelTooHigh
    | RedactionOfAnotherServer

/// The outcome of a rule.
[<RequireQualifiedAccess>]
type Outcome =
    | Allow
    | Reject of Reason

/// A value to show in a failure, supplied or required.
[<RequireQualifiedAccess>]
type Evidence =
    | Nothing
    | User of User
    | Server of Server
    | Membership of User
    | MembershipAmong of Membership list
    /// The room's join rule, as written.
    | JoinRule
    | Power of Power
    /// The least power that reaches the level and is above the target's.
    | PowerOverTarget of NamedLevel
    /// The string at a path of the content, if there is one.
    | Content of Path
    /// The first auth event that has the fault.
    | AuthEvent of AuthEventFault
    /// The number of previous events.
    | PrevEvents
    | Words of string

/// A value in a failure.
[<RequireQualifiedAccess>]
type Value =
    | Nothing
    | Text of string
    | Number of int64
    | Membership of Membership
    | Memberships of Membership list
    | Level of int64
    /// More power than any level.
    | Infinite

/// A rejection: the deciding clause, the reason, and the values.
type Failure = {
    /// The dotted name of the clause that decided.
    Clause: string
    Reason: Reason
    Supplied: Value
    Required: Value
    /// The key of the current entry, inside `ForEach`; "" outside.
    Entry: string
}

/// The evidence of failures, and their rendering.
[<RequireQualifiedAccess>]
module Failures =

    /// The evidence for a reason: what was supplied, and what was required.
    let evidence (reason: Reason) : struct (Evidence * Evidence) =
        match reason with
        | Reason.CreateHasPrevEvents -> struct (Evidence.PrevEvents, Evidence.Words "no previous events")
        | Reason.CreateServerMismatch ->
            struct (Evidence.Server Server.OfRoomId, Evidence.Server(Server.Of User.Sender))
        | Reason.CreateHasRoomId -> struct (Evidence.Words "a room_id", Evidence.Words "none")
        | Reason.RoomVersionUnknown ->
            struct (Evidence.Content [ "room_version" ], Evidence.Words "a known room version")
        | Reason.CreatorMissing -> struct (Evidence.Nothing, Evidence.Words "a creator")
        | Reason.AdditionalCreatorsMalformed ->
            struct (Evidence.Words "additional_creators", Evidence.Words "a list of user ids")
        | Reason.RoomUnknown ->
            struct (Evidence.Nothing, Evidence.Words "an accepted create event that the room id names")
        | Reason.AuthEventDuplicated ->
            struct (Evidence.AuthEvent AuthEventFault.Duplicated,
                    Evidence.Words "one auth event of a type and state key")
        | Reason.AuthEventUnselected ->
            struct (Evidence.AuthEvent AuthEventFault.Unselected, Evidence.Words "auth events that the selection names")
        | Reason.AuthEventRejected ->
            struct (Evidence.AuthEvent AuthEventFault.Rejected, Evidence.Words "auth events that were accepted")
        | Reason.AuthEventsLackCreate ->
            struct (Evidence.Nothing, Evidence.Words "the create event among the auth events")
        | Reason.AuthEventElsewhere ->
            struct (Evidence.AuthEvent AuthEventFault.Elsewhere, Evidence.Words "auth events of the same room")
        | Reason.RoomNotFederated ->
            struct (Evidence.Server(Server.Of User.Sender), Evidence.Server(Server.Of User.CreateSender))
        | Reason.AliasesWithoutStateKey -> struct (Evidence.Nothing, Evidence.Words "a state key")
        | Reason.AliasesOfAnotherServer ->
            struct (Evidence.Server Server.InStateKey, Evidence.Server(Server.Of User.Sender))
        | Reason.MemberIncomplete -> struct (Evidence.User User.StateKey, Evidence.Words "a state key and a membership")
        | Reason.AuthorisingServerDidNotSign ->
            struct (Evidence.User User.Authorising, Evidence.Words "a valid signature of that user's server")
        | Reason.JoinForAnother
        | Reason.KnockForAnother
        | Reason.StateKeyOfAnotherUser -> struct (Evidence.User User.StateKey, Evidence.User User.Sender)
        | Reason.SenderBanned -> struct (Evidence.Membership User.Sender, Evidence.Words "a sender who is not banned")
        | Reason.JoinNotAuthorised ->
            struct (Evidence.User User.Authorising, Evidence.Words "a joined member who may invite")
        | Reason.JoinRuleForbids -> struct (Evidence.JoinRule, Evidence.Words "a join rule that lets the sender join")
        | Reason.TargetBanned -> struct (Evidence.Membership User.StateKey, Evidence.Words "a user who is not banned")
        | Reason.ThirdPartyUnsigned -> struct (Evidence.Nothing, Evidence.Words "third_party_invite.signed")
        | Reason.ThirdPartyIncomplete ->
            struct (Evidence.Nothing, Evidence.Words "mxid and token in third_party_invite.signed")
        | Reason.ThirdPartyForAnother -> struct (Evidence.User User.ThirdPartyMxid, Evidence.User User.StateKey)
        | Reason.ThirdPartyTokenUnknown ->
            struct (Evidence.Content [ "third_party_invite"; "signed"; "token" ],
                    Evidence.Words "the token of an invitation")
        | Reason.ThirdPartyOtherInviter -> struct (Evidence.User User.Sender, Evidence.User User.ThirdPartyInviter)
        | Reason.ThirdPartySignatureInvalid ->
            struct (Evidence.Nothing, Evidence.Words "a signature by a key of the invitation")
        | Reason.SenderNotJoined ->
            struct (Evidence.Membership User.Sender, Evidence.MembershipAmong [ Membership.Join ])
        | Reason.TargetJoinedOrBanned ->
            struct (Evidence.Membership User.StateKey, Evidence.Words "a user neither joined nor banned")
        | Reason.CannotLeaveFrom ->
            struct (Evidence.Membership User.Sender, Evidence.Words "a membership that allows leaving")
        | Reason.PowerTooLow(NamedLevel.Kick | NamedLevel.Ban as level) ->
            struct (Evidence.Power(Power.Of User.Sender), Evidence.PowerOverTarget level)
        | Reason.PowerTooLow level -> struct (Evidence.Power(Power.Of User.Sender), Evidence.Power(Power.Level level))
        | Reason.KnockRuleForbids -> struct (Evidence.JoinRule, Evidence.Words "a join rule that allows knocking")
        | Reason.CannotKnockFrom ->
            struct (Evidence.Membership User.Sender, Evidence.Words "a user neither banned, invited nor joined")
        | Reason.MembershipUnknown -> struct (Evidence.Content [ "membership" ], Evidence.Words "a known membership")
        | Reason.EventNeedsMorePower -> struct (Evidence.Power(Power.Of User.Sender), Evidence.Power Power.Required)
        | Reason.LevelsMalformed -> struct (Evidence.Nothing, Evidence.Words "power levels for the named levels")
        | Reason.LevelMapsMalformed ->
            struct (Evidence.Nothing, Evidence.Words "objects of power levels for events and notifications")
        | Reason.LevelUsersMalformed ->
            struct (Evidence.Nothing, Evidence.Words "an object from user ids to levels for users")
        | Reason.LevelGivenToCreator -> struct (Evidence.Nothing, Evidence.Words "no creator of the room in users")
        | Reason.OldLevelTooHigh -> struct (Evidence.Power(Power.Of User.Sender), Evidence.Power Power.Old)
        | Reason.NewLevelTooHigh -> struct (Evidence.Power(Power.Of User.Sender), Evidence.Power Power.New)
        | Reason.RedactionOfAnotherServer -> struct (Evidence.Server Server.OfEventId, Evidence.Server Server.OfRedacts)

    /// The reason as a clause of a sentence.
    let words (reason: Reason) : string =
        match reason with
        | Reason.CreateHasPrevEvents -> "a create event is the first of its room"
        | Reason.CreateServerMismatch -> "the room id is of another server than the sender"
        | Reason.CreateHasRoomId -> "a create event has no room_id of its own"
        | Reason.RoomVersionUnknown -> "the room version is not known"
        | Reason.CreatorMissing -> "the create event names no creator"
        | Reason.AdditionalCreatorsMalformed -> "additional_creators is not a list of user ids"
        | Reason.RoomUnknown -> "the room id names no accepted create event"
        | Reason.AuthEventDuplicated -> "two auth events have the same type and state key"
        | Reason.AuthEventUnselected -> "auth_events has an event that the auth events selection does not name"
        | Reason.AuthEventRejected -> "an auth event was rejected"
        | Reason.AuthEventsLackCreate -> "the create event is not among the auth events"
        | Reason.AuthEventElsewhere -> "an auth event belongs to another room"
        | Reason.RoomNotFederated -> "the room is closed to other servers"
        | Reason.AliasesWithoutStateKey -> "aliases need a state key"
        | Reason.AliasesOfAnotherServer -> "aliases belong to another server"
        | Reason.MemberIncomplete -> "a member event needs a state key and a membership"
        | Reason.AuthorisingServerDidNotSign ->
            "the server of the user in join_authorised_via_users_server did not sign"
        | Reason.JoinForAnother -> "users join for themselves only"
        | Reason.SenderBanned -> "the sender is banned"
        | Reason.JoinNotAuthorised ->
            "the user in join_authorised_via_users_server is not a joined member who may invite"
        | Reason.JoinRuleForbids -> "the join rule does not let the sender join"
        | Reason.TargetBanned -> "the invited user is banned"
        | Reason.ThirdPartyUnsigned -> "the third-party invitation is not signed"
        | Reason.ThirdPartyIncomplete -> "the third-party invitation lacks mxid or token"
        | Reason.ThirdPartyForAnother -> "the third-party invitation is for another user"
        | Reason.ThirdPartyTokenUnknown -> "the third-party invitation's token is not known in the room"
        | Reason.ThirdPartyOtherInviter -> "another user sent the third-party invitation"
        | Reason.ThirdPartySignatureInvalid -> "no signature on the third-party invitation verifies"
        | Reason.SenderNotJoined -> "the sender is not in the room"
        | Reason.TargetJoinedOrBanned -> "the user is in the room already, or banned"
        | Reason.CannotLeaveFrom -> "the user cannot leave from this membership"
        | Reason.PowerTooLow NamedLevel.Invite -> "the sender may not invite"
        | Reason.PowerTooLow NamedLevel.Kick -> "the sender may not remove this user"
        | Reason.PowerTooLow NamedLevel.Ban -> "the sender may not ban this user, or lift the ban"
        | Reason.PowerTooLow NamedLevel.Redact -> "the sender may not redact the events of others"
        | Reason.KnockRuleForbids -> "the join rule does not allow knocking"
        | Reason.KnockForAnother -> "users knock for themselves only"
        | Reason.CannotKnockFrom -> "the user cannot knock from this membership"
        | Reason.MembershipUnknown -> "the membership is unknown in this room version"
        | Reason.EventNeedsMorePower -> "the sender may not send this type of event"
        | Reason.StateKeyOfAnotherUser -> "the state key belongs to another user"
        | Reason.LevelsMalformed -> "a named level is not a power level"
        | Reason.LevelMapsMalformed -> "events or notifications is not an object of power levels"
        | Reason.LevelUsersMalformed -> "users is not an object from user ids to levels"
        | Reason.LevelGivenToCreator -> "a creator of the room cannot be given a level"
        | Reason.OldLevelTooHigh -> "the current level is above what the sender may change"
        | Reason.NewLevelTooHigh -> "the new level is above what the sender may set"
        | Reason.RedactionOfAnotherServer -> "the redacted event is of another server"

    let private membership (m: Membership) = (string m).ToLowerInvariant()

    /// A value in words; "" for no value.
    let shown (value: Value) : string =
        match value with
        | Value.Nothing -> ""
        | Value.Text t -> t
        | Value.Number n -> string n
        | Value.Level n -> string n
        | Value.Infinite -> "infinite power"
        | Value.Membership m -> membership m
        | Value.Memberships ms -> ms |> List.map membership |> String.concat " or "

    // Only actions on a creator require more than every level.
    let private needed (failure: Failure) : string =
        match failure.Required with
        | Value.Infinite -> "more power than the target, a creator"
        | required -> shown required

    /// A failure in a sentence: the reason, and what was supplied and required.
    let render (failure: Failure) : string =
        let entry = if failure.Entry = "" then "" else $" for {failure.Entry}"

        let detail =
            match shown failure.Supplied, needed failure with
            | "", "" -> ""
            | "", required -> $": needs {required}"
            | supplied, "" -> $": has {supplied}"
            | supplied, required -> $": has {supplied}, needs {required}"

        $"{words failure.Reason}{entry}{detail} ({failure.Clause})"
