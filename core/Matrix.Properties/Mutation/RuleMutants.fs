namespace Matrix.Properties.Mutation

open Matrix.Rules

/// Tables of rules with one thing changed.
[<RequireQualifiedAccess>]
module internal RuleMutants =

    /// The negated condition; none if the condition always holds.
    let negated (condition: Condition) : (string * Condition) list =
        match condition with
        | Condition.Always -> []
        | Condition.Not inner -> [ "negated", inner ]
        | condition -> [ "negated", Condition.Not condition ]

    let private exactlyOne (a: Condition) (b: Condition) =
        Condition.Or [ Condition.And [ a; Condition.Not b ]; Condition.And [ Condition.Not a; b ] ]

    let private conditions
        (terms: Terms)
        (make: Condition -> Rule)
        (condition: Condition)
        : (string * Rule * Condition) list =
        negated condition @ ConditionMutants.inside terms condition
        |> List.map (fun (what, changed) -> what, make changed, exactlyOne condition changed)

    let private always (make: Condition -> Rule) (condition: Condition) : (string * Rule * Condition) list =
        if condition = Condition.Always then
            []
        else
            [ "whatever holds", make Condition.Always, Condition.Not condition ]

    /// Another reason. Where mutant and version both reject, only the reason differs.
    let private otherReason (reason: Reason) : Reason =
        if reason = Reason.EventNeedsMorePower then
            Reason.SenderNotJoined
        else
            Reason.EventNeedsMorePower

    let private outcomes (outcome: Outcome) : (string * Outcome) list =
        match outcome with
        | Outcome.Allow -> [ "rejects", Outcome.Reject Reason.EventNeedsMorePower ]
        | Outcome.Reject reason -> [
            "allows", Outcome.Allow
            "rejects for another reason", Outcome.Reject(otherReason reason)
          ]

    let private without (show: 'a -> string) (items: 'a list) : (string * 'a list) list =
        items |> List.map (fun one -> $"without {show one}", List.except [ one ] items)

    let private fewer (it: Entries) : (string * Entries) list =
        match it with
        | Entries.Members names -> without id names |> List.map (fun (what, names) -> what, Entries.Members names)
        | Entries.Inside names -> without id names |> List.map (fun (what, names) -> what, Entries.Inside names)

    let private more (it: Entries) : (string * Entries) list =
        match it with
        | Entries.Members _ -> []
        | Entries.Inside names -> [
            for other in List.except names [ "events"; "notifications"; "users" ] do
                $"also {other}", Entries.Inside(names @ [ other ])
          ]

    let private moreAlterations (it: Alteration list) : (string * Alteration list) list = [
        for other in List.except it [ Alteration.Added; Alteration.Changed; Alteration.Removed ] do
            $"also {other}", it @ [ other ]
    ]

    /// The rule with one thing changed, and the condition under which that can make a difference. Rules inside it stay.
    let private changed (terms: Terms) (rule: Rule) : (string * Rule * Condition) list =
        let conditions make = conditions terms make

        match rule with
        | Rule.Scope(head, condition, inside) ->
            let make condition = Rule.Scope(head, condition, inside)
            always make condition @ conditions make condition
        | Rule.Clause(head, condition, outcome, parts) ->
            let make condition =
                Rule.Clause(head, condition, outcome, parts)

            always make condition @ conditions make condition
        | Rule.Iff(head, applies, holds, reason) ->
            let applying condition =
                Rule.Iff(head, condition, holds, reason)

            let holding condition =
                Rule.Iff(head, applies, condition, reason)

            let named what =
                List.map (fun (how, rule, differs) -> $"{what}: {how}", rule, differs)

            [
                yield! always applying applies @ conditions applying applies |> named "applies"
                yield! always holding holds @ conditions holding holds |> named "holds"
            ]
        | Rule.ForEach(head, kinds, over, where, inside) -> [
            for what, kinds in moreAlterations kinds do
                what, Rule.ForEach(head, kinds, over, where, inside), Condition.Always

            for what, over in more over do
                what, Rule.ForEach(head, kinds, over, where, inside), Condition.Always

            let make where =
                Rule.ForEach(head, kinds, over, where, inside)

            for what, rule, _ in always make where @ conditions make where do
                what, rule, Condition.Always
          ]

    /// The rule with another outcome, or deciding fewer events: only events that it decides can be decided differently.
    let private less (rule: Rule) : (string * Rule) list =
        match rule with
        | Rule.Clause(head, condition, outcome, parts) ->
            outcomes outcome
            |> List.map (fun (what, outcome) -> what, Rule.Clause(head, condition, outcome, parts))
        | Rule.Iff(head, applies, holds, reason) -> [
            "rejects for another reason", Rule.Iff(head, applies, holds, otherReason reason)
          ]
        | Rule.ForEach(head, kinds, over, where, inside) -> [
            for what, kinds in without string kinds do
                what, Rule.ForEach(head, kinds, over, where, inside)

            for what, over in fewer over do
                what, Rule.ForEach(head, kinds, over, where, inside)
          ]
        | Rule.Scope _ -> []

    /// The rules inside a `ForEach`: their conditions on an entry mean nothing outside of it.
    let rec private ofEntries (rules: Rule list) : Set<string> =
        rules
        |> List.map (fun rule ->
            match rule with
            | Rule.ForEach(_, _, _, _, inside) -> Rule.all inside |> List.map Rule.name |> set
            | rule -> ofEntries (Rule.inside rule))
        |> Set.unionMany

    /// Each rule and the next one, if there is one.
    let rec private pairs (rules: Rule list) : (Rule * Rule option) list =
        List.zip rules (List.tail rules |> List.map Some |> fun rest -> rest @ [ None ])
        |> List.collect (fun (rule, next) ->
            (rule, next)
            :: (match Rule.inside rule with
                | [] -> []
                | inside -> pairs inside))

    /// The table with a rule and the next one swapped.
    let rec private reordered (name: string) (rules: Rule list) : Rule list =
        match rules with
        | first :: second :: rest when Rule.name first = name -> second :: first :: rest
        | first :: rest ->
            Rule.withInside (reordered name (Rule.inside first)) first
            :: reordered name rest
        | [] -> []

    /// A table with one thing changed: the rule, the change, the table, and the condition under which it can make a
    /// difference.
    type private Changed = {
        Rule: string
        What: string
        Rules: Rule list
        DiffersOnlyIf: Condition
        DecidedBy: Rule list
    }

    let private changes (terms: Terms) (table: Rule list) : Changed list =
        let entries = ofEntries table

        let change rule what changed differs = {
            Rule = rule
            What = what
            Rules = changed
            DiffersOnlyIf = if entries.Contains rule then Condition.Always else differs
            DecidedBy = []
        }

        [
            for rule, next in pairs table do
                let name = Rule.name rule

                {
                    change name "dropped" (Rule.edit (Edit.Remove name) table) Condition.Always with
                        DecidedBy = [ rule ]
                }

                for what, replacement, differs in changed terms rule do
                    change name what (Rule.edit (Edit.Replace(name, replacement)) table) differs

                for what, replacement in less rule do
                    {
                        change name what (Rule.edit (Edit.Replace(name, replacement)) table) Condition.Always with
                            DecidedBy = [ rule ]
                    }

                match next with
                | Some next -> {
                    change name "after the next" (reordered name table) Condition.Always with
                        DecidedBy = [ rule; next ]
                  }
                | None -> ()
        ]

    /// Every mutant of a table. `put` returns the version with the changed table.
    let ofTable (terms: Terms) (subject: Subject) (table: Rule list) (put: Rule list -> RoomVersion) : Mutant list =
        changes terms table
        |> List.filter (fun c -> c.Rules <> table)
        |> List.distinctBy _.Rules
        |> List.map (fun c -> {
            Subject = subject
            Rule = c.Rule
            Mutation = c.What
            Table = put c.Rules
            DiffersOnlyIf = c.DiffersOnlyIf
            DecidedBy = List.map Rule.name c.DecidedBy
        })
