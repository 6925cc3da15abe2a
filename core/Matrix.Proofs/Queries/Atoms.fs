namespace Matrix.Proofs.Queries

open Matrix.Rules
open Matrix.Rules.Printing
open Matrix.Properties.Claims
open Matrix.Proofs.Encoding
open Matrix.Proofs.Smt

/// Something that differing rules read, to say where two versions may decide otherwise.
[<NoComparison; NoEquality>]
type Atom = {
    /// Such as `the join rule is knock`.
    Words: string
    /// The same negated.
    NotWords: string
    Term: Term
}

/// The atoms of the clauses, rows of the selection and settings in which two versions differ.
[<RequireQualifiedAccess>]
module Atoms =

    /// Whether a condition is about the current entry of a `ForEach`.
    let private isOfEntry (condition: Condition) : bool =
        let isEntryPower power =
            match power with
            | Power.Old
            | Power.New -> true
            | Power.Of User.EntryKey -> true
            | _ -> false

        match condition with
        | Condition.NewIsNoLevel -> true
        | Condition.Compare(a, _, b) -> isEntryPower a || isEntryPower b
        | other -> Condition.speaksOf User.EntryKey other

    /// The parts of a condition that have no parts, and one value where they list several.
    let private simplest (condition: Condition) : Condition list =
        Condition.all condition
        |> List.collect (function
            | Condition.Always
            | Condition.Not _
            | Condition.And _
            | Condition.Or _ -> []
            | Condition.MembershipIn(user, several) -> [ for one in several -> Condition.MembershipIn(user, [ one ]) ]
            | Condition.JoinRuleIn several -> [ for one in several -> Condition.JoinRuleIn [ one ] ]
            | other -> [ other ])
        |> List.filter (isOfEntry >> not)

    /// Rules as rows: what is inside is a row of its own.
    let private rowsOf (version: RoomVersion) : Map<string, Rule> =
        Map [
            for rule in Rule.all version.Authorization -> Rule.name rule, Rule.withInside [] rule
        ]

    /// The rows of the first version that the second does not have in this form.
    let private differing (a: RoomVersion) (b: RoomVersion) : Rule list =
        let others = rowsOf b

        let data (rule: Rule) =
            Rule.conditions rule,
            Rule.verdicts rule,
            (match rule with
             | Rule.ForEach(_, alterations, entries, _, _) -> Some(alterations, entries)
             | _ -> None)

        [
            for KeyValue(name, rule) in rowsOf a do
                match others.TryFind name with
                | Some other when data other = data rule -> ()
                | _ -> rule
        ]

    let private selectionsOf (a: RoomVersion) (b: RoomVersion) : Selection list =
        let data (row: Selection) = row.Type, row.Key, row.When
        let others = b.Selections |> List.map data |> set
        a.Selections |> List.filter (fun row -> not (others.Contains(data row)))

    let private placeOf (version: RoomVersion) : Place = {
        Reading = Powers.readingOf version.Id version.Settings
        Selections = version.Selections
        Entry = None
    }

    let private ofConditions (version: RoomVersion) (conditions: Condition list) : Atom list = [
        for condition in conditions do
            let words (condition: Condition) = Words.condition condition

            {
                Words = words condition
                NotWords = words (Condition.Not condition)
                Term = Conditions.holds (placeOf version) condition
            }
    ]

    /// That some entry of a map of the power levels changes.
    let private ofEntries (version: RoomVersion) (rule: Rule) : Atom list =
        let stated = {
            ClaimTerms.stated version Term.yes with
                Place = placeOf version
        }

        let changes (entries: Entries) =
            let statement = Statement.SomeEntry(entries, Statement.Entry EntryFact.Differs)

            {
                Words = ClaimText.statement statement
                NotWords = ClaimText.statement (Statement.Not statement)
                Term = ClaimTerms.ofStatement stated statement
            }

        match rule with
        | Rule.ForEach(_, _, Entries.Inside maps, _, _) -> [ for map in maps -> changes (Entries.Inside [ map ]) ]
        | Rule.ForEach(_, _, Entries.Members names, _, _) -> [ changes (Entries.Members names) ]
        | _ -> []

    let private x = Term.symbol "x"

    /// What the settings tell of users and levels, where they differ.
    let private ofSettings (a: RoomVersion) (b: RoomVersion) : Atom list =
        let first, second =
            Powers.readingOf a.Id a.Settings, Powers.readingOf b.Id b.Settings

        let somebody (differ: Term) = Words.forSomeText "x" differ

        [
            if first.Creators <> second.Creators then
                {
                    Words = "somebody is a creator in one version only"
                    NotWords = "the creators are the same in both versions"
                    Term = somebody (Term.not' (Term.equal (Powers.isCreator first x) (Powers.isCreator second x)))
                }

            if first.CreatorPower <> second.CreatorPower || first.Creators <> second.Creators then
                {
                    Words = "somebody is a creator"
                    NotWords = "nobody is a creator"
                    Term = somebody (Term.any [ Powers.isCreator first x; Powers.isCreator second x ])
                }

            if first.Values <> second.Values then
                let counts (content: Term) =
                    let differ value =
                        Term.not' (Term.equal (Powers.isLevel first value) (Powers.isLevel second value))

                    Term.any [
                        differ (Words.get content x)
                        for map in [ "users"; "events"; "notifications" ] do
                            differ (Words.get (Words.at [ map ] content) x)
                    ]

                {
                    Words = "some value of the power levels was a level in one version only"
                    NotWords = "all values of the power levels were levels in both versions or in none"
                    Term = somebody (counts Words.levels)
                }

                {
                    Words = "some value of the content is a level in one version only"
                    NotWords = "all values of the content are levels in both versions or in none"
                    Term = somebody (counts Words.content)
                }
        ]

    /// All atoms, each once.
    let between (a: RoomVersion) (b: RoomVersion) : Atom list =
        let ofRules (version: RoomVersion) (rules: Rule list) =
            ofConditions version (rules |> List.collect Rule.conditions |> List.collect simplest)
            @ List.collect (ofEntries version) rules

        let ofSelections (version: RoomVersion) (rows: Selection list) =
            ofConditions version [
                for row in rows do
                    yield! simplest row.When
                    Condition.AuthEventsHave row.Type
            ]

        [
            ofRules a (differing a b)
            ofRules b (differing b a)
            ofSelections a (selectionsOf a b)
            ofSelections b (selectionsOf b a)
            ofSettings a b
        ]
        |> List.concat
        |> List.distinctBy _.Term
