namespace Matrix.Core.Discovery

[<RequireQualifiedAccess>]
module ServiceOrder =

    /// The next number of a sequence that one random number starts (SplitMix64).
    let private next (state: uint64) : struct (uint64 * uint64) =
        let state = state + 0x9E3779B97F4A7C15UL
        let z = (state ^^^ (state >>> 30)) * 0xBF58476D1CE4E5B9UL
        let z = (z ^^^ (z >>> 27)) * 0x94D049BB133111EBUL
        struct (z ^^^ (z >>> 31), state)

    /// Draws records of one priority until none is left.
    let rec private draw (state: uint64) (drawn: ServiceRecord list) (records: ServiceRecord list) =
        match records with
        | [] -> struct (List.rev drawn, state)
        | _ ->
            let sum = records |> List.sumBy _.Weight
            let struct (random, state) = next state
            // From 0 to the sum, inclusive: a record with weight 0, which comes first, has a small chance.
            let number = int (random % uint64 (sum + 1))

            let rec find running before rest =
                match rest with
                | record :: after when running + record.Weight >= number || List.isEmpty after ->
                    struct (record, List.rev before @ after)
                | record :: after -> find (running + record.Weight) (record :: before) after
                | [] -> invalidOp "There is a record."

            let struct (record, rest) = find 0 [] records
            draw state (record :: drawn) rest

    let order (random: uint64) (records: ServiceRecord[]) : ServiceRecord[] =
        let groups =
            records
            |> Array.groupBy _.Priority
            |> Array.sortBy fst
            |> Array.map (snd >> Array.sortBy _.Weight >> List.ofArray)

        let mutable state = random

        groups
        |> Array.collect (fun group ->
            let struct (drawn, after) = draw state [] group
            state <- after
            Array.ofList drawn)
