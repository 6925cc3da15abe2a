namespace Matrix.Properties.Properties

open FsCheck
open FsCheck.FSharp
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Properties
open Matrix.Properties.Generators
open Matrix.Properties.SmallWorlds

/// What holds of the small worlds themselves: what they leave out as the same is the same.
[<RequireQualifiedAccess>]
module SmallWorldProperties =

    let private anyCase (world: World) : Gen<int[]> =
        world.Axes
        |> Array.map (fun axis -> Gen.choose (0, axis.Choices.Length - 1))
        |> Gen.sequenceToArray

    let private clauseAndReason (decision: Decision) =
        decision.Clause,
        match decision with
        | Decision.Allowed _ -> None
        | Decision.Rejected failure -> Some failure.Reason

    /// What authorization decides of a case.
    let decide (stage: Stage) (case: int[]) : Decision =
        stage.Load case
        stage.Decide stage.Ground.Rules

    /// What is decided of a redaction by the tables that handle them: every question about it.
    let ofRedaction (stage: Stage) (case: int[]) : Decision list =
        stage.Load case

        RedactionQuestion.All
        |> List.map (fun question -> question.Ask(stage.Ground.Rules, stage.Event, RedactingWorld.redactedSender case, stage))

    /// An axis that is said to make no difference makes none, to what `decide` says of a case.
    let idleAxes (version: RoomVersion) (world: World) (decide: Stage -> int[] -> 'd) : Property =
        let stage = Stage(Ground(world, version))

        Property.forAll
            $"worlds.idle-axes.{world.Name}.{version.Id}"
            "Of axes that are said to make no difference, every choice is decided as the lightest, by the same clause and with the same failure."
            (anyCase world)
            (fun case -> decide stage case = decide stage (Enumeration.withoutIdle world version case))

    /// Two users who are said to be interchangeable are.
    let interchangeable (version: RoomVersion) (world: World) : Property option =
        world.Swap
        |> Option.map (fun swap ->
            let stage = Stage(Ground(world, version))

            Property.forAll
                $"worlds.interchangeable-users.{world.Name}.{version.Id}"
                "Where two users are said to be interchangeable, the same clause decides for the same reason after they changed places."
                (anyCase world)
                (fun case ->
                    clauseAndReason (decide stage case) = clauseAndReason (decide stage (World.swapped swap case))
                    && World.swapped swap (World.swapped swap case) = case))

    /// What a case is, in a line: its world, and what is not ordinary in it.
    let nameWitness (witness: Witness) : string =
        let words = World.describe witness.World witness.Case |> String.concat "; "
        $"{witness.World.Name}: {words}"

    /// A survey that has seen nothing yet.
    let nothing (version: RoomVersion) : Survey = Survey(version, false)

    /// What a case is and what becomes of it: for a person to read.
    let showWitness (version: RoomVersion) (witness: Witness) : string =
        let stage = Stage(Ground(witness.World, version))
        stage.Load witness.Case
        let decision = stage.Decide stage.Ground.Rules

        let said =
            match decision with
            | Decision.Allowed clause -> $"accepted by {clause}"
            | Decision.Rejected failure -> $"rejected: {Failures.render failure}"

        $"{nameWitness witness}\n{stage.Case.Shown}\n  {said}"

    /// How many cases of each world are drawn where not all are decided.
    let drawn = 3000

    // All properties of a version look at the same decisions, which are made once.
    let private surveys =
        System.Collections.Concurrent.ConcurrentDictionary<string, Lazy<Survey * Survey>>()

    let private surveyed (version: RoomVersion) : Survey * Survey =
        let made =
            surveys.GetOrAdd(
                version.Id,
                fun _ -> lazy (Survey.lightest version Worlds.all 12, Survey.sample version Worlds.all drawn 1UL)
            )

        made.Value

    let private check name meaning (holds: unit -> string option) : Property = {
        Name = name
        Meaning = meaning
        Run =
            fun _ ->
                match holds () with
                | None -> ()
                | Some fault -> failwith $"{name}: {fault}"
    }

    /// What is wrong with an invariant in these surveys, if anything: decisions that break it, or exceptions that never occur.
    let fault (version: RoomVersion) (finding: Finding) : string option =
        match finding.Broken.Lightest with
        | Some witness -> Some $"does not hold of\n{showWitness version witness}"
        | None ->
            finding.Excepted
            |> List.tryPick (fun (e, seen) ->
                if seen.Count = 0L then
                    Some $"the exception {e.Name} never occurs"
                else
                    None)

    /// An invariant, in a version: of the lightest cases until every exception has occurred, and of a sample of all.
    let invariant (version: RoomVersion) (i: Invariant) : Property =
        check $"{i.Name}.{version.Id}" i.Meaning (fun () ->
            let lightest, sample = surveyed version

            let findings (survey: Survey) =
                survey.Findings |> List.find (fun f -> f.Invariant.Name = i.Name)

            match fault version (findings lightest), (findings sample).Broken.Lightest with
            | Some fault, _ -> Some fault
            | None, Some witness -> Some $"does not hold of\n{showWitness version witness}"
            | None, None when (findings lightest).Applied.Count = 0L -> Some "no decision is one that it is about"
            | None, None -> None)

    /// The evaluators agree on small worlds.
    let evaluatorsAgree (version: RoomVersion) : Property =
        check
            $"auth.evaluators-agree-on-small-worlds.{version.Id}"
            "The evaluator that the host runs decides the cases of small worlds as the literal one does, by the same clause and with the same \
             failure."
            (fun () ->
                let _, sample = surveyed version

                sample.Disagreements.Lightest
                |> Option.map (fun witness -> $"they disagree on\n{showWitness version witness}"))

    /// Every clause decides some case.
    let everyClauseDecides (version: RoomVersion) : Property =
        check
            $"worlds.every-clause-decides.{version.Id}"
            "Every clause of the version decides a case of a small world, with every outcome that it has."
            (fun () ->
                let lightest, _ = surveyed version

                Survey.undecided lightest
                |> List.tryHead
                |> Option.map (fun (clause, accepting) ->
                    let outcome = if accepting then "accepted" else "rejected"
                    $"nothing is {outcome} by {clause}"))

    /// What is asked of decisions, of a version.
    let ofDecisions (version: RoomVersion) : Property list =
        evaluatorsAgree version
        :: everyClauseDecides version
        :: (Invariants.of' version |> List.map (invariant version))

    /// What is asked of the worlds themselves, for a version.
    let ofWorlds (version: RoomVersion) : Property list =
        idleAxes version RedactingWorld.world ofRedaction
        :: (Worlds.all
            |> List.collect (fun world -> idleAxes version world decide :: Option.toList (interchangeable version world)))

    /// All of them, for a version.
    let all (version: RoomVersion) : Property list = ofDecisions version @ ofWorlds version
