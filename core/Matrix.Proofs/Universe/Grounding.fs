namespace Matrix.Proofs.Universe

open System.Collections.Generic
open Matrix.Proofs.Encoding
open Matrix.Proofs.Smt

/// Questions over few values, such as those of the small universe: quantifiers are finite.
[<RequireQualifiedAccess>]
module Grounding =

    /// The values of each sort in the small universe.
    let values (texts: string list) (cited: int) (sort: string) : Term list =
        match sort with
        | "Text" -> texts |> List.map Words.literal
        | "Cited" -> [ for i in 1..cited -> Term.symbol $"cited {i}" ]
        | _ -> []

    /// The term with a conjunction or disjunction for each quantifier over a sort that has values here.
    let rec expanded (values: string -> Term list) (term: Term) : Term =
        match term with
        | Term.List [ Term.Atom("exists" | "forall" as word)
                      Term.List [ Term.List [ Term.Atom name; Term.Atom sort ] ]
                      body ] ->
            let body = expanded values body
            let parts = [ for value in values sort -> Term.replace (Map [ name, value ]) body ]

            if word = "exists" then Term.any parts else Term.all parts
        | Term.List parts -> Term.List(List.map (expanded values) parts)
        | Term.Atom _ -> term

    /// The definitions that these terms need, in order.
    let needed (definitions: Term list) (terms: Term list) : Term list =
        let wanted = HashSet<string>()

        for term in terms do
            wanted.UnionWith(Term.atoms term)

        [
            for definition in List.rev definitions do
                match definition with
                | Term.List(Term.Atom "define-fun" :: Term.Atom name :: _ :: _ :: [ body ]) ->
                    if wanted.Contains name then
                        wanted.UnionWith(Term.atoms body)
                        definition
                | other -> other
        ]
        |> List.rev

    /// The parts of terms that begin with one of these functions, with every text in place of a bound name.
    let instances (functions: Set<string>) (texts: string list) (cited: int) (terms: Term list) : Term list =
        let found = HashSet<Term>()

        let rec visit (bound: Map<string, string>) (term: Term) : unit =
            match term with
            | Term.List [ Term.Atom "define-fun"; _; Term.List parameters; _; body ] ->
                let bound =
                    (bound, parameters)
                    ||> List.fold (fun bound parameter ->
                        match parameter with
                        | Term.List [ Term.Atom name; Term.Atom sort ] -> bound.Add(name, sort)
                        | _ -> bound)

                visit bound body
            | Term.List(Term.Atom name :: arguments) ->
                if functions.Contains name then
                    found.UnionWith(ground bound term)

                List.iter (visit bound) arguments
            | Term.List parts -> List.iter (visit bound) parts
            | Term.Atom _ -> ()

        and ground bound term : Term list =
            let free =
                Term.atoms term |> Seq.filter bound.ContainsKey |> Seq.distinct |> List.ofSeq

            ([ term ], free)
            ||> List.fold (fun terms name -> [
                for term in terms do
                    match bound[name] with
                    | "Text"
                    | "Cited" as sort ->
                        for value in values texts cited sort do
                            Term.replace (Map [ name, value ]) term
                    | _ -> ()
            ])

        // Quantifiers are expanded before, so that bound names are those of definitions only.
        for term in terms do
            visit Map.empty term

        List.ofSeq found
