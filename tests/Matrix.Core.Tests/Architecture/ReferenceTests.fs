/// The literal references use nothing of the code that they check.
module Matrix.Core.Tests.ReferenceTests

open System
open System.IO
open Expecto
open Matrix.Testing
open Matrix.Core.Tests.CompiledReferences

/// Questions and answers, which both evaluators share: they only hold data.
let private shared =
    set [ "Decision"; "AuthFacts"; "AuthFactsModule"; "GivenAuthEvent" ]

/// Types of the generators that call the evaluator.
let private wrappers = set [ "MapState"; "AuthCaseModule" ]

let private outer (name: string) = name.Split('+')[0]

/// Whether the literal references of authorization and state resolution must not use a type.
let private isEvaluator (r: Reference) : bool =
    match r.Namespace with
    | "Matrix.Core.Auth" -> not (shared.Contains(outer r.Type))
    | "Matrix.Core.StateRes" -> true
    | "Matrix.Properties.Generators" -> wrappers.Contains(outer r.Type)
    | _ -> false

let private uses (from: string -> bool) : string list =
    read (Path.Combine(AppContext.BaseDirectory, "Matrix.Properties.dll"))
    |> Seq.filter (fun r -> from r.From && isEvaluator r)
    |> Seq.map (fun r -> $"{r.From} uses {r.Namespace}.{r.Type}.{r.Member}")
    |> Seq.distinct
    |> Seq.sort
    |> Seq.toList

let tests =
    testList "ReferenceTests" [
        test "The literal references use nothing of the evaluator and the resolver that they check" {
            let found = uses _.StartsWith("Matrix.Properties.Reference")
            Expect.isEmpty found "found"
        }

        test "The check sees the evaluator where it is used" {
            let found = uses ((=) "Matrix.Properties.Scenarios")
            Expect.anyContains found "Matrix.Core.Auth.AuthRules" "found"
            Expect.anyContains found "Matrix.Core.StateRes.StateResolver" "found"
        }
    ]
