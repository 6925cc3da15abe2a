namespace Matrix.Core.Event

open Matrix.Rules

/// Bounds on events. v1.19 client-server-api#size-limits; v1.19 rooms/v12#definition-persistent-data-unit
[<RequireQualifiedAccess>]
module EventLimits =

    /// The greatest canonical form of an event, in bytes, with its hashes and signatures. `unsigned` does not count,
    /// since it differs between servers.
    [<Literal>]
    let MaxBytes = Limits.EventBytes

    /// The greatest `type` and `state_key`, in bytes of UTF-8. Identifiers have the same limit.
    [<Literal>]
    let MaxKeyBytes = Limits.KeyBytes

    /// The most entries of `prev_events`.
    [<Literal>]
    let MaxPrevEvents = Limits.PrevEvents

    /// The most entries of `auth_events`.
    [<Literal>]
    let MaxAuthEvents = Limits.AuthEvents
