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
        |> List.map (fun question ->
            question.Ask(stage.Ground.Rules, stage.Event, RedactingWorld.redactedSender case, stage))

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

    // All properties of a version look at the same decisions, which are made once.
    let private surveys =
        System.Collections.Concurrent.ConcurrentDictionary<string, Lazy<Surveyed>>()

    let private surveyed (version: RoomVersion) : Surveyed =
        let made =
            surveys.GetOrAdd(
                version.Id,
                fun _ ->
                    lazy
                        {
                            Lightest = DecisionLaws.lightest version
                            Run = DecisionLaws.sample version DecisionLaws.few 1UL
                        }
            )

        made.Value

    /// What is asked of decisions, of a version: of the lightest cases, and of a sample of all.
    let ofDecisions (version: RoomVersion) : Property list = [
        for law in DecisionLaws.ofVersion version ->
            let name = $"{law.Name}.{version.Id}"

            {
                Name = name
                Meaning = law.Meaning
                Run =
                    fun _ ->
                        match law.Fault(surveyed version) with
                        | None -> ()
                        | Some fault -> failwith $"{name}: {fault}"
            }
    ]

    /// What is asked of the worlds themselves, for a version.
    let ofWorlds (version: RoomVersion) : Property list =
        idleAxes version RedactingWorld.world ofRedaction
        :: (Worlds.all
            |> List.collect (fun world ->
                idleAxes version world decide :: Option.toList (interchangeable version world)))

    /// All of them, for a version.
    let all (version: RoomVersion) : Property list = ofDecisions version @ ofWorlds version
