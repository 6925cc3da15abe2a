namespace Matrix.Proofs.Interpretation

open System.Collections.Generic
open Matrix.Core.Json
open Matrix.Proofs.Encoding
open Matrix.Proofs.Smt
open Matrix.Proofs.Universe

/// Files about one case: each declared function has the case's values, and quantifiers go over these.
/// So a solver checks what the interpreter says.
[<RequireQualifiedAccess>]
module CaseScript =

    let private citedSymbol (place: int) = Term.symbol $"cited {place}"

    /// JSON values as terms. Objects, lists and fractions get a number each; equal ones the same.
    type private Writer(model: CaseModel) =

        let numbers = Dictionary<Json, bigint>()

        let numberOf (json: Json) =
            match numbers.TryGetValue json with
            | true, number -> Term.number number
            | _ ->
                let number = bigint numbers.Count
                numbers[json] <- number
                Term.number number

        let texts =
            model.Texts
            |> Seq.choose (function
                | CaseValue.Text s -> Some s
                | _ -> None)
            |> HashSet

        /// A text; one that the case does not have is as good as any other that nothing is known of.
        member _.Text(s: string) : Term =
            Words.literal (
                if texts.Contains s then
                    s
                else
                    "a text that is nowhere else"
            )

        member this.Json(json: Json option) : Term =
            let level json =
                match model.Apply "fraction-level" [| CaseValue.Json(Some json) |] with
                | CaseValue.Int n -> Term.number n
                | _ -> Term.number 0I

            match json with
            | None -> Words.absent
            | Some(Json.Int n) -> Term.app "integer" [ Term.number (bigint n) ]
            | Some(Json.String s) -> Term.app "text" [ this.Text s ]
            | Some(Json.Float _ | Json.BigInt _ as fraction) ->
                Term.app "fraction" [ level fraction; numberOf fraction ]
            | Some(Json.Bool false) -> Term.symbol "no"
            | Some(Json.Bool true) -> Term.app "other" [ Term.number 1I ]
            | Some Json.Null -> Term.app "other" [ Term.number 0I ]
            | Some(Json.Object _ as value) -> Term.app "object" [ numberOf value ]
            | Some(Json.Array _ as value) -> Term.app "list" [ numberOf value ]

        member this.Value(value: CaseValue) : Term =
            match value with
            | CaseValue.Bool b -> if b then Term.yes else Term.no
            | CaseValue.Int n -> Term.number n
            | CaseValue.Text s -> this.Text s
            | CaseValue.Json json -> this.Json json
            | CaseValue.Cited place -> citedSymbol place

    let private enumeration (sort: string) (values: Term list) =
        Term.call "declare-datatypes" [
            Term.List [ Term.List [ Term.symbol sort; Term.Atom "0" ] ]
            Term.List [ Term.List [ for value in values -> Term.List [ value ] ] ]
        ]

    let private values (model: CaseModel) (sort: string) : CaseValue list =
        match sort with
        | "Text" -> List.ofArray model.Texts
        | "Cited" -> List.ofArray model.Cited
        | _ -> List.ofArray model.Jsons

    let rec private combined (choices: CaseValue list list) : CaseValue list list =
        match choices with
        | [] -> [ [] ]
        | some :: rest -> [
            for one in some do
                for others in combined rest -> one :: others
          ]

    /// The values of a declared function, each as an assertion.
    let private known (model: CaseModel) (writer: Writer) (symbol: string) (sorts: string list) : Term list = [
        for arguments in sorts |> List.map (values model) |> combined do
            let value = model.Apply (symbol.Trim '|') (Array.ofList arguments)
            let applied = Term.app (symbol.Trim '|') (List.map writer.Value arguments)
            Term.assert' (Term.equal applied (writer.Value value))
    ]

    let private isDeclaration (term: Term) =
        match term with
        | Term.List(Term.Atom "declare-fun" :: _) -> true
        | _ -> false

    let private isLiteral (symbol: string) = (Words.literalOf symbol).IsSome

    /// The question whether something does not hold of the case: an axiom, or one of these terms. Unsat says that all
    /// of them hold. `written` is what `Script.premises` gives.
    let all (written: Term list) (model: CaseModel) (terms: Term list) : Term list =
        let writer = Writer model

        let termsOf (sort: string) =
            values model sort |> List.map writer.Value |> List.distinct

        let expand = Grounding.expanded termsOf

        let sorts = [ for sort in [ "Text"; "Cited" ] -> enumeration sort (termsOf sort) ]

        let axioms = [
            for term in written do
                match term with
                | Term.List [ Term.Atom "assert"; axiom ] -> axiom
                | _ -> ()
        ]

        let needed = Grounding.needed written (axioms @ terms)

        let read =
            System.Collections.Generic.HashSet(
                Seq.collect Term.atoms (axioms @ terms)
                |> Seq.append (needed |> Seq.filter (isDeclaration >> not) |> Seq.collect Term.atoms)
            )

        [
            for term in needed do
                match term with
                | Term.List(Term.Atom "set-logic" :: _) ->
                    term
                    yield! sorts
                | Term.List(Term.Atom("declare-sort" | "assert") :: _) -> ()
                | Term.List [ Term.Atom "declare-fun"; Term.Atom name; Term.List sorts; _ ] ->
                    if not (isLiteral name) && read.Contains name then
                        term
                        yield! known model writer name [ for sort in sorts -> Term.line sort ]
                | other -> expand other

            Term.assert' (Term.not' (expand (Term.all (axioms @ terms))))
            Term.call "check-sat" []
        ]
