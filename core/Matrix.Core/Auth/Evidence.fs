namespace Matrix.Core.Auth

open Matrix.Rules

/// The evidence of a failure, read when an event is rejected.
[<RequireQualifiedAccess>]
module internal Evidence =

    let private ofPower (n: int64) : Value =
        if n = EvaluationContext.NoPower then Value.Nothing
        elif n = EvaluationContext.Infinite then Value.Infinite
        else Value.Level n

    let private ofText (text: string | null) : Value =
        match text with
        | null -> Value.Nothing
        | text -> Value.Text text

    let private read (selections: CompiledSelection[]) (context: EvaluationContext) (evidence: Evidence) : Value =
        match evidence with
        | Evidence.Nothing -> Value.Nothing
        | Evidence.User u -> ofText (Terms.user u context)
        | Evidence.Server s -> ofText (Terms.serverText s context)
        | Evidence.Membership u -> Value.Membership(context.MembershipOf(Terms.user u context))
        | Evidence.MembershipAmong ms -> Value.Memberships ms
        | Evidence.JoinRule -> Value.Text context.JoinRule
        | Evidence.Power p -> ofPower (Terms.power p context)
        | Evidence.PowerOverTarget level ->
            let target = context.PowerOf context.StateKey

            let above =
                if target = EvaluationContext.Infinite then
                    target
                else
                    target + 1L

            ofPower (max (Terms.level level context) above)
        | Evidence.Content path -> ofText (context.Text(Array.ofList path))
        | Evidence.AuthEvent fault ->
            match Conditions.faulty selections fault context with
            | -1 -> Value.Nothing
            | i -> Value.Text context.Facts.AuthEvents[i].Event.EventId
        | Evidence.PrevEvents -> Value.Number(int64 context.PrevEvents.Length)
        | Evidence.Words words -> Value.Text words

    /// The failure of a clause.
    let failure
        (selections: CompiledSelection[])
        (context: EvaluationContext)
        (clause: string)
        (reason: Reason)
        : Failure =
        let struct (supplied, required) = Failures.evidence reason

        {
            Clause = clause
            Reason = reason
            Supplied = read selections context supplied
            Required = read selections context required
            Entry =
                match context.EntryKey with
                | null -> ""
                | key -> key
        }
