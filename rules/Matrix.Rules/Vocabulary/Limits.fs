namespace Matrix.Rules

/// Bounds of every room version. The core uses these and has none of its own.
[<RequireQualifiedAccess>]
module Limits =

    /// The greatest canonical form of an event, in bytes, signatures included. v1.19 client-server-api#size-limits
    [<Literal>]
    let EventBytes = 65536

    /// The greatest `type` and `state_key`, in bytes of UTF-8. v1.19 client-server-api#size-limits
    [<Literal>]
    let KeyBytes = 255

    /// The longest identifier, in bytes of UTF-8, sigil and domain included. v1.19 appendices#identifier-grammar
    [<Literal>]
    let IdentifierBytes = 255

    /// The most entries of `prev_events`. v1.19 rooms/v12#event-format-1
    [<Literal>]
    let PrevEvents = 20

    /// The most entries of `auth_events`. v1.19 rooms/v12#event-format-1
    [<Literal>]
    let AuthEvents = 10

    /// The greatest integer of canonical JSON; its negative is the least. v1.19 appendices#canonical-json
    [<Literal>]
    let Integer = 9007199254740991L

    /// The longest validity of a signing key, in days, whatever the key itself says.
    /// v1.19 rooms/v5#signing-key-validity-period
    [<Literal>]
    let KeyDays = 7

    /// The greatest power level; greater ones count as this one. Its negative is the least. The specification has no
    /// such bound: in old versions strings and floats may be any number.
    [<Literal>]
    let Power = 9223372036854775805L

    /// The greatest nesting of objects and lists in an event. The specification has no such bound.
    [<Literal>]
    let Nesting = 128

/// The default power levels. v1.19 client-server-api#mroompower_levels,
/// v1.19 server-server-api#definitions
[<RequireQualifiedAccess>]
module DefaultLevels =

    /// Of a user: `users_default`.
    [<Literal>]
    let Users = 0L

    /// Of a message: `events_default`.
    [<Literal>]
    let Events = 0L

    /// Of a state event: `state_default`.
    [<Literal>]
    let State = 50L

    /// To invite.
    [<Literal>]
    let Invite = 0L

    /// To remove others.
    [<Literal>]
    let Kick = 50L

    /// To ban.
    [<Literal>]
    let Ban = 50L

    /// To redact the events of others.
    [<Literal>]
    let Redact = 50L

    /// To notify with a key of `notifications`.
    [<Literal>]
    let Notification = 50L

    /// Of the room's creator while the room has no power levels event, in versions where creators do not have infinite
    /// power.
    [<Literal>]
    let CreatorAtFirst = 100L
