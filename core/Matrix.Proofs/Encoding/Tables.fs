namespace Matrix.Proofs.Encoding

open Matrix.Rules
open Matrix.Proofs.Smt

/// One of the decisions that a table can make.
type Leaf = {
    /// The clause, and for the second half of an `iff` the word `not`.
    Name: string
    Clause: string
    Allows: bool
}

/// A table as definitions, and the names of what they define.
type TableTerms = {
    Definitions: Term list
    Allowed: Term
    Rejected: Term
    /// Each decision of the table, and the term that says it was made.
    Leaves: (Leaf * Term) list
    /// For each `ForEach`, whether it could decide both ways, depending on the order of entries.
    Ambiguous: Term list
}

/// Authorization tables as terms. Rules are tried in order: a rule decides if it is reached, its conditions hold, and
/// no rule before it decided.
[<RequireQualifiedAccess>]
module Tables =

    /// A rule list in its place: whether it decides, allows and rejects, and its leaves, if it is reached.
    type private Decided = {
        Any: Term
        Allows: Term
        Rejects: Term
        Leaves: (Leaf * Term) list
    }

    /// Decisions of which only the leaves are known.
    let private ofLeaves (any: Term) (leaves: (Leaf * Term) list) : Decided =
        let those (allows: bool) =
            Term.any [
                for leaf, term in leaves do
                    if leaf.Allows = allows then
                        term
            ]

        {
            Any = any
            Allows = those true
            Rejects = those false
            Leaves = leaves
        }

    /// The same, if something more holds.
    let private onlyIf (condition: Term) (decided: Decided) : Decided =
        let both term = Term.all [ condition; term ]

        {
            Any = both decided.Any
            Allows = both decided.Allows
            Rejects = both decided.Rejects
            Leaves = [ for leaf, term in decided.Leaves -> leaf, both term ]
        }

    let private leaf (name: string) (clause: string) (allows: bool) = {
        Name = name
        Clause = clause
        Allows = allows
    }

    /// The sources of entries of a `ForEach`, in order: one entry, or one for every text.
    type private Source =
        | One of EntryTerm
        /// The entries of the map of this name.
        | Each of name: string

    let private sources (entries: Entries) : Source list =
        match entries with
        | Entries.Members names -> [
            for name in names ->
                One {
                    Key = Words.literal name
                    Before = Words.at [ name ] Words.levels
                    After = Words.at [ name ] Words.content
                    IsMap = false
                }
          ]
        | Entries.Inside names -> [
            for name in names do
                One {
                    Key = Words.literal name
                    Before = Words.at [ name ] Words.levels
                    After = Words.at [ name ] Words.content
                    IsMap = true
                }

                Each name
          ]

    /// Whether an entry was altered in one of these ways.
    let private isAltered (reading: Reading) (entry: EntryTerm) (alterations: Alteration list) : Term =
        let was = Powers.isLevel reading entry.Before
        let is = Powers.isLevel reading entry.After
        let malformed = Conditions.isMalformed reading entry

        let differs =
            Term.not' (Term.equal (Powers.levelOf entry.Before) (Powers.levelOf entry.After))

        if entry.IsMap then
            if List.contains Alteration.Added alterations then
                Term.all [ malformed; Term.not' (Words.isObject entry.After) ]
            else
                Term.no
        else
            Term.any [
                for alteration in List.distinct alterations ->
                    match alteration with
                    | Alteration.Added -> Term.all [ Term.not' was; Term.any [ is; malformed ] ]
                    | Alteration.Removed -> Term.all [ was; Term.not' is; Term.not' malformed ]
                    | Alteration.Changed -> Term.all [ was; Term.any [ malformed; Term.all [ is; differs ] ] ]
            ]

    /// The definitions of a table, and how its rules name what they define.
    type private Writer = {
        /// Begins the name of every definition.
        Name: string
        Definitions: ResizeArray<Term>
        Ambiguous: ResizeArray<Term>
        /// The name of the entry that the rules are tried for, such as `of users`; empty outside of `ForEach`.
        Of: string
        /// The key of that entry, if the definitions are functions of it.
        Key: string option
    } with

        /// Defines a term in its place, and returns what stands for it there.
        member this.Define(suffix: string, term: Term) : Term =
            let full = $"{this.Name}: {suffix}{this.Of}"
            let parameters = [ for key in Option.toList this.Key -> key, "Text" ]
            this.Definitions.Add(Term.define full parameters "Bool" term)
            Term.app full [ for key in Option.toList this.Key -> Term.symbol key ]

    let private some (term: Term) = Words.forSomeText "k" term

    let private forKey (key: string) (term: Term) : Term =
        Term.replace (Map [ "k", Term.symbol key ]) term

    /// Whether no entry of the same map that decides comes before this one.
    let private isFirst (fires: Term) : Term =
        let placeOf key = Term.app "place" [ Term.symbol key ]

        Words.forSomeText "k2" (Term.all [ Term.call "<" [ placeOf "k2"; placeOf "k" ]; forKey "k2" fires ])
        |> Term.not'

    /// The rules of a list that is reached, in order.
    let rec private list (writer: Writer) (place: Place) (reached: Term) (rules: Rule list) : Decided =
        let mutable reached = reached

        let each = [
            for rule in rules do
                let here = one writer place reached rule
                let name = Rule.name rule
                let decides = writer.Define($"decides {name}", here.Any)
                reached <- writer.Define($"goes on after {name}", Term.all [ reached; Term.not' decides ])
                { here with Any = decides }
        ]

        {
            Any = Term.any [ for here in each -> here.Any ]
            Allows = Term.any [ for here in each -> here.Allows ]
            Rejects = Term.any [ for here in each -> here.Rejects ]
            Leaves = each |> List.collect _.Leaves
        }

    /// A rule that is reached.
    and private one (writer: Writer) (place: Place) (reached: Term) (rule: Rule) : Decided =
        let holds condition = Conditions.holds place condition

        match rule with
        | Rule.Scope(head, condition, inside) ->
            let opens =
                writer.Define($"opens {head.Name}", Term.all [ reached; holds condition ])

            list writer place opens inside
        | Rule.Clause(head, condition, outcome, _) ->
            let by = writer.Define($"by {head.Name}", Term.all [ reached; holds condition ])
            ofLeaves by [ leaf head.Name head.Name (outcome = Outcome.Allow), by ]
        | Rule.Iff(head, applies, condition, _) ->
            let applies =
                writer.Define($"opens {head.Name}", Term.all [ reached; holds applies ])

            let yes = writer.Define($"by {head.Name}", Term.all [ applies; holds condition ])
            let no = writer.Define($"by {head.Name} not", Term.all [ applies; Term.not' yes ])

            ofLeaves applies [
                leaf head.Name head.Name true, yes
                leaf (head.Name + " not") head.Name false, no
            ]
        | Rule.ForEach(head, alterations, entries, where, inside) ->
            sources entries
            |> List.map (ofSource writer place head.Name alterations where inside)
            |> inOrder
            |> onlyIf reached

    /// The first entry of a source for which the rules inside decide.
    and private ofSource writer place name alterations where inside source : Decided =
        let tried (writer: Writer) (entry: EntryTerm) : Decided =
            let place = { place with Entry = Some entry }

            let applies =
                Term.all [ isAltered place.Reading entry alterations; Conditions.holds place where ]

            let decided = list writer place (writer.Define($"opens {name}", applies)) inside

            {
                decided with
                    Any = writer.Define($"decides {name}", decided.Any)
            }

        match source with
        | One entry ->
            let whole = if entry.IsMap then "the map " else ""

            match entry.Key |> Term.line |> Words.literalOf with
            | Some member' ->
                tried
                    {
                        writer with
                            Of = $" of {whole}{member'}"
                    }
                    entry
            | None -> tried writer entry
        | Each map ->
            let key = Term.symbol "k"

            let decided =
                tried
                    {
                        writer with
                            Of = $" of {map}, for"
                            Key = Some "k"
                    }
                    {
                        Key = key
                        Before = Words.get (Words.at [ map ] Words.levels) key
                        After = Words.get (Words.at [ map ] Words.content) key
                        IsMap = false
                    }

            let first term =
                some (Term.all [ term; isFirst decided.Any ])

            // The order of entries counts only if the rules inside can decide both ways.
            let isMixed = decided.Allows <> Term.no && decided.Rejects <> Term.no

            if isMixed then
                writer.Ambiguous.Add(
                    some (Words.forSomeText "k2" (Term.all [ decided.Allows; forKey "k2" decided.Rejects ]))
                )

            {
                Any = some decided.Any
                Allows = (if isMixed then first else some) decided.Allows
                Rejects = (if isMixed then first else some) decided.Rejects
                Leaves = [ for leaf, decides in decided.Leaves -> leaf, first decides ]
            }

    /// Sources are tried in order.
    and private inOrder (decided: Decided list) : Decided =
        let mutable before: Term list = []

        let each = [
            for source in decided do
                let here = source |> onlyIf (Term.not' (Term.any before))
                before <- before @ [ source.Any ]
                here
        ]

        let allows = decided |> List.exists (fun source -> source.Allows <> Term.no)
        let rejects = decided |> List.exists (fun source -> source.Rejects <> Term.no)
        let any = Term.any before

        let those (isSome: bool) (isOther: bool) (terms: Term list) =
            if not isSome then Term.no
            elif isOther then Term.any terms
            else any

        {
            Any = any
            Allows = those allows rejects [ for here in each -> here.Allows ]
            Rejects = those rejects allows [ for here in each -> here.Rejects ]
            Leaves = [
                for leaf, terms in each |> List.collect _.Leaves |> List.groupBy fst ->
                    leaf, Term.any (List.map snd terms)
            ]
        }

    /// Encodes a table under a name that begins all of its definitions.
    let encode (name: string) (reading: Reading) (selections: Selection list) (table: Rule list) : TableTerms =
        let writer = {
            Name = name
            Definitions = ResizeArray()
            Ambiguous = ResizeArray()
            Of = ""
            Key = None
        }

        let place = {
            Reading = reading
            Selections = selections
            Entry = None
        }

        let decided = list writer place Term.yes table

        let leaves = [
            for leaf, term in decided.Leaves -> leaf, writer.Define($"decided by {leaf.Name}", term)
        ]

        {
            Allowed = writer.Define("allowed", decided.Allows)
            Rejected = writer.Define("rejected", decided.Rejects)
            Leaves = leaves
            Ambiguous = List.ofSeq writer.Ambiguous
            Definitions = Powers.definitions reading @ List.ofSeq writer.Definitions
        }

    /// The authorization table of a version.
    let ofVersion (name: string) (version: RoomVersion) : TableTerms =
        encode name (Powers.readingOf name version.Settings) version.Selections version.Authorization
