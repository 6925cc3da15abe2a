namespace Matrix.Properties.Properties

open FsCheck
open FsCheck.FSharp
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Properties
open Matrix.Properties.Generators
open Matrix.Properties.SmallWorlds

/// Properties of the small worlds themselves: cases left out as equivalent are equivalent.
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

    /// The decision of authorization about a case.
    let decide (loader: CaseLoader) (case: int[]) : Decision =
        loader.Load case
        loader.Decide loader.Ground.Rules

    /// The decisions of the redaction tables about a case: one for each question.
    let ofRedaction (loader: CaseLoader) (case: int[]) : Decision list =
        loader.Load case

        RedactionQuestion.All
        |> List.map (fun question ->
            question.Ask(loader.Ground.Rules, loader.Event, RedactingWorld.redactedSender case, loader))

    /// An axis declared idle does not change what `decide` returns.
    let idleAxes (version: RoomVersion) (world: World) (decide: CaseLoader -> int[] -> 'd) : Property =
        let loader = CaseLoader(Ground(world, version))

        Property.forAll
            $"worlds.idle-axes.{world.Name}.{version.Id}"
            "Every choice on an axis declared idle is decided as the lightest choice is, by the same clause and with \
             the same failure."
            (anyCase world)
            (fun case -> decide loader case = decide loader (Enumeration.withoutIdle world version case))

    /// Two users declared interchangeable are interchangeable.
    let interchangeable (version: RoomVersion) (world: World) : Property option =
        world.Swap
        |> Option.map (fun swap ->
            let loader = CaseLoader(Ground(world, version))

            Property.forAll
                $"worlds.interchangeable-users.{world.Name}.{version.Id}"
                "After two users declared interchangeable swap places, the same clause decides, for the same reason."
                (anyCase world)
                (fun case ->
                    clauseAndReason (decide loader case) = clauseAndReason (decide loader (World.swapped swap case))
                    && World.swapped swap (World.swapped swap case) = case))

    // All properties of a version share the same decisions, which are made once.
    let private surveys =
        System.Collections.Concurrent.ConcurrentDictionary<string, Lazy<Surveyed>>()

    let private surveyed (version: RoomVersion) : Surveyed =
        let made =
            surveys.GetOrAdd(
                version.Id,
                fun _ ->
                    lazy
                        (DecisionLaws.sample version DecisionLaws.few 1UL
                         |> DecisionLaws.surveyed version)
            )

        made.Value

    /// The laws about a version's decisions, for the lightest cases and a sample of all.
    let ofDecisions (version: RoomVersion) : Property list = [
        for law in DecisionLaws.ofVersion version ->
            let name = $"{law.Name}.{version.Id}"

            Property.forAll name law.Meaning (Gen.constant ()) (fun () ->
                match law.Fault(surveyed version) with
                | None -> true
                | Some fault -> failwith $"{name}: {fault}")
            // Nothing is drawn.
            |> Property.atMost 1
    ]

    /// The properties of the worlds themselves, for a version.
    let ofWorlds (version: RoomVersion) : Property list =
        idleAxes version RedactingWorld.world ofRedaction
        :: (Worlds.widened [ version ] Worlds.all
            |> List.collect (fun world ->
                idleAxes version world decide :: Option.toList (interchangeable version world)))

    /// All of them, for a version.
    let all (version: RoomVersion) : Property list = ofDecisions version @ ofWorlds version
