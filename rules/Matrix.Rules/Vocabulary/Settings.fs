namespace Matrix.Rules

/// A user's membership in a room. v1.19 client-server-api#room-membership
[<RequireQualifiedAccess>]
type Membership =
    /// No member event, or one with an unknown membership.
    | Absent
    | Invite
    | Join
    | Leave
    | Ban
    | Knock

/// A room's join rule. v1.19 client-server-api#mroomjoin_rules
[<RequireQualifiedAccess>]
type JoinRule =
    | Public
    | Invite
    | Knock
    | Restricted
    | KnockRestricted
    /// Reserved, without meaning.
    | Private

/// Lists of memberships.
[<RequireQualifiedAccess>]
module Membership =

    /// Every membership, `Absent` included.
    let all = [
        Membership.Absent
        Membership.Invite
        Membership.Join
        Membership.Leave
        Membership.Ban
        Membership.Knock
    ]

/// Lists of join rules.
[<RequireQualifiedAccess>]
module JoinRule =

    /// Every join rule.
    let all = [
        JoinRule.Public
        JoinRule.Invite
        JoinRule.Knock
        JoinRule.Restricted
        JoinRule.KnockRestricted
        JoinRule.Private
    ]

/// The form of event ids. v1.19 rooms/v4#event-ids
[<RequireQualifiedAccess>]
type EventIdForm =
    /// `$opaque:domain`, chosen by the sender's server and sent as `event_id`.
    | Assigned
    /// `$` and the reference hash in unpadded Base64, with `+` and `/`.
    | Hash
    /// `$` and the reference hash in URL-safe unpadded Base64.
    | UrlSafeHash

/// How `auth_events` and `prev_events` name events. v1.19 rooms/v12#event-format-1
[<RequireQualifiedAccess>]
type EventReferences =
    /// Pairs of an identifier and an object of hashes.
    | IdsWithHashes
    /// Identifiers only.
    | Ids

/// Whether servers refuse events that are not canonical JSON. v1.19 rooms/v6#canonical-json
[<RequireQualifiedAccess>]
type JsonStrictness =
    | Lenient
    | Strict

/// The form of room ids. v1.19 appendices#room-ids
[<RequireQualifiedAccess>]
type RoomIdForm =
    /// `!opaque:domain`, chosen by the creator's server.
    | WithDomain
    /// The create event's id with `!` in place of `$`. The create event itself has no `room_id`.
    | HashOfCreate

/// Whether a key must have been valid at the event's time. v1.19 rooms/v5#signing-key-validity-period
[<RequireQualifiedAccess>]
type KeyValidity =
    | NotEnforced
    | Enforced

/// The values that count as power levels. v1.19 rooms/v1#deprecated-event-content-schemas
[<RequireQualifiedAccess>]
type PowerLevelValues =
    /// Integers, floats (truncated), and strings with an integer.
    | IntegersFloatsAndStrings
    /// Integers, and strings with an integer.
    | IntegersAndStrings
    | Integers

/// Lists of readings of power levels.
[<RequireQualifiedAccess>]
module PowerLevelValues =

    /// Every reading.
    let all = [
        PowerLevelValues.IntegersFloatsAndStrings
        PowerLevelValues.IntegersAndStrings
        PowerLevelValues.Integers
    ]

/// The users who count as creators of the room.
[<RequireQualifiedAccess>]
type Creators =
    /// The user that the create event's `creator` names.
    | ContentCreator
    /// The sender of the create event.
    | Sender
    /// The sender of the create event, and everyone in its `additional_creators`.
    | SenderAndAdditional

/// The power of creators.
[<RequireQualifiedAccess>]
type CreatorPower =
    /// A level of 100 while there is no power levels event; none of its own afterwards.
    | HundredAtFirst
    /// More than any level, always.
    | Infinite

/// The place where a redaction names the redacted event. v1.19 client-server-api#mroomredaction
[<RequireQualifiedAccess>]
type RedactsPlace =
    /// Beside `content`.
    | TopLevel
    /// Inside `content`.
    | Content

/// A server, besides the sender's, whose signature an event must have.
[<RequireQualifiedAccess>]
type ExtraSigner =
    /// The server in the event's own id.
    | EventIdServer
    /// The server of the user in a member event's `join_authorised_via_users_server`.
    | AuthorisingServer

/// The choices of a room version that have no table of their own.
type Settings = {
    EventIds: EventIdForm
    References: EventReferences
    Json: JsonStrictness
    /// The greatest `depth` that an event may have.
    MaximumDepth: int64
    RoomIds: RoomIdForm
    StateResolution: StateResolutionAlgorithm
    KeyValidity: KeyValidity
    PowerLevelValues: PowerLevelValues
    Creators: Creators
    CreatorPower: CreatorPower
    Redacts: RedactsPlace
    /// The join rules that have a meaning in this version.
    JoinRules: JoinRule list
    ExtraSigners: ExtraSigner list
}

/// One change to a setting.
[<RequireQualifiedAccess>]
type Setting =
    | EventIds of EventIdForm
    | References of EventReferences
    | Json of JsonStrictness
    | MaximumDepth of int64
    | RoomIds of RoomIdForm
    | StateResolution of StateResolutionAlgorithm
    | KeyValidity of KeyValidity
    | PowerLevelValues of PowerLevelValues
    | Creators of Creators
    | CreatorPower of CreatorPower
    | Redacts of RedactsPlace
    | JoinRuleAdded of JoinRule
    | SignerAdded of ExtraSigner
    | SignerRemoved of ExtraSigner

/// Applies and compares settings.
[<RequireQualifiedAccess>]
module Settings =

    /// The settings after one change.
    let apply (change: Setting) (settings: Settings) : Settings =
        match change with
        | Setting.EventIds x -> { settings with EventIds = x }
        | Setting.References x -> { settings with References = x }
        | Setting.Json x -> { settings with Json = x }
        | Setting.MaximumDepth x -> { settings with MaximumDepth = x }
        | Setting.RoomIds x -> { settings with RoomIds = x }
        | Setting.StateResolution x -> { settings with StateResolution = x }
        | Setting.KeyValidity x -> { settings with KeyValidity = x }
        | Setting.PowerLevelValues x -> { settings with PowerLevelValues = x }
        | Setting.Creators x -> { settings with Creators = x }
        | Setting.CreatorPower x -> { settings with CreatorPower = x }
        | Setting.Redacts x -> { settings with Redacts = x }
        | Setting.JoinRuleAdded x -> {
            settings with
                JoinRules = settings.JoinRules @ [ x ]
          }
        | Setting.SignerAdded x -> {
            settings with
                ExtraSigners = settings.ExtraSigners @ [ x ]
          }
        | Setting.SignerRemoved x -> {
            settings with
                ExtraSigners = settings.ExtraSigners |> List.except [ x ]
          }

    /// The membership as written in events.
    let membershipWord (membership: Membership) : string =
        match membership with
        | Membership.Absent -> "absent"
        | Membership.Invite -> "invite"
        | Membership.Join -> "join"
        | Membership.Leave -> "leave"
        | Membership.Ban -> "ban"
        | Membership.Knock -> "knock"

    /// The join rule as written in events.
    let joinRuleWord (rule: JoinRule) : string =
        match rule with
        | JoinRule.Public -> "public"
        | JoinRule.Invite -> "invite"
        | JoinRule.Knock -> "knock"
        | JoinRule.Restricted -> "restricted"
        | JoinRule.KnockRestricted -> "knock_restricted"
        | JoinRule.Private -> "private"

    /// Whether rooms with these settings have a join rule of this name.
    let hasJoinRule (name: string) (settings: Settings) : bool =
        settings.JoinRules |> List.exists (fun rule -> joinRuleWord rule = name)

    let private eventIds =
        function
        | EventIdForm.Assigned -> "$opaque:domain, chosen by the sender's server and sent as event_id"
        | EventIdForm.Hash -> "$ and the reference hash in unpadded Base64; not sent"
        | EventIdForm.UrlSafeHash -> "$ and the reference hash in URL-safe unpadded Base64; not sent"

    let private references =
        function
        | EventReferences.IdsWithHashes -> "pairs of an event's id and an object of its hashes"
        | EventReferences.Ids -> "events' ids"

    let private json =
        function
        | JsonStrictness.Lenient -> "not enforced"
        | JsonStrictness.Strict -> "enforced"

    let private roomIds =
        function
        | RoomIdForm.WithDomain -> "!opaque:domain, chosen by the creator's server"
        | RoomIdForm.HashOfCreate -> "the create event's id with ! for $"

    let private stateResolution (algorithm: StateResolutionAlgorithm) =
        let steps =
            algorithm.Steps |> List.map StateResolutionAlgorithm.words |> String.concat "; "

        algorithm.Name + ": " + steps

    let private keyValidity =
        function
        | KeyValidity.NotEnforced -> "not enforced"
        | KeyValidity.Enforced -> "enforced"

    /// The values that count as power levels, in words.
    let levelValueWords (values: PowerLevelValues) : string =
        match values with
        | PowerLevelValues.IntegersFloatsAndStrings -> "integers, floats, and strings that hold an integer"
        | PowerLevelValues.IntegersAndStrings -> "integers, and strings that hold an integer"
        | PowerLevelValues.Integers -> "integers"

    let private creators =
        function
        | Creators.ContentCreator -> "the user in creator of the create event's content"
        | Creators.Sender -> "the sender of the create event"
        | Creators.SenderAndAdditional ->
            "the sender of the create event, and the users in additional_creators of its content"

    let private creatorPower =
        function
        | CreatorPower.HundredAtFirst -> "100 until there is a power levels event, then no power of its own"
        | CreatorPower.Infinite -> "more than any level, always"

    let private redacts =
        function
        | RedactsPlace.TopLevel -> "redacts, beside content"
        | RedactsPlace.Content -> "redacts, in content"

    let private signer =
        function
        | ExtraSigner.EventIdServer -> "the server in the event's id"
        | ExtraSigner.AuthorisingServer -> "the server of the user in a member event's join_authorised_via_users_server"

    /// Each setting by name, in words, in the order of printing.
    let rows (s: Settings) : (string * string) list =
        let join (items: string list) = String.concat ", " items

        [
            "event-ids", eventIds s.EventIds
            "references", references s.References
            "json", json s.Json
            "maximum-depth", string s.MaximumDepth
            "room-ids", roomIds s.RoomIds
            "state-resolution", stateResolution s.StateResolution
            "key-validity", keyValidity s.KeyValidity
            "power-level-values", levelValueWords s.PowerLevelValues
            "creators", creators s.Creators
            "creator-power", creatorPower s.CreatorPower
            "redacts", redacts s.Redacts
            "join-rules", join (s.JoinRules |> List.map joinRuleWord)
            "extra-signers", join (s.ExtraSigners |> List.map signer)
        ]
