namespace Matrix.Core.Facade

/// The kind of a refusal. Each kind has its own HTTP status.
type RefusalKind =
    /// The rules of the room version do not allow the event.
    | Rules = 0
    /// The event would be too large.
    | Size = 1
    /// The event does not have the form of its room version.
    | Form = 2

/// Why an event was not made.
[<Sealed>]
type Refusal internal (kind: RefusalKind, clause: string, reason: string) =

    /// The kind.
    member _.Kind = kind

    /// The dotted name of the rule that refused it; "" if no rule did.
    member _.Clause = clause

    /// The reason in words, for the client.
    member _.Reason = reason

/// A value, or a refusal.
[<Sealed>]
type Outcome<'T> internal (value: 'T voption, refusal: Refusal | null) =

    /// Whether there is a value.
    member _.IsOk = value.IsSome

    /// The value; throws if it was refused.
    member _.Value: 'T =
        match value with
        | ValueSome v -> v
        | ValueNone -> invalidOp "It was refused."

    /// The refusal; null if there is none.
    member _.Refusal = refusal

    /// Calls one of the two functions.
    member this.Match(ok: System.Func<'T, 'R>, refused: System.Func<Refusal, 'R>) : 'R =
        match refusal with
        | null -> ok.Invoke this.Value
        | r -> refused.Invoke r

    static member internal Ok(v: 'T) = Outcome<'T>(ValueSome v, null)
    static member internal Refused(r: Refusal) = Outcome<'T>(ValueNone, r)
