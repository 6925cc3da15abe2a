/// The failure of a clause.
[<RequireQualifiedAccess>]
module internal Matrix.Properties.Reference.Authorization.Rejection

open Matrix.Rules
open Matrix.Core.Auth

let private show (context: Context) (evidence: Evidence) : Value =
    let ofText = Option.map Value.Text >> Option.defaultValue Value.Nothing

    let ofPower =
        function
        | None -> Value.Nothing
        | Some PowerOf.Infinite -> Value.Infinite
        | Some(PowerOf.Level n) -> Value.Level n

    match evidence with
    | Evidence.Nothing -> Value.Nothing
    | Evidence.User u -> ofText (Terms.user context u)
    | Evidence.Server s -> ofText (Terms.server context s)
    | Evidence.Membership u -> Value.Membership(Terms.membership context u)
    | Evidence.MembershipAmong ms -> Value.Memberships ms
    | Evidence.JoinRule -> Value.Text(Terms.joinRule context)
    | Evidence.Power p -> ofPower (Terms.power context p)
    | Evidence.PowerOverTarget level ->
        let floor = Levels.namedLevel context level

        match Terms.power context (Power.Of User.StateKey) with
        | Some PowerOf.Infinite -> Value.Infinite
        | Some(PowerOf.Level target) -> Value.Level(max floor (target + 1L))
        | None -> Value.Level floor
    | Evidence.Content path -> ofText (Lookup.textAt path context.Case.Event)
    | Evidence.AuthEvent fault -> Conditions.faulty context fault |> Option.map _.EventId |> ofText
    | Evidence.PrevEvents -> Value.Number(int64 context.Case.Event.PrevEvents.Length)
    | Evidence.Words words -> Value.Text words

let reject (context: Context) (clause: string) (reason: Reason) : Decision =
    let struct (supplied, required) = Failures.evidence reason

    Decision.Rejected {
        Clause = clause
        Reason = reason
        Supplied = show context supplied
        Required = show context required
        Entry =
            match context.Entry with
            | Some entry -> entry.Key
            | None -> ""
    }
