namespace Matrix.Core.Event

/// The types of events that this server knows. v1.19 client-server-api#events and its modules.
[<RequireQualifiedAccess>]
module EventTypes =

    // Room state.

    [<Literal>]
    let Create = "m.room.create"

    [<Literal>]
    let Member = "m.room.member"

    [<Literal>]
    let PowerLevels = "m.room.power_levels"

    [<Literal>]
    let JoinRules = "m.room.join_rules"

    [<Literal>]
    let HistoryVisibility = "m.room.history_visibility"

    [<Literal>]
    let GuestAccess = "m.room.guest_access"

    [<Literal>]
    let ThirdPartyInvite = "m.room.third_party_invite"

    [<Literal>]
    let CanonicalAlias = "m.room.canonical_alias"

    [<Literal>]
    let Aliases = "m.room.aliases"

    [<Literal>]
    let Name = "m.room.name"

    [<Literal>]
    let Topic = "m.room.topic"

    [<Literal>]
    let Avatar = "m.room.avatar"

    [<Literal>]
    let Encryption = "m.room.encryption"

    [<Literal>]
    let PinnedEvents = "m.room.pinned_events"

    [<Literal>]
    let ServerAcl = "m.room.server_acl"

    [<Literal>]
    let Tombstone = "m.room.tombstone"

    [<Literal>]
    let Policy = "m.room.policy"

    [<Literal>]
    let SpaceChild = "m.space.child"

    [<Literal>]
    let SpaceParent = "m.space.parent"

    [<Literal>]
    let PolicyRuleUser = "m.policy.rule.user"

    [<Literal>]
    let PolicyRuleRoom = "m.policy.rule.room"

    [<Literal>]
    let PolicyRuleServer = "m.policy.rule.server"

    // Messages.

    [<Literal>]
    let Message = "m.room.message"

    [<Literal>]
    let Encrypted = "m.room.encrypted"

    [<Literal>]
    let Redaction = "m.room.redaction"

    [<Literal>]
    let Reaction = "m.reaction"

    [<Literal>]
    let Sticker = "m.sticker"

    [<Literal>]
    let CallInvite = "m.call.invite"

    // Ephemeral events and EDUs.

    [<Literal>]
    let Typing = "m.typing"

    [<Literal>]
    let Receipt = "m.receipt"

    [<Literal>]
    let Presence = "m.presence"

    [<Literal>]
    let DirectToDevice = "m.direct_to_device"

    [<Literal>]
    let DeviceListUpdate = "m.device_list_update"

    [<Literal>]
    let SigningKeyUpdate = "m.signing_key_update"

    // Account data.

    [<Literal>]
    let Direct = "m.direct"

    [<Literal>]
    let FullyRead = "m.fully_read"

    [<Literal>]
    let IgnoredUserList = "m.ignored_user_list"

    [<Literal>]
    let PushRules = "m.push_rules"

    [<Literal>]
    let Tag = "m.tag"
