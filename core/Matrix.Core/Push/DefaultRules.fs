namespace Matrix.Core.Push

open Matrix.Core.Event
open Matrix.Core.Json

/// A rule that the server defines for all users.
type internal DefaultRule = {
    Kind: PushRuleKind
    RuleId: string
    Enabled: bool
    Conditions: PushCondition list
    Actions: Json list
}

/// The server-default rules, each kind in its order. v1.19 client-server-api#predefined-rules. The rules that
/// searched the body for mentions were removed in v1.17. Those about threads are of MSC4306.
module internal DefaultRules =

    /// The placeholder for the specification's "[the user's Matrix ID]".
    let ownUserId = "[the user's Matrix ID]"

    let private rule kind ruleId conditions actions = {
        Kind = kind
        RuleId = ruleId
        Enabled = true
        Conditions = conditions
        Actions = actions
    }

    let private sound name =
        PushActions.tweak "sound" (ValueSome(Json.String name))

    let private highlight = PushActions.tweak "highlight" ValueNone
    let private isType t = PushCondition.EventMatch("type", t)

    let private twoMembers = PushCondition.RoomMemberCount(CountComparison.Equal, 2L)

    /// The rule before every other rule, the user's own included.
    let master = {
        rule PushRuleKind.Override ".m.rule.master" [] [] with
            Enabled = false
    }

    /// v1.19 client-server-api#default-override-rules
    let private overrides = [
        rule PushRuleKind.Override ".m.rule.suppress_notices" [
            PushCondition.EventMatch("content.msgtype", "m.notice")
        ] []
        rule PushRuleKind.Override ".m.rule.invite_for_me" [
            isType EventTypes.Member
            PushCondition.EventMatch("content.membership", "invite")
            PushCondition.EventMatch("state_key", ownUserId)
        ] [ PushActions.notify; sound "default" ]
        rule PushRuleKind.Override ".m.rule.member_event" [ isType EventTypes.Member ] []
        rule PushRuleKind.Override ".m.rule.is_user_mention" [
            PushCondition.EventPropertyContains(@"content.m\.mentions.user_ids", Json.String ownUserId)
        ] [ PushActions.notify; sound "default"; highlight ]
        rule PushRuleKind.Override ".m.rule.is_room_mention" [
            PushCondition.EventPropertyIs(@"content.m\.mentions.room", Json.Bool true)
            PushCondition.SenderNotificationPermission "room"
        ] [ PushActions.notify; highlight ]
        rule PushRuleKind.Override ".m.rule.tombstone" [
            isType EventTypes.Tombstone
            PushCondition.EventMatch("state_key", "")
        ] [ PushActions.notify; highlight ]
        rule PushRuleKind.Override ".m.rule.reaction" [ isType EventTypes.Reaction ] []
        rule PushRuleKind.Override ".m.rule.room.server_acl" [
            isType EventTypes.ServerAcl
            PushCondition.EventMatch("state_key", "")
        ] []
        rule PushRuleKind.Override ".m.rule.suppress_edits" [
            PushCondition.EventPropertyIs(@"content.m\.relates_to.rel_type", Json.String "m.replace")
        ] []
    ]

    let private postContents = [
        rule PushRuleKind.PostContent ".io.element.msc4306.rule.unsubscribed_thread" [
            PushCondition.ThreadSubscription false
        ] []
        rule PushRuleKind.PostContent ".io.element.msc4306.rule.subscribed_thread" [
            PushCondition.ThreadSubscription true
        ] [ PushActions.notify; sound "default" ]
    ]

    /// v1.19 client-server-api#default-underride-rules
    let private underrides = [
        rule PushRuleKind.Underride ".m.rule.call" [ isType EventTypes.CallInvite ] [ PushActions.notify; sound "ring" ]
        rule PushRuleKind.Underride ".m.rule.encrypted_room_one_to_one" [ twoMembers; isType EventTypes.Encrypted ] [
            PushActions.notify
            sound "default"
        ]
        rule PushRuleKind.Underride ".m.rule.room_one_to_one" [ twoMembers; isType EventTypes.Message ] [
            PushActions.notify
            sound "default"
        ]
        rule PushRuleKind.Underride ".m.rule.message" [ isType EventTypes.Message ] [ PushActions.notify ]
        rule PushRuleKind.Underride ".m.rule.encrypted" [ isType EventTypes.Encrypted ] [ PushActions.notify ]
    ]

    /// All default rules, `master` first.
    let all = master :: overrides @ postContents @ underrides

    /// A condition with the reader's id in place of the placeholder.
    let forUser (userId: string) (condition: PushCondition) : PushCondition =
        match condition with
        | PushCondition.EventMatch(key, pattern) when pattern = ownUserId -> PushCondition.EventMatch(key, userId)
        | PushCondition.EventPropertyContains(key, Json.String value) when value = ownUserId ->
            PushCondition.EventPropertyContains(key, Json.String userId)
        | other -> other

    /// Whether a condition is the same for every reader.
    let isCommon (condition: PushCondition) : bool = forUser "" condition = condition

    /// Whether a condition holds for every reader if it holds for one.
    let hasCommonResult (condition: PushCondition) : bool =
        match condition with
        | PushCondition.EventMatch _
        | PushCondition.EventPropertyContains _ -> isCommon condition
        | PushCondition.EventPropertyIs _
        | PushCondition.RoomMemberCount _
        | PushCondition.SenderNotificationPermission _
        | PushCondition.Unrecognised -> true
        | PushCondition.ContainsDisplayName
        | PushCondition.ThreadSubscription _ -> false
