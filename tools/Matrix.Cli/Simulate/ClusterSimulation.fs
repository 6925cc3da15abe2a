namespace Matrix.Cli.Simulate

open System
open System.Threading.Tasks
open Argu
open Matrix.Cli.Output
open Matrix.Properties.ClusterProtocol

type ClusterSimulationArguments =
    | [<Unique>] World of NAME: string
    | [<Unique>] Requests of N: int
    | [<Unique>] Faults of N: int
    | [<Unique>] Gives of N: int
    | [<Unique>] Most of N: int
    | [<Unique>] Walks of COUNT: int
    | [<Unique>] Steps of N: int
    | [<Unique>] Seed of N: int64
    | [<Unique>] Without of DEFECT: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | World _ -> "the world to explore. Default: all of them."
            | Requests _ -> "the number of requests of clients. Default: the world's; 8 for walks."
            | Faults _ -> "how many faults may happen. Default: the world's; 4 for walks."
            | Gives _ -> "how often a shard may be given. Default: the world's; 4 for walks."
            | Most _ -> "the most states of a world, which take about a kilobyte each. Default: 2000000."
            | Walks _ -> "takes random walks through a larger world instead: how many."
            | Steps _ -> "how many steps of a walk may be faults and gives. Default: 300."
            | Seed _ -> "the seed of the first walk. Default: 1."
            | Without _ -> "leaves out a guard of the protocol, and prints how a law fails then."
            | Format _ -> OutputFormat.TextByDefault

/// `mx simulate cluster`: the model of several nodes that write to one database.
module internal ClusterSimulation =

    /// A number in a range, if it is given.
    let private within (option: string) (least: int, greatest: int) (given: int option) : Result<int option, Ending> =
        match given with
        | Some number when number < least || number > greatest ->
            Error(Misused $"{option}: expected {least} to {greatest}, found {number}")
        | _ -> Ok given

    let private named
        (option: string)
        (nameOf: 'a -> string)
        (all: 'a list)
        (name: string option)
        : Result<'a option, Ending> =
        match name with
        | None -> Ok None
        | Some name ->
            match all |> List.tryFind (fun one -> nameOf one = name) with
            | Some one -> Ok(Some one)
            | None ->
                let known = all |> List.map nameOf |> String.concat ", "
                Error(Misused $"{option}: '{name}': expected one of {known}")

    let private steps (counterexample: Counterexample) : Table = {
        Name = "steps"
        Columns = [ "step"; "what" ]
        Rows =
            counterexample.Trace
            |> List.mapi (fun at step -> [ Count(int64 (at + 1)); Word(Step.describe step) ])
    }

    let private finding (format: OutputFormat) (facts: (string * Cell) list) (tables: Table list) found =
        let facts, tables =
            match found with
            | None -> facts, tables
            | Some counterexample ->
                facts
                @ [ "fails", Word counterexample.Law; "meaning", Word counterexample.Meaning ],
                tables @ [ steps counterexample ]

        Report.print format { Facts = facts; Tables = tables }
        if Option.isSome found then Finding else Done

    let private explore (format: OutputFormat) (most: int) (guards: Guards) (worlds: World list) : Ending =
        use progress = new Progress()

        let explored = [
            for world in worlds do
                progress.Show $"world {world.Name}"
                world, Exploration.run world guards most
        ]

        let row (world: World, explored: Explored) = [
            Word world.Name
            Count(int64 world.Requests.Length)
            Count(int64 world.Faults)
            Count(int64 world.Gives)
            Count(int64 explored.States)
            Count explored.Steps
            Count(int64 explored.Depth)
            Truth explored.IsWhole
        ]

        let worlds = {
            Name = "worlds"
            Columns = [ "world"; "requests"; "faults"; "gives"; "states"; "steps"; "depth"; "whole" ]
            Rows = List.map row explored
        }

        finding format [] [ worlds ] (explored |> List.tryPick (fun (_, explored) -> explored.Counterexample))

    let private walk
        (format: OutputFormat)
        (world: World)
        (guards: Guards)
        (steps: int)
        (seed: int64)
        (count: int)
        : Ending =
        let walked: Walked[] = Array.zeroCreate count

        Parallel.For(
            0,
            count,
            ParallelOptions(MaxDegreeOfParallelism = Environment.ProcessorCount),
            fun at -> walked[at] <- Walk.run world guards (uint64 (seed + int64 at)) steps
        )
        |> ignore

        let failing =
            walked
            |> Array.filter (fun walked -> walked.Counterexample.IsSome)
            |> Array.length

        let facts = [
            "walks", Count(int64 count)
            "failing_walks", Count(int64 failing)
            "steps_taken", Count(walked |> Array.sumBy (fun walked -> int64 walked.Steps))
            "faults", Count(walked |> Array.sumBy (fun walked -> int64 walked.Faults))
        ]

        finding format facts [] (walked |> Array.tryPick _.Counterexample)

    /// Options that do not go together, or lack another one.
    let private misused (arguments: ParseResults<ClusterSimulationArguments>) : string option =
        let walks = arguments.TryGetResult ClusterSimulationArguments.Walks
        let world = arguments.TryGetResult ClusterSimulationArguments.World
        let most = arguments.TryGetResult ClusterSimulationArguments.Most
        let steps = arguments.TryGetResult ClusterSimulationArguments.Steps
        let seed = arguments.TryGetResult ClusterSimulationArguments.Seed

        match walks with
        | Some _ when world.IsSome -> Some "--walks, --world: expected one of them"
        | Some _ when most.IsSome -> Some "--walks, --most: expected one of them"
        | None when steps.IsSome -> Some "--steps: expected with --walks"
        | None when seed.IsSome -> Some "--seed: expected with --walks"
        | _ -> None

    let private resized (requests: int option) (faults: int option) (gives: int option) (world: World) : World = {
        world with
            Requests =
                match requests with
                | Some count -> Array.init count (fun request -> request % world.Owners.Length)
                | None -> world.Requests
            Faults = defaultArg faults world.Faults
            Gives = defaultArg gives world.Gives
    }

    let run (arguments: ParseResults<ClusterSimulationArguments>) : Ending =
        let format = arguments.GetResult(ClusterSimulationArguments.Format, Text)

        let read =
            match misused arguments with
            | Some reason -> Error(Misused reason)
            | None ->
                arguments.TryGetResult ClusterSimulationArguments.World
                |> named "--world" (fun (world: World) -> world.Name) World.all
                |> Result.bind (fun world ->
                    arguments.TryGetResult ClusterSimulationArguments.Without
                    |> named "--without" (fun (defect: Defect) -> defect.Name) Defects.all
                    |> Result.map (fun defect -> world, defect))

        let sizes =
            within "--requests" (1, 12) (arguments.TryGetResult ClusterSimulationArguments.Requests)
            |> Result.bind (fun requests ->
                within "--faults" (0, 8) (arguments.TryGetResult ClusterSimulationArguments.Faults)
                |> Result.bind (fun faults ->
                    within "--gives" (0, 8) (arguments.TryGetResult ClusterSimulationArguments.Gives)
                    |> Result.map (fun gives -> requests, faults, gives)))

        let bounds =
            within "--most" (1, 100_000_000) (arguments.TryGetResult ClusterSimulationArguments.Most)
            |> Result.bind (fun most ->
                within "--walks" (1, 1_000_000) (arguments.TryGetResult ClusterSimulationArguments.Walks)
                |> Result.bind (fun walks ->
                    within "--steps" (1, 10_000) (arguments.TryGetResult ClusterSimulationArguments.Steps)
                    |> Result.map (fun steps -> most, walks, steps)))

        match read, sizes, bounds with
        | Error ending, _, _
        | _, Error ending, _
        | _, _, Error ending -> ending
        | Ok(_, defect), Ok(requests, faults, gives), Ok(_, Some walks, steps) ->
            let guards = defect |> Option.map _.Guards |> Option.defaultValue Guards.all

            let world =
                Walk.world 3 (defaultArg requests 8) (defaultArg faults 4) (defaultArg gives 4)

            let seed = arguments.GetResult(ClusterSimulationArguments.Seed, 1L)
            walk format world guards (defaultArg steps 300) seed walks
        | Ok(world, defect), Ok(requests, faults, gives), Ok(most, None, _) ->
            let guards = defect |> Option.map _.Guards |> Option.defaultValue Guards.all

            let worlds =
                match world, defect with
                | Some world, _ -> [ world ]
                | None, Some defect -> [ defect.World ]
                | None, None -> World.all

            worlds
            |> List.map (resized requests faults gives)
            |> explore format (defaultArg most 2_000_000) guards
