namespace Matrix.Properties.Mutation

open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Properties.Generators
open Matrix.Properties.SmallWorlds
open Matrix.Properties.Vectors
open Matrix.Rules

/// A redaction that mutants of the tables that handle redactions are tried on.
type internal RedactionTrial = {
    /// The vector, by its file and place.
    Name: string
    Case: RedactionCase
    /// What the version itself decides.
    Right: Decision
}

/// The vectors that mutants of the tables that handle redactions are tried on. `version` is one that applies redactions by the table in
/// question, `asks` what that answers.
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

    /// How many decisions there are.
    member _.Decisions = trials.Length

    /// The vector that tells the mutant from the version.
    member _.Killer(mutant: Mutant) : string option =
        let mutated = AuthRules mutant.Table

        trials
        |> List.tryFind (fun t -> Verdicts.differ t.Right (decide mutated t.Case))
        |> Option.map _.Name

/// The vectors that mutants of what redaction leaves are tried on.
[<Sealed>]
type internal RedactionSuite(version: RoomVersion, files: (string * VectorFile) list) =

    let redactor = Redactor version.Redaction

    let trials = [
        for name, vector in VectorsOf.version version "redaction" files do
            match vector.Question.TryFind "event" with
            | ValueSome(Json.Object event) -> name, event, redactor.Redact event
            | _ -> ()
    ]

    /// How many events there are.
    member _.Decisions = trials.Length

    /// The vector that tells the mutant from the version.
    member _.Killer(mutant: Mutant) : string option =
        let redactor = Redactor mutant.Table.Redaction

        trials
        |> List.tryFind (fun (_, event, redacted) -> redactor.Redact event <> redacted)
        |> Option.map (fun (name, _, _) -> name)

/// The mutants of redaction on the worlds that are theirs.
[<RequireQualifiedAccess>]
module internal Redactions =

    /// Tries mutants of a table that handles redactions on one in `every` cases of their world.
    let runHandling (version: RoomVersion) (every: int64) (mutants: Mutant list) : Map<string, Tried> =
        let world = RedactingWorld.world
        let ground = Ground(world, version)
        let stage = Stage ground
        let mutated = [| for mutant in mutants -> mutant.Id, AuthRules mutant.Table |]
        let kills: int[] option[] = Array.create mutated.Length None
        let tried: int64[] = Array.zeroCreate mutated.Length

        Enumeration.run world [ version ] (Enumeration.slice every) (fun case ->
            stage.Load case
            let right = RedactingWorld.decide ground.Rules stage case

            for i in 0 .. mutated.Length - 1 do
                if kills[i].IsNone then
                    tried[i] <- tried[i] + 1L

                    if Verdicts.differ right (RedactingWorld.decide (snd mutated[i]) stage case) then
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

    /// The first event of which a mutant leaves something else than its version does.
    let killerOfTable (version: RoomVersion) (mutant: Mutant) : string option =
        let right, mutated = Redactor version.Redaction, Redactor mutant.Table.Redaction

        RedactedEvents.all.Value
        |> Array.tryFind (fun event -> right.Redact event <> mutated.Redact event)
        |> Option.map (fun event -> CanonicalJson.text (Json.Object event))
