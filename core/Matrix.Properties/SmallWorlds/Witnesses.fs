namespace Matrix.Properties.SmallWorlds

open Matrix.Rules
open Matrix.Core.Auth

/// Witnesses as text.
[<RequireQualifiedAccess>]
module Witnesses =

    /// A case in one line: its world, and the choices that are not ordinary.
    let name (witness: Witness) : string =
        let words = World.describe witness.World witness.Case |> String.concat "; "
        $"{witness.World.Name}: {words}"

    /// A case and its decision.
    let show (version: RoomVersion) (witness: Witness) : string =
        let stage = Stage(Ground(witness.World, version))
        stage.Load witness.Case
        let decision = stage.Decide stage.Ground.Rules

        let said =
            match decision with
            | Decision.Allowed clause -> $"accepted by {clause}"
            | Decision.Rejected failure -> $"rejected: {Failures.render failure}"

        $"{name witness}\n{stage.Case.Shown}\n  {said}"
