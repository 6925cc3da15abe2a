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

/// The tables and settings of a version.
let private own =
    set [ "get_Settings"; "get_Selections"; "get_Authorization"; "get_Handling" ]

/// Whether claims must not use a type or a member: what they judge, the literal reference, and what a version says of
/// itself. An event of the state is read from an `AuthEvent` as it was sent.
let private isJudged (r: Reference) : bool =
    match r.Namespace, outer r.Type with
    | "Matrix.Core.Auth", "AuthEvent" -> r.Member <> "" && r.Member <> "get_Pdu"
    | "Matrix.Core.Auth", "IAuthState" -> false
    | "Matrix.Core.Auth", name -> not (shared.Contains name)
    | "Matrix.Rules", "Settings" -> true
    | "Matrix.Rules", "RoomVersion" -> own.Contains r.Member
    | from, _ -> from.StartsWith("Matrix.Properties.Reference", StringComparison.Ordinal)

let private usesOf (isForbidden: Reference -> bool) (from: string -> bool) : string list =
    read (Path.Combine(AppContext.BaseDirectory, "Matrix.Properties.dll"))
    |> Seq.filter (fun r -> from r.From && isForbidden r)
    |> Seq.map (fun r -> $"{r.From} uses {r.Namespace}.{r.Type}.{r.Member}")
    |> Seq.distinct
    |> Seq.sort
    |> Seq.toList

let private uses = usesOf isEvaluator

let tests =
    testList "ReferenceTests" [
        test "The literal references use nothing of the evaluator and the resolver that they check" {
            let found = uses _.StartsWith("Matrix.Properties.Reference")
            Expect.isEmpty found "found"
        }

        test "Claims use nothing of what they judge, of the literal reference, or of a version's settings" {
            let found = usesOf isJudged ((=) "Matrix.Properties.Claims")
            Expect.isEmpty found "found"
            Expect.isNonEmpty (usesOf isJudged ((=) "Matrix.Properties.SmallWorlds")) "the check sees such uses"
        }

        test "The check sees the evaluator where it is used" {
            let found = uses ((=) "Matrix.Properties.Scenarios")
            Expect.anyContains found "Matrix.Core.Auth.AuthRules" "found"
            Expect.anyContains found "Matrix.Core.StateRes.StateResolver" "found"
        }
    ]
