namespace Matrix.Proofs.Queries

open Matrix.Rules
open Matrix.Rules.Printing
open Matrix.Proofs.Encoding
open Matrix.Proofs.Smt

/// Something that differing rules read, to say where two versions may decide otherwise.
[<NoComparison; NoEquality>]
type Atom = {
    /// Such as `the join rule is knock`.
    Words: string
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

    /// A rule without what is inside, which is a row of its own, and the conditions of the scopes around it.
    type private Placed = { Rule: Rule; Around: Condition list }

    let private rowsOf (version: RoomVersion) : Placed list =
        let rec walk around rules =
            rules
            |> List.collect (fun rule ->
                {
                    Rule = Rule.withInside [] rule
                    Around = around
                }
                :: walk (Rule.conditions rule @ around) (Rule.inside rule))

        walk [] version.Authorization

    /// The rows of the first version that the second does not have in this form.
    let private differing (a: RoomVersion) (b: RoomVersion) : Placed list =
        let data (rule: Rule) =
            Rule.conditions rule,
            Rule.verdicts rule,
            (match rule with
             | Rule.ForEach(_, alterations, entries, _, _) -> Some(alterations, entries)
             | _ -> None)

        let others = Map [ for row in rowsOf b -> Rule.name row.Rule, data row.Rule ]

        rowsOf a
        |> List.filter (fun row -> others.TryFind(Rule.name row.Rule) <> Some(data row.Rule))

    let private selectionsOf (a: RoomVersion) (b: RoomVersion) : Selection list =
        let data (row: Selection) = row.Type, row.Key, row.When
        let others = b.Selections |> List.map data |> set
        a.Selections |> List.filter (fun row -> not (others.Contains(data row)))

    let private placeOf (name: string, version: RoomVersion) : Place = {
        Reading = Powers.readingOf name version.Settings
        Selections = version.Selections
        Entry = None
    }

    let private ofConditions (version: string * RoomVersion) (conditions: Condition list) : Atom list = [
        for condition in conditions do
            {
                Words = Words.condition condition
                Term = Conditions.holds (placeOf version) condition
            }
    ]

    /// That a part of the power levels, of which a rule reads the entries, differs before and after.
    let private ofEntries (rule: Rule) : Atom list =
        let differs (name: string) = {
            Words = $"content.{name} differs from {name} of the power levels"
            Term = Term.not' (Term.equal (Words.at [ name ] Words.levels) (Words.at [ name ] Words.content))
        }

        match rule with
        | Rule.ForEach(_, _, (Entries.Inside names | Entries.Members names), _, _) -> List.map differs names
        | _ -> []

    let private x = Term.symbol "x"

    /// What the settings tell of users and levels, where they differ.
    let private ofSettings (a: string * RoomVersion) (b: string * RoomVersion) : Atom list =
        let first, second = (placeOf a).Reading, (placeOf b).Reading

        let somebody (differ: Term) = Words.forSomeText "x" differ

        [
            if first.Creators <> second.Creators then
                {
                    Words = "somebody is a creator in one version only"
                    Term = somebody (Term.not' (Term.equal (Powers.isCreator first x) (Powers.isCreator second x)))
                }

            if first.CreatorPower <> second.CreatorPower || first.Creators <> second.Creators then
                {
                    Words = "somebody is a creator"
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
                    Term = somebody (counts Words.levels)
                }

                {
                    Words = "some value of the content is a level in one version only"
                    Term = somebody (counts Words.content)
                }
        ]

    /// All atoms of two versions, each with its name in the file, once.
    let between (a: string * RoomVersion) (b: string * RoomVersion) : Atom list =
        let ofRules (version: string * RoomVersion) (rows: Placed list) =
            rows
            |> List.collect (fun row -> Rule.conditions row.Rule @ row.Around)
            |> List.collect simplest
            |> ofConditions version
            |> List.append (rows |> List.collect (fun row -> ofEntries row.Rule))

        let ofSelections (version: string * RoomVersion) (rows: Selection list) =
            ofConditions version [
                for row in rows do
                    yield! simplest row.When
                    Condition.AuthEventsHave row.Type
            ]

        [
            ofRules a (differing (snd a) (snd b))
            ofRules b (differing (snd b) (snd a))
            ofSelections a (selectionsOf (snd a) (snd b))
            ofSelections b (selectionsOf (snd b) (snd a))
            ofSettings a b
        ]
        |> List.concat
        |> List.distinctBy _.Term
