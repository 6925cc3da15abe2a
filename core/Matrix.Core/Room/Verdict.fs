namespace Matrix.Core.Room

open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Event

/// The verdict on an event. Server-Server API, "Checks performed on receipt of a PDU".
[<RequireQualifiedAccess>]
type Verdict =
    /// Shown, applied, and built upon.
    | Accepted
    /// Allowed by the state before it, but not by the current state: kept and applied, not shown, not built upon.
    | SoftFailed of Failure
    /// Not allowed by its auth events, or by the state before it: kept, and neither applied nor built upon.
    | Rejected of Failure

    /// Whether new events of this server may name it as previous.
    member this.MayBeBuiltOn = this.IsAccepted

/// Checks 4 to 6 of those on receipt.
[<RequireQualifiedAccess>]
module Verdicts =

    /// Decides an event by its auth events, the state before it and the current state. States that are the same object
    /// are checked once: all three are, for an event of this server.
    let decide
        (rules: AuthRules)
        (event: Pdu)
        (facts: AuthFacts)
        (authEvents: IAuthState)
        (before: IAuthState)
        (current: IAuthState)
        : Verdict =
        let decideOn state = rules.Decide(event, state, facts)

        let byAuthEvents = decideOn authEvents

        let byStateBefore =
            if byAuthEvents.IsOk && not (obj.ReferenceEquals(before, authEvents)) then
                decideOn before
            else
                byAuthEvents

        match byStateBefore with
        | Decision.Rejected failure -> Verdict.Rejected failure
        | Decision.Allowed _ when obj.ReferenceEquals(current, before) -> Verdict.Accepted
        | Decision.Allowed _ ->
            match decideOn current with
            | Decision.Allowed _ -> Verdict.Accepted
            | Decision.Rejected failure -> Verdict.SoftFailed failure
