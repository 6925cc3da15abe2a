namespace Matrix.Properties.Properties

open FsCheck
open FsCheck.FSharp
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Properties
open Matrix.Properties.SmallWorlds

/// What holds of the small worlds themselves: what they leave out as the same is the same.
[<RequireQualifiedAccess>]
module SmallWorldProperties =

    let private anyCase (world: World) : Gen<int[]> =
        world.Axes
        |> Array.map (fun axis -> Gen.choose (0, axis.Choices.Length - 1))
        |> Gen.sequenceToArray

    let private clauseAndReason (decision: Decision) =
        match decision with
        | Decision.Allowed clause -> clause, None
        | Decision.Rejected failure -> failure.Clause, Some failure.Reason

    let private decide (stage: Stage) (case: int[]) : Decision =
        stage.Load case
        stage.Decide stage.Ground.Rules

    /// An axis that is said to make no difference makes none.
    let idleAxes (version: RoomVersion) (world: World) : Property =
        let stage = Stage(Ground(world, version))

        Property.forAll
            $"worlds.idle-axes.{world.Name}.{version.Id}"
            "Of axes that are said to make no difference, every choice is decided as the first, by the same clause and with the same failure."
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

    /// All of them, for a version.
    let all (version: RoomVersion) : Property list =
        Worlds.all
        |> List.collect (fun world -> idleAxes version world :: Option.toList (interchangeable version world))
