namespace Matrix.Properties.Mutation

open Matrix.Rules

/// Which of a version's tables a mutant has otherwise.
[<RequireQualifiedAccess>]
type Subject =
    | Authorization
    | Selection
    | Redaction
    | Setting

    /// As reports write it.
    member this.Word = (string this).ToLowerInvariant()

/// A version with one thing changed.
type Mutant = {
    Subject: Subject
    /// The rule, selection, event type or setting.
    Rule: string
    /// What was done to it.
    Mutation: string
    /// The table that resulted.
    Table: RoomVersion
    /// What must hold of an event that reaches the rule for the two to decide differently: a cheap test before the whole table is asked.
    DiffersOnlyIf: Condition
    /// Only what these rules, or rules inside them, decide can be decided differently; anything that reaches the rule if empty.
    DecidedBy: string list
} with

    /// What it is called: one name in every version that has the mutant.
    member this.Id = $"{this.Subject.Word}/{this.Rule}: {this.Mutation}"

/// Everything that can be changed in a version's tables, one at a time.
[<RequireQualifiedAccess>]
module Mutants =

    let private others (all: 'a list) (it: 'a) : (string * 'a) list =
        all
        |> List.except [ it ]
        |> List.map (fun other -> $"{ConditionMutants.show other} for {ConditionMutants.show it}", other)

    // Authorization

    let private negated (condition: Condition) : (string * Condition) list =
        match condition with
        | Condition.Always -> []
        | Condition.Not inner -> [ "negated", inner ]
        | condition -> [ "negated", Condition.Not condition ]

    let private exactlyOne (a: Condition) (b: Condition) =
        Condition.Or [ Condition.And [ a; Condition.Not b ]; Condition.And [ Condition.Not a; b ] ]

    let private conditions (make: Condition -> Rule) (condition: Condition) : (string * Rule * Condition) list =
        negated condition @ ConditionMutants.inside condition
        |> List.map (fun (what, changed) -> what, make changed, exactlyOne condition changed)

    let private always (make: Condition -> Rule) (condition: Condition) : (string * Rule * Condition) list =
        if condition = Condition.Always then
            []
        else
            [ "whatever holds", make Condition.Always, Condition.Not condition ]

    /// Another reason than this one: of events that are decided alike otherwise, only the failure tells the two apart.
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

    /// The rule with one thing changed, and when that can make a difference; what is inside stays.
    let private changed (rule: Rule) : (string * Rule * Condition) list =
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

    /// The rule with another outcome, or deciding less: only what it decides can be decided differently then.
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

    /// The rules that stand in a `ForEach`: what they ask of an entry cannot be asked by itself.
    let rec private ofEntries (rules: Rule list) : Set<string> =
        rules
        |> List.map (fun rule ->
            match rule with
            | Rule.ForEach(_, _, _, _, inside) -> Rule.all inside |> List.map Rule.name |> set
            | rule -> ofEntries (Rule.inside rule))
        |> Set.unionMany

    /// Each rule and the one after it, if there is one.
    let rec private pairs (rules: Rule list) : (Rule * Rule option) list =
        List.zip rules (List.tail rules |> List.map Some |> fun rest -> rest @ [ None ])
        |> List.collect (fun (rule, next) ->
            (rule, next)
            :: (match Rule.inside rule with
                | [] -> []
                | inside -> pairs inside))

    /// The table in which a rule and the one after it changed places.
    let rec private reordered (name: string) (rules: Rule list) : Rule list =
        match rules with
        | first :: second :: rest when Rule.name first = name -> second :: first :: rest
        | first :: rest ->
            Rule.withInside (reordered name (Rule.inside first)) first
            :: reordered name rest
        | [] -> []

    let private authorization (version: RoomVersion) : Mutant list =
        let table = version.Authorization

        let entries = ofEntries table

        let mutant rule what changed differs = {
            Subject = Subject.Authorization
            Rule = rule
            Mutation = what
            Table = { version with Authorization = changed }
            DiffersOnlyIf = if entries.Contains rule then Condition.Always else differs
            DecidedBy = []
        }

        let decidedBy (rules: Rule list) (mutant: Mutant) = {
            mutant with
                DecidedBy = List.map Rule.name rules
        }

        [
            for rule, next in pairs table do
                let name = Rule.name rule

                mutant name "dropped" (Rule.edit (Edit.Remove name) table) Condition.Always
                |> decidedBy [ rule ]

                for what, replacement, differs in changed rule do
                    mutant name what (Rule.edit (Edit.Replace(name, replacement)) table) differs

                for what, replacement in less rule do
                    mutant name what (Rule.edit (Edit.Replace(name, replacement)) table) Condition.Always
                    |> decidedBy [ rule ]

                match next with
                | Some next ->
                    mutant name "after the next" (reordered name table) Condition.Always
                    |> decidedBy [ rule; next ]
                | None -> ()
        ]
        |> List.filter (fun m -> m.Table.Authorization <> table)
        |> List.distinctBy (fun m -> m.Table.Authorization)

    // Selection

    let private keys: SelectionKey list = [
        SelectionKey.Empty
        SelectionKey.User User.Sender
        SelectionKey.User User.StateKey
        SelectionKey.ThirdPartyToken
    ]

    let private types = [
        "m.room.create"
        "m.room.power_levels"
        "m.room.member"
        "m.room.join_rules"
        "m.room.third_party_invite"
    ]

    let private selection (version: RoomVersion) : Mutant list =
        let mutant rule what changed = {
            Subject = Subject.Selection
            Rule = rule
            Mutation = what
            Table = { version with Selections = changed }
            DiffersOnlyIf = Condition.Always
            DecidedBy = []
        }

        [
            for i, row in List.indexed version.Selections do
                let put row = List.updateAt i row version.Selections
                mutant row.Name "dropped" (List.removeAt i version.Selections)

                for what, eventType in others types row.Type do
                    mutant row.Name $"type: {what}" (put { row with Type = eventType })

                for what, key in others keys row.Key do
                    mutant row.Name $"key: {what}" (put { row with Key = key })

                if row.When <> Condition.Always then
                    mutant row.Name "whatever holds" (put { row with When = Condition.Always })

                for what, condition in negated row.When @ ConditionMutants.inside row.When do
                    mutant row.Name what (put { row with When = condition })
        ]
        |> List.filter (fun m -> m.Table.Selections <> version.Selections)
        |> List.distinctBy (fun m -> m.Table.Selections)

    // Redaction

    /// What any version keeps, of the event itself or of a content.
    let private everKept =
        lazy
            (let tables = Versions.withUnstable |> List.map _.Redaction

             let top =
                 tables
                 |> List.map _.TopLevel
                 |> Set.unionMany
                 |> Set.union (set [ "unsigned"; "redacts" ])

             let contents = [
                 for table in tables do
                     for KeyValue(eventType, kept) in table.Content do
                         match kept with
                         | KeptContent.Paths paths ->
                             for path in paths do
                                 eventType, path
                         | KeptContent.Whole -> ()
             ]

             top, List.distinct contents)

    let private separator = "."

    let private redaction (version: RoomVersion) : Mutant list =
        let table = version.Redaction

        let mutant rule what changed = {
            Subject = Subject.Redaction
            Rule = rule
            Mutation = what
            Table = { version with Redaction = changed }
            DiffersOnlyIf = Condition.Always
            DecidedBy = []
        }

        let put eventType kept = {
            table with
                Content = table.Content.Add(eventType, kept)
        }

        let top, contents = everKept.Value

        [
            for key in top do
                if table.TopLevel.Contains key then
                    mutant "top-level" $"drops {key}" (Redaction.apply (RedactionEdit.DropTopLevel [ key ]) table)
                else
                    mutant "top-level" $"keeps {key}" {
                        table with
                            TopLevel = table.TopLevel.Add key
                    }

            for eventType in contents |> List.map fst |> List.append [ "m.room.message" ] |> List.distinct do
                mutant eventType "keeps everything" (Redaction.apply (RedactionEdit.KeepWhole eventType) table)
                mutant eventType "keeps nothing" (Redaction.apply (RedactionEdit.KeepNothing eventType) table)

            for eventType, path in contents do
                let shown = String.concat "." path

                match Redaction.keptOf table eventType with
                | KeptContent.Paths paths when List.contains path paths ->
                    mutant eventType $"drops {shown}" (put eventType (KeptContent.Paths(List.except [ path ] paths)))

                    if path.Length > 1 then
                        let shorter = List.take (path.Length - 1) path

                        mutant
                            eventType
                            $"keeps all of {String.concat separator shorter}"
                            (put eventType (KeptContent.Paths(shorter :: List.except [ path ] paths)))
                | KeptContent.Paths _ ->
                    mutant eventType $"keeps {shown}" (Redaction.apply (RedactionEdit.Keep(eventType, path)) table)
                | KeptContent.Whole -> mutant eventType $"keeps {shown} only" (put eventType (KeptContent.Paths [ path ]))
        ]
        |> List.filter (fun m -> m.Table.Redaction <> table)
        |> List.distinctBy (fun m -> m.Table.Redaction)

    // Settings

    let private settings (version: RoomVersion) : Mutant list =
        let s = version.Settings

        let mutant rule what changed = {
            Subject = Subject.Setting
            Rule = rule
            Mutation = what
            Table = { version with Settings = changed }
            DiffersOnlyIf = Condition.Always
            DecidedBy = []
        }

        [
            for what, x in
                others
                    [
                        PowerLevelValues.IntegersFloatsAndStrings
                        PowerLevelValues.IntegersAndStrings
                        PowerLevelValues.Integers
                    ]
                    s.PowerLevelValues do
                mutant "power-level-values" what { s with PowerLevelValues = x }

            for what, x in others [ Creators.ContentCreator; Creators.Sender; Creators.SenderAndAdditional ] s.Creators do
                mutant "creators" what { s with Creators = x }

            for what, x in others [ CreatorPower.HundredAtFirst; CreatorPower.Infinite ] s.CreatorPower do
                mutant "creator-power" what { s with CreatorPower = x }
        ]

    /// Everything that a decision can show.
    let ofAuthorization (version: RoomVersion) : Mutant list =
        authorization version @ selection version @ settings version

    /// Everything that redaction can show.
    let ofRedaction (version: RoomVersion) : Mutant list = redaction version
