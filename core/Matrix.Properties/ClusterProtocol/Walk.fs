namespace Matrix.Properties.ClusterProtocol

open Matrix.Properties

type Walked = {
    Steps: int
    Faults: int
    Counterexample: Counterexample option
}

[<RequireQualifiedAccess>]
module Walk =

    /// In thousandths, how often a step is a fault if one may happen.
    let private faultsPerMille = 30

    /// The most steps without faults until everything has to be served, for each request and node.
    let private patience = 2000

    let world (rooms: int) (requests: int) (faults: int) (gives: int) : World = {
        Name = "walk"
        Meaning = "Random steps."
        Starts = [| 0; 1; 0 |]
        Owners = Array.init rooms (fun room -> room % 2)
        Requests = Array.init requests (fun request -> request % rooms)
        Pipeline = 2
        Faults = faults
        Gives = gives
        Reads = Source.Cache
    }

    let private brokenLaw (laws: Law<State> list) (state: State) : Law<State> option =
        laws |> List.tryFind (fun law -> not (law.Holds state))

    /// The state after those of some steps that are possible, up to the first one in which a law fails.
    let private replay (world: World) (guards: Guards) (laws: Law<State> list) (steps: Step list) : Law<State> option =
        let rec from state steps =
            match steps with
            | [] -> None
            | step :: later ->
                match
                    Protocol.next world guards state
                    |> List.tryFind (fun (other, _) -> other = step)
                with
                | None -> from state later
                | Some(_, after) ->
                    match brokenLaw laws after with
                    | Some law -> Some law
                    | None -> from after later

        from (World.initial world) steps

    /// The steps without those that the same law fails without.
    let private shrunk
        (world: World)
        (guards: Guards)
        (laws: Law<State> list)
        (law: Law<State>)
        (steps: Step list)
        : Step list =
        let fails (steps: Step list) =
            match replay world guards laws steps with
            | Some other -> other.Name = law.Name
            | None -> false

        let rec without (place: int) (steps: Step list) =
            if place < 0 then
                steps
            else
                let fewer = List.removeAt place steps
                without (place - 1) (if fails fewer then fewer else steps)

        let rec again (steps: Step list) =
            let fewer = without (steps.Length - 1) steps
            if fewer.Length = steps.Length then steps else again fewer

        again steps

    let private found (law: string, meaning: string) (trace: Step list) : Counterexample = {
        Law = law
        Meaning = meaning
        Trace = trace
    }

    let run (world: World) (guards: Guards) (seed: uint64) (steps: int) : Walked =
        let laws = Laws.ofWorld world
        let rng = Simulation.Rng(Simulation.Rng.Mix(seed + 1UL))

        // One of the next steps; None if there is none.
        let choose (isCalm: bool) (state: State) : (Step * State) option =
            let faults, others =
                Protocol.next world guards state
                |> List.partition (fun (step, _) -> Step.isFault step)

            let others =
                if isCalm then
                    List.filter (fun (step, _) -> not (Step.isGive step)) others
                else
                    others

            if
                not isCalm
                && not faults.IsEmpty
                && (others.IsEmpty || rng.Happens faultsPerMille)
            then
                Some(rng.Of(Array.ofList faults))
            elif others.IsEmpty then
                None
            else
                Some(rng.Of(Array.ofList others))

        let rec walk (count: int) (isCalm: bool) (trace: Step list) (state: State) : Counterexample option * Step list =
            let mayEnd = Protocol.isServed state || not (Protocol.canBeServed state)

            if count = 0 && not isCalm then
                walk (patience * state.Nodes.Length * (world.Requests.Length + 1)) true trace state
            elif isCalm && mayEnd then
                None, trace
            else
                match (if count = 0 then None else choose isCalm state) with
                | None when isCalm -> Some(found Laws.servedInTheEnd (List.rev trace)), trace
                | None -> walk 0 false trace state
                | Some(step, after) ->
                    match brokenLaw laws after with
                    | Some law ->
                        let trace = step :: trace
                        Some(found (law.Name, law.Meaning) (shrunk world guards laws law (List.rev trace))), trace
                    | None -> walk (count - 1) isCalm (step :: trace) after

        let counterexample, trace = walk steps false [] (World.initial world)

        {
            Steps = trace.Length
            Faults = trace |> List.filter Step.isFault |> List.length
            Counterexample = counterexample
        }
