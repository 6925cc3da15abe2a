namespace Matrix.Properties.SmallWorlds

open Matrix.Rules
open Matrix.Core.Auth

/// Cases that show something, for a person to read.
[<RequireQualifiedAccess>]
module Witnesses =

    /// What a case is, in a line: its world, and what is not ordinary in it.
    let name (witness: Witness) : string =
        let words = World.describe witness.World witness.Case |> String.concat "; "
        $"{witness.World.Name}: {words}"

    /// What a case is and what becomes of it.
    let show (version: RoomVersion) (witness: Witness) : string =
        let stage = Stage(Ground(witness.World, version))
        stage.Load witness.Case
        let decision = stage.Decide stage.Ground.Rules

        let said =
            match decision with
            | Decision.Allowed clause -> $"accepted by {clause}"
            | Decision.Rejected failure -> $"rejected: {Failures.render failure}"

        $"{name witness}\n{stage.Case.Shown}\n  {said}"
