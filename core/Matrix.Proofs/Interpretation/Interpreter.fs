namespace Matrix.Proofs.Interpretation

open System.Collections.Generic
open Matrix.Core.Json
open Matrix.Proofs.Encoding
open Matrix.Proofs.Smt

/// Reads a file for solvers in one case after the other: each declared function is what `CaseModel` says, and
/// quantifiers go over what the case has. It knows the words of SMT-LIB and none of the rules.
[<Sealed>]
type Interpreter(terms: Term list) =

    let mutable model: CaseModel = {
        Apply = fun _ _ -> CaseValue.Bool false
        Texts = [||]
        Cited = [||]
        Jsons = [||]
    }

    let mutable age = 0

    // Functions with parameters, and constants whose value is kept for the case at hand.
    let defined = Dictionary<string, CaseValue[] -> CaseValue>()

    let isMadeBy (constructor: string) (value: CaseValue) : bool =
        match constructor, value with
        | "absent", CaseValue.Json None -> true
        | "integer", CaseValue.Json(Some(Json.Int _))
        | "text", CaseValue.Json(Some(Json.String _))
        | "fraction", CaseValue.Json(Some(Json.Float _ | Json.BigInt _))
        | "no", CaseValue.Json(Some(Json.Bool false))
        | "object", CaseValue.Json(Some(Json.Object _))
        | "list", CaseValue.Json(Some(Json.Array _))
        | "other", CaseValue.Json(Some(Json.Null | Json.Bool true)) -> true
        | _ -> false

    let isTrue (value: CaseValue) =
        match value with
        | CaseValue.Bool b -> b
        | _ -> false

    let intOf (value: CaseValue) =
        match value with
        | CaseValue.Int n -> n
        | _ -> 0I

    let unquoted (symbol: string) = symbol.Trim '|'

    let domainOf (sort: string) : CaseValue[] =
        match sort with
        | "Text" -> model.Texts
        | "Cited" -> model.Cited
        | "Json" -> model.Jsons
        | _ -> [||]

    /// Turns a term into a function of the values of bound names. `bound` has the place of each.
    let rec compile (bound: Map<string, int>) (term: Term) : CaseValue[] -> CaseValue =
        match term with
        | Term.Atom "true" -> fun _ -> CaseValue.Bool true
        | Term.Atom "false" -> fun _ -> CaseValue.Bool false
        | Term.Atom name when bound.ContainsKey name ->
            let place = bound[name]
            fun frame -> frame[place]
        | Term.Atom name when name <> "" && System.Char.IsAsciiDigit name[0] ->
            let number = CaseValue.Int(bigint.Parse name)
            fun _ -> number
        | Term.Atom "absent" -> fun _ -> CaseValue.Json None
        | Term.Atom name ->
            match Words.literalOf name with
            | Some text ->
                let value = CaseValue.Text text
                fun _ -> value
            | None -> called (unquoted name) []
        | Term.List [ Term.List [ Term.Atom "_"; Term.Atom "is"; Term.Atom constructor ]; value ] ->
            let value = compile bound value
            fun frame -> CaseValue.Bool(isMadeBy constructor (value frame))
        | Term.List [ Term.Atom("exists" as word); variables; body ]
        | Term.List [ Term.Atom("forall" as word); variables; body ] ->
            quantified (word = "exists") bound variables body
        | Term.List(Term.Atom word :: arguments) -> applied word (arguments |> List.map (compile bound))
        | Term.List _ -> invalidOp $"No term of the files: {Term.line term}"

    and quantified isSome bound variables body =
        match variables with
        | Term.List [ Term.List [ Term.Atom name; Term.Atom sort ] ] ->
            let place = bound.Count
            let body = compile (bound.Add(name, place)) body

            fun frame ->
                let inner = Array.append frame [| CaseValue.Bool false |]

                let holds value =
                    inner[place] <- value
                    isTrue (body inner)

                let domain = domainOf sort

                CaseValue.Bool(
                    if isSome then
                        Array.exists holds domain
                    else
                        Array.forall holds domain
                )
        | _ -> invalidOp $"No variable of the files: {Term.line variables}"

    and applied (word: string) (arguments: (CaseValue[] -> CaseValue) list) : CaseValue[] -> CaseValue =
        match word, arguments with
        | "not", [ a ] -> fun frame -> CaseValue.Bool(not (isTrue (a frame)))
        | "and", parts ->
            let parts = Array.ofList parts
            fun frame -> CaseValue.Bool(parts |> Array.forall (fun part -> isTrue (part frame)))
        | "or", parts ->
            let parts = Array.ofList parts
            fun frame -> CaseValue.Bool(parts |> Array.exists (fun part -> isTrue (part frame)))
        | "=", [ a; b ] -> fun frame -> CaseValue.Bool(a frame = b frame)
        | "distinct", parts ->
            fun frame ->
                let values = parts |> List.map (fun part -> part frame)
                CaseValue.Bool((List.distinct values).Length = values.Length)
        | "ite", [ condition; a; b ] -> fun frame -> if isTrue (condition frame) then a frame else b frame
        | "<", [ a; b ] -> fun frame -> CaseValue.Bool(intOf (a frame) < intOf (b frame))
        | "<=", [ a; b ] -> fun frame -> CaseValue.Bool(intOf (a frame) <= intOf (b frame))
        | "-", [ a ] -> fun frame -> CaseValue.Int(-(intOf (a frame)))
        | word, arguments -> called (unquoted word) arguments

    and called (name: string) (arguments: (CaseValue[] -> CaseValue) list) : CaseValue[] -> CaseValue =
        let arguments = Array.ofList arguments

        match defined.TryGetValue name with
        | true, body -> fun frame -> body (arguments |> Array.map (fun a -> a frame))
        | _ -> fun frame -> model.Apply name (arguments |> Array.map (fun a -> a frame))

    let define (name: string) (parameters: Term list) (body: Term) =
        let bound =
            parameters
            |> List.mapi (fun i parameter ->
                match parameter with
                | Term.List(Term.Atom name :: _) -> name, i
                | _ -> "", i)
            |> Map.ofList

        let body = compile bound body

        defined[unquoted name] <-
            if bound.IsEmpty then
                let mutable at = -1
                let mutable kept = CaseValue.Bool false

                fun frame ->
                    if at <> age then
                        kept <- body frame
                        at <- age

                    kept
            else
                body

    let axioms = ResizeArray<Term * (CaseValue[] -> CaseValue)>()

    do
        for term in terms do
            match term with
            | Term.List [ Term.Atom "define-fun"; Term.Atom name; Term.List parameters; _; body ] ->
                define name parameters body
            | Term.List [ Term.Atom "assert"; axiom ] -> axioms.Add(axiom, compile Map.empty axiom)
            | _ -> ()

    /// Turns to a case.
    member _.Take(case: CaseModel) : unit =
        model <- case
        age <- age + 1

    /// The axioms that do not hold in the case.
    member _.Broken: Term list = [
        for axiom, holds in axioms do
            if not (isTrue (holds [||])) then
                axiom
    ]

    /// A function that tells whether a term holds in the case at hand.
    member _.Reader(term: Term) : unit -> bool =
        let holds = compile Map.empty term
        fun () -> isTrue (holds [||])
