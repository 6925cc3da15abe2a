namespace Matrix.Properties.Simulation

/// Smaller plans that fail in the same way.
[<RequireQualifiedAccess>]
module Shrink =

    /// Leaves out as much of a list as it can, in ever smaller pieces (delta debugging), as long as `fails` holds.
    let private less (fails: 'a list -> bool) (whole: 'a list) : 'a list =
        let rec go (items: 'a list) (pieces: int) =
            let length = items.Length

            if length = 0 then
                items
            else
                let pieces = min pieces length
                let size = (length + pieces - 1) / pieces
                let chunks = List.chunkBySize size items

                let without =
                    Seq.init chunks.Length (fun i -> chunks |> List.removeAt i |> List.concat)
                    |> Seq.tryFind fails

                match without with
                | Some fewer -> go fewer (max 2 (pieces - 1))
                | None when size > 1 -> go items (pieces * 2)
                | None -> items

        if whole.IsEmpty || fails [] then [] else go whole 2

    let private quiet: Noise = {
        DelayFrom = 5
        DelayTo = 5
        LatePerMille = 0
        LossPerMille = 0
        DuplicatePerMille = 0
        ReadTo = 0
    }

    /// Plans with one other thing simplified.
    let private simpler (plan: Plan) : Plan list = [
        if plan.Servers > 2 && plan.ByzantineServer <> plan.Servers - 1 then
            {
                plan with
                    Servers = plan.Servers - 1
                    Operations = plan.Operations |> List.filter (fun op -> op.Server < plan.Servers - 1)
            }
        if plan.Servers > 2 && plan.ByzantineServer = plan.Servers - 1 then
            // The Byzantine server stays the last one.
            let byzantine = plan.Servers - 2

            {
                plan with
                    Servers = plan.Servers - 1
                    ByzantineServer = byzantine
                    Operations =
                        plan.Operations
                        |> List.filter (fun op -> op.Server <> byzantine)
                        |> List.map (fun op ->
                            if op.Server > byzantine then
                                { op with Server = byzantine }
                            else
                                op)
            }
        if plan.ByzantineServer >= 0 then
            {
                plan with
                    ByzantineServer = -1
                    GivesFalseStates = false
            }
        if plan.GivesFalseStates then
            { plan with GivesFalseStates = false }
        if plan.Noise <> quiet then
            { plan with Noise = quiet }
        if plan.Noise.LossPerMille > 0 then
            {
                plan with
                    Noise = { plan.Noise with LossPerMille = 0 }
            }
        if plan.Noise.DuplicatePerMille > 0 then
            {
                plan with
                    Noise = {
                        plan.Noise with
                            DuplicatePerMille = 0
                    }
            }
        if plan.Noise.ReadTo > 0 then
            {
                plan with
                    Noise = { plan.Noise with ReadTo = 0 }
            }
        if plan.Noise.LatePerMille > 0 then
            {
                plan with
                    Noise = { plan.Noise with LatePerMille = 0 }
            }
    ]

    /// The smallest plan found that has a violation of the same kind. `violation` runs a plan; it is called at most
    /// `attempts` times for smaller plans.
    let plan (attempts: int) (violation: Plan -> Violation option) (plan: Plan) : Plan =
        let mutable left = attempts
        let found = violation plan

        let fails smaller =
            left > 0
            && (left <- left - 1

                match found, violation smaller with
                | Some found, Some other -> found.IsLike other
                | _ -> false)

        let rec go (plan: Plan) =
            let troubles =
                less (fun troubles -> fails { plan with Troubles = troubles }) plan.Troubles

            let plan = { plan with Troubles = troubles }

            let operations =
                less (fun operations -> fails { plan with Operations = operations }) plan.Operations

            let plan = { plan with Operations = operations }

            match simpler plan |> List.tryFind fails with
            | Some smaller -> go smaller
            | None -> plan

        go plan
