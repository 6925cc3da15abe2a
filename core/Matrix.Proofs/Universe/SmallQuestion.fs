namespace Matrix.Proofs.Universe

open Matrix.Core.Json
open Matrix.Proofs.Encoding
open Matrix.Proofs.Smt
open Matrix.Properties.SmallWorlds
open Matrix.Rules

/// A question over the small universe, ready for a solver, and the terms whose values make up a case.
type SmallQuestion = {
    Terms: Term list
    /// The terms that a case is read from.
    Asked: Term list
}

/// Questions over the small universe. What is restricted here leaves out cases; it is for finding a case, never for a
/// proof.
[<RequireQualifiedAccess>]
module SmallQuestion =

    let private citedCount = 4

    /// The functions whose values at some arguments make up a case.
    let private parts =
        set [
            "get"
            "in-state"
            "state-sender"
            "state-content"
            "contains"
            "lists-user-ids"
        ]

    /// The constants whose values do.
    let private constants = [
        "event-type"
        "event-sender"
        "event-has-state-key"
        "event-state-key"
        "event-has-previous"
        "event-previous-is-create"
        "event-has-room-id"
        "room-has-domain"
        "room-domain"
        "room-is-create"
        "event-id-has-domain"
        "event-id-domain"
        "redacts-has-domain"
        "redacts-domain"
        "redacted-is-known"
        "redacted-sender"
        "version-is-known"
        "plain-third-party-signed-single"
        "plain-third-party-signed-listed"
    ]

    let private citedParts = [
        "is-cited"
        "cited-type"
        "cited-has-key"
        "cited-key"
        "cited-is-rejected"
        "cited-is-elsewhere"
    ]

    let private enumeration (sort: string) (values: Term list) =
        Term.call "declare-datatypes" [
            Term.List [ Term.List [ Term.symbol sort; Term.Atom "0" ] ]
            Term.List [ Term.List [ for value in values -> Term.List [ value ] ] ]
        ]

    let private isDeclaredText (term: Term) =
        match term with
        | Term.List [ Term.Atom "declare-sort"; Term.Atom("Text" | "Cited"); _ ] -> true
        | Term.List [ Term.Atom "declare-fun"; Term.Atom name; _; _ ] when (Words.literalOf name).IsSome -> true
        | Term.List [ Term.Atom "declare-fun"; Term.Atom name; _; _ ] ->
            Words.ofTexts
            |> List.exists (function
                | Term.List(_ :: Term.Atom other :: _) -> other = name
                | _ -> false)
        | _ -> false

    let private isAxiomOfJson (term: Term) =
        match term with
        | Term.List [ Term.Atom "assert"; Term.List(Term.Atom "forall" :: _) ] -> true
        | _ -> false

    /// Whether a text is one of these.
    let private oneOf (term: Term) (texts: string list) : Term =
        Term.any [ for text in texts -> Term.equal term (Words.literal text) ]

    let private within (value: Term) : Term =
        Term.all [
            Term.call "<=" [ Term.number -200I; value ]
            Term.call "<=" [ value; Term.number 200I ]
        ]

    /// What a JSON value may be, so that JSON can be written from it: `isBase` if members of it are read.
    let private writable (isBase: bool) (value: Term) : Term list = [
        Term.implies (Words.isInteger value) (within (Term.app "integer-value" [ value ]))
        Term.implies
            (Term.isMadeBy "fraction" value)
            (Term.all [
                within (Term.app "fraction-level" [ value ])
                Term.any [
                    for id in [ 0I; 1I ] -> Term.equal (Term.app "fraction-id" [ value ]) (Term.number id)
                ]
            ])
        Term.implies
            (Term.isMadeBy "other" value)
            (Term.any [
                for id in [ 0I; 1I ] -> Term.equal (Term.app "other-id" [ value ]) (Term.number id)
            ])
        if not isBase then
            Term.not' (Words.isObject value)
        match value with
        | Term.List [ Term.Atom "get"; _; name ] when name = Words.literal "additional_creators" -> ()
        | _ -> Term.not' (Term.isMadeBy "list" value)
    ]

    let private idOf (value: Term) = Term.app "object-id" [ value ]

    /// What a version's events are like, beside what the rules check.
    let private ofVersion (version: RoomVersion) : Term list =
        let symbol = Term.symbol

        let roomIds =
            match version.Settings.RoomIds with
            | RoomIdForm.WithDomain -> [ symbol "room-has-domain"; Term.not' (symbol "plain-room-is-create") ]
            | RoomIdForm.HashOfCreate -> [ Term.not' (symbol "room-has-domain") ]

        let eventIds =
            if version.Settings.EventIds = EventIdForm.Assigned then
                symbol "event-id-has-domain"
            else
                Term.not' (symbol "event-id-has-domain")

        roomIds
        @ [
            eventIds
            oneOf (symbol "room-domain") SmallTexts.servers
            oneOf (symbol "event-id-domain") SmallTexts.servers
            oneOf (symbol "redacts-domain") SmallTexts.servers
            oneOf (symbol "event-sender") Universe.users
            oneOf (symbol "redacted-sender") Universe.users
            Term.implies (symbol "event-previous-is-create") (symbol "event-has-previous")
        ]

    /// The weight of a case: the state's events, the members of contents and what is unusual.
    let private weightOf (parts: Term list) : Term =
        let counted (holds: Term) =
            Term.ite holds (Term.number 1I) (Term.number 0I)

        Term.call "+" [
            Term.number 0I
            for part in parts do
                match part with
                | Term.List(Term.Atom "in-state" :: _) -> counted part
                | Term.List(Term.Atom "get" :: _) -> counted (Words.isThere part)
                | _ -> ()
            for i in 1..citedCount do
                counted (Term.app "is-cited" [ Term.symbol $"cited {i}" ])

            counted (Term.not' (Term.symbol "event-has-previous"))
            counted (Term.symbol "event-has-room-id")
        ]

    /// The question over the small universe, of cases lighter than `below` if that is given.
    let make (version: RoomVersion) (below: bigint option) (question: Question) : SmallQuestion =
        let shared = Words.shared @ Powers.shared
        let definitions = shared @ question.Definitions

        let literals =
            Script.literals (definitions @ question.Asserted) |> List.append [ "" ]

        let texts = literals @ SmallTexts.all |> List.distinct
        let expand = Grounding.expanded (Grounding.values texts citedCount)
        let asserted = question.Asserted |> List.map expand

        let definitions =
            Grounding.needed definitions (asserted @ [ for name in constants -> Term.symbol name ])
            |> List.map expand

        // `levels` is defined; its members are those of the event of the state.
        let definitions = definitions |> List.distinct
        let found = Grounding.instances parts texts citedCount (definitions @ asserted)

        let gets =
            found
            |> List.filter (function
                | Term.List(Term.Atom "get" :: _) -> true
                | _ -> false)

        let baseOf term =
            match term with
            | Term.List [ Term.Atom "get"; inner; _ ] -> inner
            | other -> other

        let bases = gets |> List.map baseOf |> set

        let declarations =
            Words.declarations []
            |> List.filter (isDeclaredText >> not)
            |> List.collect (fun term ->
                match term with
                | Term.List(Term.Atom "set-logic" :: _) -> [
                    term
                    enumeration "Text" (texts |> List.map Words.literal)
                    enumeration "Cited" [ for i in 1..citedCount -> Term.symbol $"cited {i}" ]
                  ]
                | Term.List(Term.Atom "declare-datatypes" :: _) -> term :: SmallTexts.definitions texts
                | _ -> [ term ])

        let axioms = Words.axioms [] |> List.filter (isAxiomOfJson >> not)

        let ofPart (part: Term) =
            match part with
            | Term.List [ Term.Atom "get"; inner; _ ] ->
                [ Term.any [ Words.isObject inner; Term.equal part Words.absent ] ]
                @ writable (bases.Contains part) part
                // Objects are trees.
                @ (if bases.Contains part then
                       [ Term.implies (Words.isObject part) (Term.call "<" [ idOf inner; idOf part ]) ]
                   else
                       [])
            | Term.List [ Term.Atom "in-state"; name; key ] -> [
                Term.implies part (Words.isObject (Term.app "state-content" [ name; key ]))
              ]
            | Term.List [ Term.Atom "state-sender"; _; _ ] -> [ oneOf part Universe.users ]
            | _ -> []

        let restrictions = List.collect ofPart found @ ofVersion version

        let weight = weightOf found

        {
            Terms =
                declarations
                @ definitions
                @ axioms
                @ [ Term.define "weight" [] "Int" weight ]
                @ [ for term in restrictions -> Term.assert' term ]
                @ [ for term in asserted -> Term.assert' term ]
                @ [
                    for limit in Option.toList below ->
                        Term.assert' (Term.call "<" [ Term.symbol "weight"; Term.number limit ])
                ]
                @ [ Term.call "check-sat" [] ]
            Asked =
                [ for name in constants -> Term.symbol name ]
                @ [ Term.symbol "weight" ]
                @ [
                    for server in SmallTexts.servers -> Term.app "is-signed-by" [ Words.literal server ]
                ]
                @ [
                    for i in 1..citedCount do
                        for part in citedParts do
                            Term.app part [ Term.symbol $"cited {i}" ]
                ]
                @ found
                // The keys of the state's events, where they are no literals.
                @ [
                    for part in found do
                        match part with
                        | Term.List [ Term.Atom("in-state" | "state-content" | "state-sender"); _; key ] -> key
                        | _ -> ()
                ]
                |> List.distinct
        }
