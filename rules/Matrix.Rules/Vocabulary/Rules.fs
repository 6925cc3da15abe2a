namespace Matrix.Rules

/// The parts that every rule has: a dotted name that never changes, and a sentence in our words.
type Head = {
    /// Such as `member.join.only-self`; the names of a scope's rules begin with the scope's.
    Name: string
    Text: string
    /// Set if no page has this rule: the number of the decision record that explains it. The rule has no number of its
    /// own.
    Reading: int option
}

/// A numbered item that repeats a part of a clause's condition.
type Part = { Head: Head; Condition: Condition }

/// An authorization rule. Rules are nested as on the specification's pages, and tried in order until one decides.
[<RequireQualifiedAccess>]
type Rule =
    /// If the condition holds, the rules inside are tried.
    | Scope of Head * Condition * Rule list
    /// The rules inside are tried for each entry with one of these alterations for which `where` holds.
    | ForEach of Head * Alteration list * Entries * where: Condition * Rule list
    /// If the condition holds, the outcome applies.
    | Clause of Head * Condition * Outcome * Part list
    /// If `applies` holds: allow if `holds` holds, reject if not.
    | Iff of Head * applies: Condition * holds: Condition * Reason

/// A state event that an event must have in `auth_events`. v1.19 server-server-api#auth-events-selection
type Selection = {
    Name: string
    Text: string
    Type: string
    Key: SelectionKey
    /// Reads only the event.
    When: Condition
}

/// The state key of a selected event.
and [<RequireQualifiedAccess>] SelectionKey =
    | Empty
    | User of User
    /// `third_party_invite.signed.token`.
    | ThirdPartyToken

/// One change to an authorization table.
[<RequireQualifiedAccess>]
type Edit =
    | Remove of name: string
    | InsertBefore of name: string * Rule
    | InsertAfter of name: string * Rule
    | Replace of name: string * Rule
    /// Changes text and condition; the rules inside stay.
    | Reword of name: string * text: string * Condition

/// One change to the auth events selection.
[<RequireQualifiedAccess>]
type SelectionEdit =
    | Add of Selection
    | Remove of name: string

/// A rule with its position: a row of a flattened table.
type Item = {
    Rule: Rule
    /// The position in the nested list, such as `4.3.5.2`.
    /// A rule that no page has takes the position of the previous rule, with a plus sign.
    At: string
    /// Set if this is a part that only repeats its clause.
    Part: Part option
}

/// Constructors of rules.
[<AutoOpen>]
module RuleWriting =

    let private head name text = {
        Name = name
        Text = text
        Reading = None
    }

    /// If the condition holds, the rules inside are tried.
    let scope name text condition rules =
        Rule.Scope(head name text, condition, rules)

    /// For each altered entry, the rules inside are tried.
    let forEach name text alterations entries where rules =
        Rule.ForEach(head name text, alterations, entries, where, rules)

    /// If the condition holds, the outcome applies.
    let clause name text condition outcome =
        Rule.Clause(head name text, condition, outcome, [])

    /// A clause with numbered items that repeat parts of its condition.
    let clauseOf name text condition outcome parts =
        Rule.Clause(head name text, condition, outcome, parts)

    /// A numbered item that repeats a part of its clause.
    let part name text condition = {
        Head = head name text
        Condition = condition
    }

    /// If it applies, allow if and only if the second condition holds.
    let iff name text applies holds reason =
        Rule.Iff(head name text, applies, holds, reason)

    /// The last rule of a list: its outcome applies if no rule before it decided.
    let otherwise name outcome =
        let text =
            match outcome with
            | Outcome.Allow -> "Otherwise, allow."
            | Outcome.Reject _ -> "Otherwise, reject."

        Rule.Clause(head name text, Condition.Always, outcome, [])

    /// A clause that no page has: our reading of the pages, with the number of the decision record that explains it.
    let reading (decision: int) name text condition outcome =
        let marked =
            text
            + " Our reading (decision "
            + string decision
            + "): the page does not say it."

        Rule.Clause(
            {
                head name marked with
                    Reading = Some decision
            },
            condition,
            outcome,
            []
        )

/// Reads and changes tables of rules.
[<RequireQualifiedAccess>]
module Rule =

    /// The name and text of a rule.
    let head (rule: Rule) : Head =
        match rule with
        | Rule.Scope(head, _, _)
        | Rule.ForEach(head, _, _, _, _)
        | Rule.Clause(head, _, _, _)
        | Rule.Iff(head, _, _, _) -> head

    /// The dotted name of a rule.
    let name (rule: Rule) : string = (head rule).Name

    /// The rules inside.
    let inside (rule: Rule) : Rule list =
        match rule with
        | Rule.Scope(_, _, rules)
        | Rule.ForEach(_, _, _, _, rules) -> rules
        | Rule.Clause _
        | Rule.Iff _ -> []

    /// The rule with other rules inside.
    let withInside (rules: Rule list) (rule: Rule) : Rule =
        match rule with
        | Rule.Scope(head, condition, _) -> Rule.Scope(head, condition, rules)
        | Rule.ForEach(head, alterations, entries, where, _) -> Rule.ForEach(head, alterations, entries, where, rules)
        | Rule.Clause _
        | Rule.Iff _ -> rule

    /// The outcome of the rule's sentence; none if it only opens a list of rules.
    let outcome (rule: Rule) : Outcome option =
        match rule with
        | Rule.Clause(_, _, outcome, _) -> Some outcome
        | Rule.Iff _ -> Some Outcome.Allow
        | Rule.Scope _
        | Rule.ForEach _ -> None

    /// The verdicts that the rule can reach: true to allow, false to reject; none if it only opens a list of rules.
    let verdicts (rule: Rule) : bool list =
        match rule with
        | Rule.Clause(_, _, outcome, _) -> [ outcome = Outcome.Allow ]
        | Rule.Iff _ -> [ true; false ]
        | Rule.Scope _
        | Rule.ForEach _ -> []

    /// The rule's own conditions, without those of the rules inside.
    let conditions (rule: Rule) : Condition list =
        match rule with
        | Rule.Scope(_, condition, _)
        | Rule.Clause(_, condition, _, _)
        | Rule.ForEach(_, _, _, condition, _) -> [ condition ]
        | Rule.Iff(_, applies, holds, _) -> [ applies; holds ]

    /// Every item with its position, in reading order.
    let items (rules: Rule list) : Item list =
        let rec walk prefix rules =
            (0, rules)
            ||> List.mapFold (fun count rule ->
                match (head rule).Reading with
                | None -> (count + 1, rule), count + 1
                | Some _ -> (count, rule), count)
            |> fst
            |> List.map (fun (count, rule) ->
                let at =
                    match (head rule).Reading with
                    | None -> $"{prefix}{count}"
                    | Some _ -> $"{prefix}{count}+"

                let parts =
                    match rule with
                    | Rule.Clause(_, _, _, parts) ->
                        parts
                        |> List.mapi (fun j part -> {
                            Rule = rule
                            At = $"{at}.{j + 1}"
                            Part = Some part
                        })
                    | _ -> []

                { Rule = rule; At = at; Part = None } :: parts @ walk $"{at}." (inside rule))
            |> List.concat

        walk "" rules

    /// All rules, in reading order.
    let rec all (rules: Rule list) : Rule list =
        rules |> List.collect (fun rule -> rule :: all (inside rule))

    let private reword text condition rule =
        match rule with
        | Rule.Scope(head, _, rules) -> Rule.Scope({ head with Text = text }, condition, rules)
        | Rule.Clause(head, _, outcome, parts) -> Rule.Clause({ head with Text = text }, condition, outcome, parts)
        | Rule.Iff(head, applies, _, reason) -> Rule.Iff({ head with Text = text }, applies, condition, reason)
        | Rule.ForEach(head, alterations, entries, _, rules) ->
            Rule.ForEach({ head with Text = text }, alterations, entries, condition, rules)

    /// The table after one edit. An edit of a missing rule changes nothing; the lint reports it.
    let edit (change: Edit) (rules: Rule list) : Rule list =
        let target, place =
            match change with
            | Edit.Remove name -> name, (fun _ -> [])
            | Edit.InsertBefore(name, added) -> name, (fun rule -> [ added; rule ])
            | Edit.InsertAfter(name, added) -> name, (fun rule -> [ rule; added ])
            | Edit.Replace(name, replacement) -> name, (fun _ -> [ replacement ])
            | Edit.Reword(name, text, condition) -> name, (fun rule -> [ reword text condition rule ])

        let rec walk rules =
            rules
            |> List.collect (fun rule ->
                if name rule = target then
                    place rule
                else
                    [ withInside (walk (inside rule)) rule ])

        walk rules

/// Changes auth events selections.
[<RequireQualifiedAccess>]
module Selection =

    /// The selection after one change.
    let edit (change: SelectionEdit) (selections: Selection list) : Selection list =
        match change with
        | SelectionEdit.Add selection -> selections @ [ selection ]
        | SelectionEdit.Remove name -> selections |> List.filter (fun s -> s.Name <> name)
