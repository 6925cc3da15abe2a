namespace Matrix.Core.Event

open Matrix.Rules

/// Bounds on events. Client-Server API, "Size limits"; Server-Server API, "Persistent Data Unit".
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
