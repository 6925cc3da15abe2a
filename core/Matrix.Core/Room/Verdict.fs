namespace Matrix.Core.Room

open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Event

/// The verdict on an event. v1.19 server-server-api#checks-performed-on-receipt-of-a-pdu
[<RequireQualifiedAccess>]
type Verdict =
    /// The event is shown, applied, and built upon.
    | Accepted
    /// The state before it allows the event, the current state does not: it is stored and applied, but not shown or
    /// built upon.
    | SoftFailed of Failure
    /// Its auth events or the state before it do not allow the event: it is stored, but not applied or built upon.
    | Rejected of Failure

    /// Whether new events of this server may name it as previous.
    member this.MayBeBuiltOn = this.IsAccepted

/// Checks 4 to 6 of those on receipt. v1.19 server-server-api#checks-performed-on-receipt-of-a-pdu
[<RequireQualifiedAccess>]
module Verdicts =

    /// Decides an event by its auth events, the state before it and the current state. States that are the same object
    /// are checked once; for an event of this server usually all three are the same.
    let decide
        (rules: AuthRules)
        (event: Pdu)
        (facts: AuthFacts)
        (authEvents: IAuthState)
        (before: IAuthState)
        (current: IAuthState)
        : Verdict =
        let decideOn state = rules.Decide(event, state, facts)

        // Check 4. v1.19 server-server-api#rejection
        let byAuthEvents = decideOn authEvents

        // Check 5. v1.19 server-server-api#rejection
        let byStateBefore =
            if byAuthEvents.IsOk && not (obj.ReferenceEquals(before, authEvents)) then
                decideOn before
            else
                byAuthEvents

        match byStateBefore with
        | Decision.Rejected failure -> Verdict.Rejected failure
        | Decision.Allowed _ when obj.ReferenceEquals(current, before) -> Verdict.Accepted
        | Decision.Allowed _ ->
            // Check 6. v1.19 server-server-api#soft-failure
            match decideOn current with
            | Decision.Allowed _ -> Verdict.Accepted
            | Decision.Rejected failure -> Verdict.SoftFailed failure
