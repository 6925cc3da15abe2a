namespace Matrix.Properties.ClusterProtocol

open System.Collections.Generic
open Matrix.Properties

type Counterexample = {
    Law: string
    Meaning: string
    Trace: Step list
}

type Explored = {
    States: int
    Steps: int64
    Depth: int
    IsWhole: bool
    Counterexample: Counterexample option
}

[<RequireQualifiedAccess>]
module Exploration =

    /// The states that were found, by number, and how.
    type private Found = {
        States: ResizeArray<State>
        /// By number: the state before. The first has none.
        Before: ResizeArray<int>
        /// By number: the step that led there. That of the first is any.
        By: ResizeArray<Step>
        Depths: ResizeArray<int>
        /// The steps that are no faults, from one number to another.
        From: ResizeArray<int>
        To: ResizeArray<int>
    }

    let private trace (found: Found) (number: int) : Step list =
        let rec before number steps =
            if number = 0 then
                steps
            else
                let step = found.By[number]
                before (found.Before[number]) (step :: steps)

        before number []

    /// For each state, the states from which a step leads to it: where they begin in a list, and the list.
    let private backwards (found: Found) : int[] * int[] =
        let starts = Array.zeroCreate<int>(found.States.Count + 1)

        for target in found.To do
            starts[target + 1] <- starts[target + 1] + 1

        for number in 1 .. found.States.Count do
            starts[number] <- starts[number] + starts[number - 1]

        let filled = Array.copy starts
        let sources = Array.zeroCreate<int> found.To.Count

        for edge in 0 .. found.To.Count - 1 do
            let target = found.To[edge]
            sources[filled[target]] <- found.From[edge]
            filled[target] <- filled[target] + 1

        starts, sources

    /// The first state from which no steps without a fault lead to one where everything is served, though a node may
    /// write.
    let private stuck (found: Found) : int option =
        let starts, sources = backwards found
        let isGood = Array.zeroCreate<bool> found.States.Count
        let pending = Stack<int>()

        for number in 0 .. found.States.Count - 1 do
            if Protocol.isServed found.States[number] then
                isGood[number] <- true
                pending.Push number

        while pending.Count > 0 do
            let number = pending.Pop()

            for edge in starts[number] .. starts[number + 1] - 1 do
                let source = sources[edge]

                if not isGood[source] then
                    isGood[source] <- true
                    pending.Push source

        seq { 0 .. found.States.Count - 1 }
        |> Seq.tryFind (fun number -> not isGood[number] && Protocol.canBeServed found.States[number])

    let run (world: World) (guards: Guards) (most: int) : Explored =
        let laws = Laws.ofWorld world
        let numbers = Dictionary<State, int>(StateHash.comparer)

        let found = {
            States = ResizeArray()
            Before = ResizeArray()
            By = ResizeArray()
            Depths = ResizeArray()
            From = ResizeArray()
            To = ResizeArray()
        }

        let add (before: int) (depth: int) (step: Step) (state: State) : int =
            numbers.Add(state, found.States.Count)
            found.States.Add state
            found.Before.Add before
            found.By.Add step
            found.Depths.Add depth
            found.States.Count - 1

        let broken (state: State) : Law<State> option =
            laws |> List.tryFind (fun law -> not (law.Holds state))

        let mutable steps = 0L
        let mutable at = 0
        let mutable violated: (Law<State> * int) option = None
        add 0 0 (Step.Restore 0) (World.initial world) |> ignore

        while at < found.States.Count && violated.IsNone && found.States.Count <= most do
            for step, state in Protocol.next world guards found.States[at] do
                steps <- steps + 1L

                let number =
                    match numbers.TryGetValue state with
                    | true, known -> known
                    | _ ->
                        let number = add at (found.Depths[at] + 1) step state

                        match broken state with
                        | Some law when violated.IsNone -> violated <- Some(law, number)
                        | _ -> ()

                        number

                if not (Step.isFault step) then
                    found.From.Add at
                    found.To.Add number

            at <- at + 1

        let isWhole = at = found.States.Count && violated.IsNone

        let counterexample: Counterexample option =
            match violated with
            | Some(law, number) ->
                Some {
                    Law = law.Name
                    Meaning = law.Meaning
                    Trace = trace found number
                }
            | None when isWhole ->
                let name, meaning = Laws.servedInTheEnd

                stuck found
                |> Option.map (fun number -> {
                    Law = name
                    Meaning = meaning
                    Trace = trace found number
                })
            | None -> None

        {
            States = found.States.Count
            Steps = steps
            Depth = found.Depths[found.Depths.Count - 1]
            IsWhole = isWhole
            Counterexample = counterexample
        }
