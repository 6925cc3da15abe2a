namespace Matrix.Properties.Mutation

open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Properties.Generators
open Matrix.Properties.SmallWorlds
open Matrix.Properties.Vectors
open Matrix.Rules

/// A redaction that mutants of the handling tables are checked against.
type internal RedactionTrial = {
    /// The vector's file and position.
    Name: string
    Case: RedactionCase
    /// The version's own decision.
    Right: Decision
}

/// The vectors that distinguish mutants of a handling table. `version` is a version that applies redactions by that
/// table; `asks` is the question that the table decides.
[<Sealed>]
type internal HandlingSuite(asks: RedactionQuestion, version: RoomVersion, files: (string * VectorFile) list) =

    let rules = AuthRules version

    let decide (rules: AuthRules) (case: RedactionCase) =
        rules.Applies(case.Redaction, case.RedactedSender, RedactionCase.state rules case)

    let trials = [
        for name, vector in VectorsOf.version version "redaction-handling" files do
            match Vectors.redactionCase vector with
            | Ok case when case.Asks = asks -> {
                Name = name
                Case = case
                Right = decide rules case
              }
            | _ -> ()
    ]

    /// The number of decisions.
    member _.Decisions = trials.Length

    /// The vector that distinguishes the mutant from the version.
    member _.Killer(mutant: Mutant) : string option =
        let mutated = AuthRules mutant.Table

        trials
        |> List.tryFind (fun t -> Verdicts.differ t.Right (decide mutated t.Case))
        |> Option.map _.Name

/// The vectors that distinguish mutants of the redaction table.
[<Sealed>]
type internal RedactionSuite(version: RoomVersion, files: (string * VectorFile) list) =

    let redactor = Redactor version.Redaction

    let trials = [
        for name, vector in VectorsOf.version version "redaction" files do
            match vector.Question.TryFind "event" with
            | ValueSome(Json.Object event) -> name, event, redactor.Redact event
            | _ -> ()
    ]

    /// The number of events.
    member _.Decisions = trials.Length

    /// The vector that distinguishes the mutant from the version.
    member _.Killer(mutant: Mutant) : string option =
        let redactor = Redactor mutant.Table.Redaction

        trials
        |> List.tryFind (fun (_, event, redacted) -> redactor.Redact event <> redacted)
        |> Option.map (fun (name, _, _) -> name)

/// Searches for events and cases that distinguish redaction mutants from their version, in worlds made for redactions.
[<RequireQualifiedAccess>]
module internal Redactions =

    /// Tries mutants of a handling table on one in `every` cases of its world.
    let runHandling (version: RoomVersion) (every: int64) (mutants: Mutant list) : Map<string, MutantResult> =
        let world = RedactingWorld.world
        let ground = Ground(world, version)
        let loader = CaseLoader ground
        let mutated = [| for mutant in mutants -> mutant.Id, AuthRules mutant.Table |]
        let kills: int[] option[] = Array.create mutated.Length None
        let tried: int64[] = Array.zeroCreate mutated.Length

        Enumeration.run world [ version ] (Enumeration.slice every) (fun case ->
            loader.Load case
            let right = RedactingWorld.decide ground.Rules loader case

            for i in 0 .. mutated.Length - 1 do
                if kills[i].IsNone then
                    tried[i] <- tried[i] + 1L

                    if Verdicts.differ right (RedactingWorld.decide (snd mutated[i]) loader case) then
                        kills[i] <- Some(Array.copy case))
        |> ignore

        Map [
            for i in 0 .. mutated.Length - 1 ->
                fst mutated[i],
                {
                    Kill = kills[i] |> Option.map (fun case -> { World = world; Case = case })
                    Decisions = tried[i]
                    Worlds = [ world.Name ]
                }
        ]

    /// The first event that the mutant redacts differently from its version.
    let killerOfTable (version: RoomVersion) (mutant: Mutant) : string option =
        let right, mutated = Redactor version.Redaction, Redactor mutant.Table.Redaction

        RedactedEvents.all.Value
        |> Array.tryFind (fun event -> right.Redact event <> mutated.Redact event)
        |> Option.map (fun event -> CanonicalJson.text (Json.Object event))
