namespace Matrix.Properties.Simulation

/// Smaller plans that still go wrong.
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
    }

    /// One simplification at a time of what is no list.
    let private simpler (plan: Plan) : Plan list = [
        if plan.Servers > 2 && plan.Liar <> plan.Servers - 1 then
            {
                plan with
                    Servers = plan.Servers - 1
                    Operations = plan.Operations |> List.filter (fun op -> op.Server < plan.Servers - 1)
            }
        if plan.Servers > 2 && plan.Liar = plan.Servers - 1 then
            // The liar keeps its place at the end.
            let liar = plan.Servers - 2

            {
                plan with
                    Servers = plan.Servers - 1
                    Liar = liar
                    Operations =
                        plan.Operations
                        |> List.filter (fun op -> op.Server <> liar)
                        |> List.map (fun op -> if op.Server > liar then { op with Server = liar } else op)
            }
        if plan.Liar >= 0 then
            {
                plan with
                    Liar = -1
                    LiesAboutStates = false
            }
        if plan.LiesAboutStates then
            { plan with LiesAboutStates = false }
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
        if plan.Noise.LatePerMille > 0 then
            {
                plan with
                    Noise = { plan.Noise with LatePerMille = 0 }
            }
    ]

    /// The smallest plan that was found to go wrong in the same way as this one does. `violation` says how a plan goes wrong; of smaller
    /// plans it is asked at most so many times.
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
