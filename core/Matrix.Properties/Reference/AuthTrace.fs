/// How a decision came about: every rule that was tried, what its conditions were found to be, and which one decided.
[<RequireQualifiedAccess>]
module Matrix.Properties.Reference.AuthTrace

open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Properties.Reference

/// A condition, and whether it holds.
type Found = {
    Condition: Condition
    Holds: bool
    /// The parts of a conjunction or disjunction, where there are several.
    Parts: Found list
}

/// A rule that was tried.
type Tried = {
    Rule: Rule
    /// The entry of the power levels that it was tried for; "" if it was for none.
    Entry: string
    /// What it asks; of a rule that always applies, nothing.
    Asked: Found list
    /// The rules inside that were tried.
    Inside: Tried list
    /// Set if this rule, or one inside, decided.
    Decision: Decision option
}

/// A decision and how it came about.
type Trace = {
    Tried: Tried list
    Decision: Decision
}

let rec private found (scene: AuthReference.Scene) (condition: Condition) : Found =
    let parts =
        match condition with
        | Condition.And parts
        | Condition.Or parts -> parts
        | Condition.Not(Condition.And parts)
        | Condition.Not(Condition.Or parts) -> parts
        | _ -> []

    {
        Condition = condition
        Holds = AuthReference.holds scene condition
        Parts = parts |> List.map (found scene)
    }

let private asked (scene: AuthReference.Scene) (condition: Condition) : Found list =
    match condition with
    | Condition.Always -> []
    | condition -> [ found scene condition ]

let rec private tryAll (scene: AuthReference.Scene) (rules: Rule list) : Tried list =
    match rules with
    | [] -> []
    | rule :: rest ->
        let tried = tryOne scene rule

        match tried.Decision with
        | Some _ -> [ tried ]
        | None -> tried :: tryAll scene rest

and private tryOne (scene: AuthReference.Scene) (rule: Rule) : Tried =
    let tried asked inside decision = {
        Rule = rule
        Entry = scene.Entry |> Option.map _.Key |> Option.defaultValue ""
        Asked = asked
        Inside = inside
        Decision = decision
    }

    let decided (inside: Tried list) = inside |> List.tryPick _.Decision

    match rule with
    | Rule.Scope(_, condition, rules) ->
        let inside =
            if AuthReference.holds scene condition then
                tryAll scene rules
            else
                []

        tried (asked scene condition) inside (decided inside)
    | Rule.Clause(head, condition, outcome, _) ->
        let decision =
            if AuthReference.holds scene condition then
                match outcome with
                | Outcome.Allow -> Some(Decision.Allowed head.Name)
                | Outcome.Reject reason -> Some(AuthReference.reject scene head.Name reason)
            else
                None

        tried (asked scene condition) [] decision
    | Rule.Iff(head, applies, condition, reason) ->
        let questions = asked scene applies

        if not (AuthReference.holds scene applies) then
            tried questions [] None
        elif AuthReference.holds scene condition then
            tried (questions @ asked scene condition) [] (Some(Decision.Allowed head.Name))
        else
            tried (questions @ asked scene condition) [] (Some(AuthReference.reject scene head.Name reason))
    | Rule.ForEach(_, alterations, entries, where, rules) ->
        let rec each (rest: AuthReference.Entry list) =
            match rest with
            | [] -> []
            | entry :: rest ->
                let inside = tryAll { scene with Entry = Some entry } rules

                if (decided inside).IsSome then
                    inside
                else
                    inside @ each rest

        let inside =
            AuthReference.entriesOf scene entries
            |> List.filter (fun entry ->
                AuthReference.alteration entry
                |> Option.exists (fun a -> List.contains a alterations)
                && AuthReference.holds { scene with Entry = Some entry } where)
            |> each

        tried [] inside (decided inside)

/// How the rules of the question's version come to their decision.
let ask (question: AuthReference.Question) : Trace =
    let tried =
        tryAll
            {
                Case = question
                Entry = None
                Redacted = None
            }
            question.Version.Authorization

    match tried |> List.tryPick _.Decision with
    | Some decision -> { Tried = tried; Decision = decision }
    | None -> invalidOp "The table leaves an event undecided, which the lint does not allow."

/// How the rules of the case's version come to their decision.
let ofCase (case: Matrix.Properties.Generators.AuthCase) : Trace = ask (AuthReference.questionOf case)
