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

    /// The choices, on axes declared idle, that change the decision of a case: as few as suffice.
    let notIdle (version: RoomVersion) (witness: Witness) : string =
        let loader = CaseLoader(Ground(witness.World, version))

        let decide (case: int[]) =
            loader.Load case
            loader.Decide loader.Ground.Rules

        let plain = Enumeration.withoutIdle witness.World version witness.Case
        let right = decide plain

        let fewest =
            (Array.copy witness.Case, Seq.init plain.Length id)
            ||> Seq.fold (fun case place ->
                let without = Array.updateAt place plain[place] case
                if decide without = right then case else without)

        let words = [
            for place in 0 .. plain.Length - 1 do
                if fewest[place] <> plain[place] then
                    let axis = witness.World.Axes[place]
                    $"{axis.Name} ({axis.Choices[fewest[place]].Words})"
        ]

        let several = String.concat ", " words
        $"declared idle, but it decides: {several}\n{name { witness with Case = fewest }}"

    /// A case and its decision.
    let show (version: RoomVersion) (witness: Witness) : string =
        let loader = CaseLoader(Ground(witness.World, version))
        loader.Load witness.Case
        let decision = loader.Decide loader.Ground.Rules

        let said =
            match decision with
            | Decision.Allowed clause -> $"accepted by {clause}"
            | Decision.Rejected failure -> $"rejected: {Failures.render failure}"

        $"{name witness}\n{loader.Case.Display}\n  {said}"
