namespace Matrix.Core.Facade

/// What kind of reason there is for a refusal: hosts answer each with its own status.
type RefusalKind =
    /// The rules of the room version do not allow it.
    | Rules = 0
    /// An event would be larger than events may be.
    | Size = 1
    /// The event has not the form that its room version asks for.
    | Form = 2

/// Why an event was not made.
[<Sealed>]
type Refusal internal (kind: RefusalKind, clause: string, reason: string) =

    /// What kind of reason.
    member _.Kind = kind

    /// The dotted name of the rule that refused it; "" if it was no rule.
    member _.Clause = clause

    /// In words, for the one who asked.
    member _.Reason = reason

/// A value, or the refusal that stands in its place.
[<Sealed>]
type Outcome<'T> internal (value: 'T voption, refusal: Refusal | null) =

    /// Whether there is a value.
    member _.IsOk = value.IsSome

    /// The value; throws if it was refused.
    member _.Value: 'T =
        match value with
        | ValueSome v -> v
        | ValueNone -> invalidOp "It was refused."

    /// Why it was refused; null if it was not.
    member _.Refusal = refusal

    /// One of two continuations.
    member this.Match(ok: System.Func<'T, 'R>, refused: System.Func<Refusal, 'R>) : 'R =
        match refusal with
        | null -> ok.Invoke this.Value
        | r -> refused.Invoke r

    static member internal Ok(v: 'T) = Outcome<'T>(ValueSome v, null)
    static member internal Refused(r: Refusal) = Outcome<'T>(ValueNone, r)
