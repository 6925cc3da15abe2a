namespace Matrix.Rules

/// The names of nested members, from `content` down.
type Path = string list

/// A user that a rule reads. Each may be absent (no such member, or no string there); then no condition on it holds.
[<RequireQualifiedAccess>]
type User =
    /// The sender of the event.
    | Sender
    /// The state key of the event: the target of a member event.
    | StateKey
    /// `creator` of the create event.
    | ContentCreator
    /// The sender of the create event.
    | CreateSender
    /// `join_authorised_via_users_server` of the event.
    | Authorising
    /// `third_party_invite.signed.mxid` of the event.
    | ThirdPartyMxid
    /// The sender of the `m.room.third_party_invite` event with the token.
    | ThirdPartyInviter
    /// The key of the current entry, inside `ForEach`.
    | EntryKey
    /// The user id that the state key is, or starts with before an underscore: `@alice:one` of `@alice:one_laptop`.
    | StateKeyOwner
    /// The sender of the redacted event; only the rules that handle redactions read it.
    | RedactedSender

/// A server that a rule reads: a domain. It may be absent.
[<RequireQualifiedAccess>]
type Server =
    | Of of User
    /// The domain of the room id.
    | OfRoomId
    /// The domain of the event's own id (room versions 1 and 2).
    | OfEventId
    /// The domain of the event id that a redaction names (room versions 1 and 2).
    | OfRedacts
    /// The whole state key.
    | InStateKey

/// A level with a name of its own in the power levels event.
[<RequireQualifiedAccess>]
type NamedLevel =
    | Invite
    | Kick
    | Ban
    | Redact

/// A power that a rule compares.
[<RequireQualifiedAccess>]
type Power =
    /// A user's current power level.
    | Of of User
    | Level of NamedLevel
    /// This level, whatever the room's power levels say.
    | Constant of int64
    /// The level required to send an event of this type.
    | Required
    /// The value before of the current entry, inside `ForEach`; absent for an added entry.
    | Old
    /// The value after of the current entry, inside `ForEach`; absent for a removed entry.
    | New

/// How two powers compare.
[<RequireQualifiedAccess>]
type Relation =
    | Below
    | AtMost
    | AtLeast
    | Above

/// The shape of a JSON value.
[<RequireQualifiedAccess>]
type Shape =
    | False
    | Integer
    /// A value that counts as a power level.
    | Level of PowerLevelValues
    /// A string that is a valid user id, as `sender` must be.
    | UserId
    | ListOf of Shape
    /// An object whose values all have this shape.
    | ObjectOf of Shape
    /// An object whose keys are user ids and whose values all have this shape.
    | UsersTo of Shape

/// A fault of an event's auth events.
[<RequireQualifiedAccess>]
type AuthEventFault =
    /// Another one has the same type and state key.
    | Duplicated
    /// The auth events selection does not name its type and state key.
    | Unselected
    /// It was rejected.
    | Rejected
    /// It belongs to another room.
    | Elsewhere

/// The place of a public key in an `m.room.third_party_invite` event.
[<RequireQualifiedAccess>]
type KeyPlace =
    /// In `public_key`.
    | Single
    /// In `public_keys`.
    | Listed

/// The alteration of an entry from the current power levels to the proposed ones.
[<RequireQualifiedAccess>]
type Alteration =
    | Added
    | Changed
    | Removed

/// The entries that `ForEach` visits, in its order: as listed, then by key.
[<RequireQualifiedAccess>]
type Entries =
    /// These members of the content.
    | Members of string list
    /// The entries of these members of the content, which are objects.
    | Inside of string list

/// The condition of a rule: a first-order union that can be printed, compared, counted, changed and compiled. What is
/// outside of the event and the state (signatures, verdicts on other events) is an input of the evaluator.
[<RequireQualifiedAccess>]
type Condition =
    | Always
    | Not of Condition
    | And of Condition list
    | Or of Condition list
    // The event alone.
    | TypeIs of string
    | HasStateKey
    | StateKeyStartsWith of string
    | HasPrevEvents
    /// The event has a `room_id` of its own; used for create events only.
    | HasRoomId
    | ContentHas of Path
    | ContentIs of Path * Shape
    /// The content's `membership` is this.
    | MembershipIs of Membership
    /// The content's `room_version` names a version that this server knows.
    | RoomVersionRecognised
    | SameUser of User * User
    | SameServer of Server * Server
    // The event in its graph, and its signatures.
    | OnlyPrevEventIsCreate
    | SomeAuthEvent of AuthEventFault
    | AuthEventsHave of eventType: string
    /// The create event that the room id names is known and accepted.
    | CreateEventAccepted
    | SignedByServerOf of User
    /// A signature in `third_party_invite.signed` is valid under a key of the third-party invitation with the token.
    | ThirdPartySignedBy of KeyPlace
    // The state before.
    | StateHas of eventType: string
    | StateContentIs of eventType: string * Path * Shape
    | MembershipIn of User * Membership list
    | JoinRuleIn of JoinRule list
    /// The state has an `m.room.third_party_invite` event with the token in `third_party_invite.signed`.
    | ThirdPartyInviteKnown
    /// False where either side is absent.
    | Compare of Power * Relation * Power
    /// The value after of the current entry, inside `ForEach`, exists and does not count as a power level.
    | NewIsNoLevel
    /// The object at this path of the content has a creator of the room among its keys.
    | KeysNameACreator of Path

/// Reads conditions.
[<RequireQualifiedAccess>]
module Condition =

    /// The condition and all of its parts.
    let rec all (condition: Condition) : Condition list =
        condition
        :: match condition with
           | Condition.Not inner -> all inner
           | Condition.And parts
           | Condition.Or parts -> List.collect all parts
           | _ -> []

    /// Whether the condition is about a user.
    let speaksOf (who: User) (condition: Condition) : bool =
        all condition
        |> List.exists (function
            | Condition.Compare(a, _, b) -> a = Power.Of who || b = Power.Of who
            | Condition.SameUser(a, b) -> a = who || b = who
            | Condition.SameServer(a, b) -> a = Server.Of who || b = Server.Of who
            | Condition.MembershipIn(user, _)
            | Condition.SignedByServerOf user -> user = who
            | _ -> false)
