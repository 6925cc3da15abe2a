namespace Matrix.Rules

/// What a member's event says about their place in the room. Client-Server API, "Room membership".
[<RequireQualifiedAccess>]
type Membership =
    /// No member event, or one that says nothing a server knows.
    | Absent
    | Invite
    | Join
    | Leave
    | Ban
    | Knock

/// How one gets into a room. Client-Server API, `m.room.join_rules`.
[<RequireQualifiedAccess>]
type JoinRule =
    | Public
    | Invite
    | Knock
    | Restricted
    | KnockRestricted
    /// Reserved, without meaning.
    | Private

/// The memberships that there are.
[<RequireQualifiedAccess>]
module Membership =

    /// Each of them, absence too.
    let all = [
        Membership.Absent
        Membership.Invite
        Membership.Join
        Membership.Leave
        Membership.Ban
        Membership.Knock
    ]

/// The join rules that there are.
[<RequireQualifiedAccess>]
module JoinRule =

    /// Each of them.
    let all = [
        JoinRule.Public
        JoinRule.Invite
        JoinRule.Knock
        JoinRule.Restricted
        JoinRule.KnockRestricted
        JoinRule.Private
    ]

/// How an event gets its identifier. Room versions, "Event IDs".
[<RequireQualifiedAccess>]
type EventIdForm =
    /// `$opaque:domain`, chosen by the sender's server and sent as `event_id`.
    | Assigned
    /// `$` and the reference hash in unpadded Base64, with `+` and `/`.
    | Hash
    /// `$` and the reference hash in URL-safe unpadded Base64.
    | UrlSafeHash

/// How `auth_events` and `prev_events` name events. Room versions, "Event format".
[<RequireQualifiedAccess>]
type EventReferences =
    /// Pairs of an identifier and an object of hashes.
    | IdsWithHashes
    /// Identifiers only.
    | Ids

/// Whether a server refuses what is not canonical JSON. Room versions, "Canonical JSON".
[<RequireQualifiedAccess>]
type JsonStrictness =
    | Lenient
    | Strict

/// What a room is called. Appendices, "Room IDs".
[<RequireQualifiedAccess>]
type RoomIdForm =
    /// `!opaque:domain`, chosen by the creator's server.
    | WithDomain
    /// The create event's identifier with `!` for `$`; the create event itself has no `room_id`.
    | HashOfCreate

/// Whether a key must have been valid when the event was made. Room versions, "Signing key validity period".
[<RequireQualifiedAccess>]
type KeyValidity =
    | NotEnforced
    | Enforced

/// Which values count as a power level. Room versions, "Deprecated event content schemas".
[<RequireQualifiedAccess>]
type PowerLevelValues =
    /// Integers, floats (truncated), and strings that hold an integer.
    | IntegersFloatsAndStrings
    /// Integers, and strings that hold an integer.
    | IntegersAndStrings
    | Integers

/// The ways to read power levels that there are.
[<RequireQualifiedAccess>]
module PowerLevelValues =

    /// Each of them.
    let all = [
        PowerLevelValues.IntegersFloatsAndStrings
        PowerLevelValues.IntegersAndStrings
        PowerLevelValues.Integers
    ]

/// Who counts as having created the room.
[<RequireQualifiedAccess>]
type Creators =
    /// The user that the create event's `creator` names.
    | ContentCreator
    /// The sender of the create event.
    | Sender
    /// The sender of the create event, and everyone in its `additional_creators`.
    | SenderAndAdditional

/// What having created the room is worth.
[<RequireQualifiedAccess>]
type CreatorPower =
    /// A level of 100 while there is no power levels event, nothing afterwards.
    | HundredAtFirst
    /// More than any level, always.
    | Infinite

/// Where a redaction says what it redacts. Client-Server API, `m.room.redaction`.
[<RequireQualifiedAccess>]
type RedactsPlace =
    /// Beside `content`.
    | TopLevel
    /// Inside `content`.
    | Content

/// A server, other than the sender's, whose signature an event must carry.
[<RequireQualifiedAccess>]
type ExtraSigner =
    /// The server in the event's own identifier.
    | EventIdServer
    /// The server of the user in a member event's `join_authorised_via_users_server`.
    | AuthorisingServer

/// Everything about a room version that is a choice among a few, and no table of its own.
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
    /// Join rules that mean something in rooms of this version.
    JoinRules: JoinRule list
    ExtraSigners: ExtraSigner list
}

/// One change of one setting, as an amendment states it.
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

/// Applying and comparing settings.
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

    /// The word for a membership, as events write it.
    let membershipWord (membership: Membership) : string =
        match membership with
        | Membership.Absent -> "absent"
        | Membership.Invite -> "invite"
        | Membership.Join -> "join"
        | Membership.Leave -> "leave"
        | Membership.Ban -> "ban"
        | Membership.Knock -> "knock"

    /// The word for a join rule, as events write it.
    let joinRuleWord (rule: JoinRule) : string =
        match rule with
        | JoinRule.Public -> "public"
        | JoinRule.Invite -> "invite"
        | JoinRule.Knock -> "knock"
        | JoinRule.Restricted -> "restricted"
        | JoinRule.KnockRestricted -> "knock_restricted"
        | JoinRule.Private -> "private"

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

    /// Which values count as power levels.
    let levelValueWords (values: PowerLevelValues) : string =
        match values with
        | PowerLevelValues.IntegersFloatsAndStrings -> "integers, floats, and strings that hold an integer"
        | PowerLevelValues.IntegersAndStrings -> "integers, and strings that hold an integer"
        | PowerLevelValues.Integers -> "integers"

    let private creators =
        function
        | Creators.ContentCreator -> "the user that creator in the create event's content names"
        | Creators.Sender -> "the sender of the create event"
        | Creators.SenderAndAdditional ->
            "the sender of the create event, and those whom additional_creators in its content lists"

    let private creatorPower =
        function
        | CreatorPower.HundredAtFirst -> "100 while there is no power levels event, nothing of its own afterwards"
        | CreatorPower.Infinite -> "more than any level, always"

    let private redacts =
        function
        | RedactsPlace.TopLevel -> "redacts, beside content"
        | RedactsPlace.Content -> "redacts, in content"

    let private signer =
        function
        | ExtraSigner.EventIdServer -> "the server in the event's id"
        | ExtraSigner.AuthorisingServer -> "the server of the user in a member event's join_authorised_via_users_server"

    /// Each setting by its name, in words, in the order in which they are shown.
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
