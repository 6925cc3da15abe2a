namespace Matrix.Cli.Simulate

open System
open System.Threading
open System.Threading.Tasks
open Argu
open Matrix.Cli.Input
open Matrix.Cli.Output
open Matrix.Properties.Simulation

type SimulateArguments =
    | [<Unique>] Servers of N: int
    | [<Unique>] Events of N: int
    | [<Unique>] Seed of N: int64
    | [<Unique>] Seeds of COUNT: int
    | [<Unique>] Faults of FAULTS: string
    | Room_Version of V: string
    | [<Unique>] Replay of FILE: string
    | [<Unique>] Out of FILE: string
    | [<Unique>] Format of OutputFormat
    | [<CliPrefix(CliPrefix.None)>] Cluster of ParseResults<ClusterSimulationArguments>

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Servers _ -> "the number of servers in the room. Default: 5."
            | Events _ -> "the number of actions to try, many of which are refused. Default: 200."
            | Seed _ -> "the first seed. The same seed gives the same history. Default: 1."
            | Seeds _ ->
                "the number of seeds to run on all cores, taking the versions in turn. Default: 1 for each version."
            | Faults _ ->
                "all, none, or some of delay, reorder, loss, duplicates, partition, crash, flush, eviction, \
                 history and byzantine, separated by commas. Default: all."
            | Room_Version _ -> "the room's version, or all. May be repeated. Default: 12."
            | Replay _ -> "runs the history in a file again. Only --format may be given with it."
            | Out _ -> "where to write the smallest failing history. Default: the temporary folder."
            | Format _ -> OutputFormat.TextByDefault
            | Cluster _ -> "explores the protocol of several nodes of one server, in all interleavings up to a bound."

module internal SimulateCommand =

    let private faultsOf (text: string) : Result<Fault list, string> =
        match text with
        | "all" -> Ok(List.map snd Fault.all)
        | "none" -> Ok []
        | _ ->
            let named = text.Split ',' |> List.ofArray

            match
                named
                |> List.tryFind (fun name -> not (List.exists (fun (known, _) -> known = name) Fault.all))
            with
            | Some unknown ->
                let known = String.Join(", ", List.map fst Fault.all)
                Error $"--faults: '{unknown}': expected all, none, or some of {known}"
            | None ->
                Ok [
                    for name, fault in Fault.all do
                        if List.contains name named then
                            fault
                ]

    let private finding (format: OutputFormat) facts failures (tables: Table list) =
        Report.print format {
            Facts = facts
            Tables = [
                yield! tables
                if not (List.isEmpty failures) then
                    {
                        Name = "failures"
                        Columns = [ "seed"; "room_version"; "what"; "history" ]
                        Rows = failures
                    }
            ]
        }

        if List.isEmpty failures then Done else Finding

    let private replay (file: string) (format: OutputFormat) =
        let plan =
            Reading.file file
            |> Result.bind (fun bytes ->
                PlanText.read bytes
                |> Result.mapError (fun fault -> Misused $"{file}: at {fault.Place}: expected {fault.Expected}"))

        match plan with
        | Error ending -> ending
        | Ok plan ->
            let ended, history = Simulation.history plan

            let facts = [
                "history", Word file
                "room_version", Word plan.Version
                yield! Counts.runs [ ended ]
                yield! Counts.totals [ ended ]
            ]

            let failures =
                ended.Violation
                |> Option.toList
                |> List.map (fun violation -> [ Word "replayed"; Word plan.Version; Word(string violation); Word file ])

            finding format facts failures [ Histories.told plan history ]

    /// Runs plans on all cores.
    let private runAll (count: int) (planOf: int -> Plan) : RunOutcome[] =
        use progress = new Progress()
        let ended: RunOutcome[] = Array.zeroCreate count
        let mutable ready = 0

        // Without a bound the pool adds a thread each second, and hundreds of runs are in memory at once.
        Parallel.For(
            0,
            count,
            ParallelOptions(MaxDegreeOfParallelism = Environment.ProcessorCount),
            fun n ->
                ended[n] <- Simulation.run (planOf n)
                let ready = Interlocked.Increment &ready

                if ready % 10 = 0 then
                    progress.Show $"{ready} of {count} seeds"
        )
        |> ignore

        ended

    /// Runs consecutive seeds, taking the versions in turn.
    let private many
        (options: PlanOptions)
        (versions: string list)
        (first: int64)
        (count: int)
        (out: string option)
        (format: OutputFormat)
        =
        let checker = Diagnostics.Stopwatch.StartNew()
        let seedOf n = first + int64 n
        let versionOf n = versions[n % versions.Length]

        let planOf n =
            Plan.ofSeed { options with Version = versionOf n } (uint64 (seedOf n))

        let ended = runAll count planOf
        let seconds = int64 checker.Elapsed.TotalSeconds

        let failures = [
            for n in 0 .. count - 1 do
                match ended[n].Violation with
                | Some violation -> n, violation
                | None -> ()
        ]

        let failure at (n, violation: Violation) = [
            Word(string (seedOf n))
            Word(versionOf n)
            Word(string violation)
            // Only the first failure's history is written, because shrinking takes long.
            Word(
                if at = 0 then
                    Histories.keep out (seedOf n) (planOf n) violation
                else
                    ""
            )
        ]

        let all = List.ofArray ended

        let facts = [
            "room_version", Word(String.Join(", ", versions))
            yield! Counts.runs all
            "seconds", Count seconds
            yield! Counts.totals all
        ]

        finding format facts (List.mapi failure failures) [
            if versions.Length > 1 then
                Counts.byVersion [
                    for i, version in List.indexed versions ->
                        version,
                        [
                            for n in i .. versions.Length .. count - 1 do
                                ended[n]
                        ]
                ]
        ]

    /// The named versions; `all` means every stable one.
    let private versionsOf (names: string list) : Result<string list, Ending> =
        match names with
        | [] -> Ok [ "12" ]
        | _ ->
            names
            |> Ending.all (fun name ->
                match name with
                | "all" -> Ok Matrix.Rules.Versions.all
                | name -> RoomVersions.find name |> Result.map List.singleton)
            |> Result.map (List.concat >> List.map _.Id >> List.distinct)

    /// The first option that a replay does not use: the history already determines it.
    let private ofSeeds (arguments: ParseResults<SimulateArguments>) : string option =
        [
            "--servers", arguments.Contains Servers
            "--events", arguments.Contains Events
            "--seed", arguments.Contains Seed
            "--seeds", arguments.Contains Seeds
            "--faults", arguments.Contains Faults
            "--room-version", arguments.Contains Room_Version
            "--out", arguments.Contains Out
        ]
        |> List.tryFind snd
        |> Option.map fst

    let private federation (arguments: ParseResults<SimulateArguments>) =
        let format = arguments.GetResult(SimulateArguments.Format, Text)
        let servers = arguments.GetResult(Servers, 5)
        let events = arguments.GetResult(Events, 200)
        let out = arguments.TryGetResult Out

        match
            arguments.TryGetResult Replay,
            faultsOf (arguments.GetResult(Faults, "all")),
            out |> Option.bind Reading.unwritable
        with
        | Some file, _, _ ->
            match ofSeeds arguments with
            | Some option -> Misused $"--replay, {option}: expected one of them"
            | None -> replay file format
        | None, _, Some ending -> ending
        | None, Error reason, _ -> Misused reason
        | None, Ok _, _ when servers < 2 || servers > 20 -> Misused $"--servers: expected 2 to 20, found {servers}"
        | None, Ok _, _ when events < 0 || events > 100_000 -> Misused $"--events: expected 0 to 100000, found {events}"
        | None, Ok faults, _ ->
            match versionsOf (arguments.GetResults Room_Version) with
            | Error ending -> ending
            | Ok versions ->
                let seeds = arguments.GetResult(Seeds, versions.Length)

                if seeds < versions.Length || seeds > 1_000_000 then
                    Misused $"--seeds: expected {versions.Length} to 1000000, found {seeds}"
                else
                    let options = {
                        Version = List.head versions
                        Servers = servers
                        Events = events
                        Faults = faults
                    }

                    many options versions (arguments.GetResult(Seed, 1L)) seeds out format

    let run (arguments: ParseResults<SimulateArguments>) =
        match arguments.TryGetSubCommand() with
        | Some(Cluster cluster) -> ClusterSimulation.run cluster
        | _ -> federation arguments
