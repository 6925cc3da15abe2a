namespace Matrix.Core.Auth

open Matrix.Rules

/// What a failure carries, read when an event is rejected.
[<RequireQualifiedAccess>]
module internal Evidences =

    let private ofPower (n: int64) : Value =
        if n = Frame.NoPower then Value.Nothing
        elif n = Frame.Infinite then Value.Infinite
        else Value.Level n

    let private ofText (text: string | null) : Value =
        match text with
        | null -> Value.Nothing
        | text -> Value.Text text

    let private read (selections: CompiledSelection[]) (frame: Frame) (evidence: Evidence) : Value =
        match evidence with
        | Evidence.Nothing -> Value.Nothing
        | Evidence.User u -> ofText (Terms.user u frame)
        | Evidence.Server s -> ofText (Terms.serverText s frame)
        | Evidence.Membership u -> Value.Membership(frame.MembershipOf(Terms.user u frame))
        | Evidence.MembershipAmong ms -> Value.Memberships ms
        | Evidence.JoinRule -> Value.Text frame.JoinRule
        | Evidence.Power p -> ofPower (Terms.power p frame)
        | Evidence.PowerOverTarget level ->
            let target = frame.PowerOf frame.StateKey
            let above = if target = Frame.Infinite then target else target + 1L
            ofPower (max (Terms.level level frame) above)
        | Evidence.Content path -> ofText (frame.Text(Array.ofList path))
        | Evidence.AuthEvent fault ->
            match Conditions.faulty selections fault frame with
            | -1 -> Value.Nothing
            | i -> Value.Text frame.Facts.AuthEvents[i].Event.EventId
        | Evidence.PrevEvents -> Value.Number(int64 frame.PrevEvents.Length)
        | Evidence.Words words -> Value.Text words

    /// The failure of a clause.
    let failure (selections: CompiledSelection[]) (frame: Frame) (clause: string) (reason: Reason) : Failure =
        let struct (supplied, required) = Failures.evidence reason

        {
            Clause = clause
            Reason = reason
            Supplied = read selections frame supplied
            Required = read selections frame required
            Entry =
                match frame.EntryKey with
                | null -> ""
                | key -> key
        }
