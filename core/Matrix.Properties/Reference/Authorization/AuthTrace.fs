/// The path to a decision: every rule that was tried, whether its conditions hold, and which rule decided.
[<RequireQualifiedAccess>]
module Matrix.Properties.Reference.Authorization.AuthTrace

open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Properties.Generators

/// A condition, and whether it holds.
type Found = {
    Condition: Condition
    Holds: bool
    /// The parts of a conjunction or disjunction with several parts.
    Parts: Found list
}

/// A rule that was tried.
type EvaluatedRule = {
    Rule: Rule
    /// The entry of the power levels that it was tried for; "" outside of `ForEach`.
    Entry: string
    /// Its conditions; empty if it always applies.
    Conditions: Found list
    /// The rules inside it that were tried.
    Inside: EvaluatedRule list
    /// Set if this rule, or one inside, decided.
    Decision: Decision option
}

/// A decision and the path to it.
type Trace = {
    Evaluated: EvaluatedRule list
    Decision: Decision
}

let rec private found (context: Context) (condition: Condition) : Found =
    let parts =
        match condition with
        | Condition.And parts
        | Condition.Or parts -> parts
        | Condition.Not(Condition.And parts)
        | Condition.Not(Condition.Or parts) -> parts
        | _ -> []

    {
        Condition = condition
        Holds = Conditions.holds context condition
        Parts = parts |> List.map (found context)
    }

let private asked (context: Context) (condition: Condition) : Found list =
    match condition with
    | Condition.Always -> []
    | condition -> [ found context condition ]

let rec private tryAll (context: Context) (rules: Rule list) : EvaluatedRule list =
    match rules with
    | [] -> []
    | rule :: rest ->
        let tried = tryOne context rule

        match tried.Decision with
        | Some _ -> [ tried ]
        | None -> tried :: tryAll context rest

and private tryOne (context: Context) (rule: Rule) : EvaluatedRule =
    let tried asked inside decision = {
        Rule = rule
        Entry = context.Entry |> Option.map _.Key |> Option.defaultValue ""
        Conditions = asked
        Inside = inside
        Decision = decision
    }

    let decided (inside: EvaluatedRule list) = inside |> List.tryPick _.Decision

    match rule with
    | Rule.Scope(_, condition, rules) ->
        let inside =
            if Conditions.holds context condition then
                tryAll context rules
            else
                []

        tried (asked context condition) inside (decided inside)
    | Rule.Clause(head, condition, outcome, _) ->
        let decision =
            if Conditions.holds context condition then
                match outcome with
                | Outcome.Allow -> Some(Decision.Allowed head.Name)
                | Outcome.Reject reason -> Some(Rejection.reject context head.Name reason)
            else
                None

        tried (asked context condition) [] decision
    | Rule.Iff(head, applies, condition, reason) ->
        let questions = asked context applies

        if not (Conditions.holds context applies) then
            tried questions [] None
        elif Conditions.holds context condition then
            tried (questions @ asked context condition) [] (Some(Decision.Allowed head.Name))
        else
            tried (questions @ asked context condition) [] (Some(Rejection.reject context head.Name reason))
    | Rule.ForEach(_, alterations, entries, where, rules) ->
        let rec each (rest: Entry list) =
            match rest with
            | [] -> []
            | entry :: rest ->
                let inside = tryAll { context with Entry = Some entry } rules

                if (decided inside).IsSome then
                    inside
                else
                    inside @ each rest

        let inside =
            AlteredEntries.entriesOf context entries
            |> List.filter (fun entry ->
                AlteredEntries.alteration entry
                |> Option.exists (fun a -> List.contains a alterations)
                && Conditions.holds { context with Entry = Some entry } where)
            |> each

        tried [] inside (decided inside)

/// The path to the decision of the question's version.
let ask (question: DecisionInput) : Trace =
    let tried =
        tryAll
            {
                Case = question
                Entry = None
                Redacted = None
            }
            question.Version.Authorization

    match tried |> List.tryPick _.Decision with
    | Some decision -> {
        Evaluated = tried
        Decision = decision
      }
    | None -> invalidOp "The table leaves an event undecided, which the lint does not allow."

/// The path to the decision of the case's version.
let ofCase (case: AuthCase) : Trace = ask (AuthReference.inputOf case)
