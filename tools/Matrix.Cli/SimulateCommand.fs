namespace Matrix.Cli

open System
open System.IO
open System.Threading
open System.Threading.Tasks
open Argu
open Matrix.Cli.Output
open Matrix.Cli.Rules
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

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Servers _ -> "how many servers are in the room; 5 unless said."
            | Events _ -> "how many things are tried in it, much of which is refused; 200 unless said."
            | Seed _ -> "the first seed: the same seed gives the same history; 1 unless said."
            | Seeds _ -> "how many seeds are run, on all cores, by turns in the versions; 1 in each unless said."
            | Faults _ ->
                "all, none, or some of: delay, reorder, loss, duplicates, partition, crash, liar (with commas); all unless said."
            | Room_Version _ -> "the room's version, or all; may be given several times; 12 unless said."
            | Replay _ -> "runs the history of a file again, in place of a seed's."
            | Out _ ->
                "where the history of a seed that fails goes, as small as it can be made; in the temporary folder unless said."
            | Format _ -> "how the answer is written; text unless said."

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
                Error $"--faults: '{unknown}' is none of: all, none, {known}"
            | None ->
                Ok [
                    for name, fault in Fault.all do
                        if List.contains name named then
                            fault
                ]

    let private totals (seen: Seen list) : (string * Cell) list =
        let sum (of': Seen -> int) =
            Count(seen |> List.sumBy (fun s -> int64 (of' s)))

        [
            "events", sum _.Events
            "decisions", sum _.Decisions
            "merges", sum _.Merges
            "rejected", sum _.Rejected
            "soft_failed", sum _.SoftFailed
            "states_compared", sum _.Compared
            "decided_on_trust", sum _.OnTrust
            "states_told_by_peers", sum _.StatesTold
            "outliers", sum _.Outliers
            "servers_misled", sum _.Misled
            "servers_settled", sum _.Settled
            "servers_apart", sum _.Apart
            "lies_told", sum _.Lies
            "answers_withheld", sum _.Withheld
            "false_states_told", sum _.FalseStates
            "given_up", sum _.Dropped
            "unsigned", sum _.Unsigned
            "without_auth_events", sum _.WithoutAuthEvents
            "messages_lost", sum _.Lost
            "crashes", sum _.Crashes
        ]

    /// How often a smaller history is tried.
    let private shrinkAttempts = 600

    let private writeShrunk (out: string option) (seed: int64) (plan: Plan) : string =
        let fails plan = (Simulation.run plan).Violation.IsSome

        let small = Shrink.plan shrinkAttempts fails plan

        let file =
            out
            |> Option.defaultWith (fun () -> Path.Combine(Path.GetTempPath(), $"mx-simulate-{plan.Version}-{seed}.json"))
            |> Path.GetFullPath

        File.WriteAllText(file, PlanText.write small)
        file

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

    /// The events of a history, with what each server made of them.
    let private told (plan: Plan) (history: Told list) : Table =
        let short (id: string) = id.Substring(0, min 7 id.Length)

        let row { Event = pdu; Verdicts = verdicts } =
            let what =
                match pdu.Content.Text "membership" with
                | null -> pdu.Type
                | membership -> $"{pdu.Type} {membership}"

            let words = [
                short pdu.EventId
                pdu.Sender
                what
                string pdu.StateKey
                String.Join(" ", Array.map short pdu.PrevEvents)
            ]

            words @ verdicts |> List.map Word

        {
            Name = "events"
            Columns =
                [ "event_id"; "sender"; "type"; "state_key"; "after" ]
                @ List.init plan.Servers (fun n -> $"s{n}")
            Rows = List.map row history
        }

    /// Whether nothing went wrong, and no two servers were compared at the end: nobody was left in the room, or they stayed apart.
    let private isUnsettled (ended: Ended) =
        ended.Violation.IsNone && ended.Seen.Settled = 0

    let private replay (file: string) (format: OutputFormat) =
        let plan =
            Reading.file file
            |> Result.bind (fun bytes ->
                PlanText.read bytes
                |> Result.mapError (fun fault -> Misused $"{file}: at {fault.Place}: expected {fault.Expected}"))

        match plan with
        | Error ending -> ending
        | Ok plan ->
            let ended, history = Simulation.tell plan

            let facts = [
                "history", Word file
                "room_version", Word plan.Version
                "seeds_unsettled", Count(if isUnsettled ended then 1L else 0L)
            ]

            let failures =
                ended.Violation
                |> Option.toList
                |> List.map (fun violation -> [ Word "replayed"; Word plan.Version; Word(string violation); Word file ])

            finding format (facts @ totals [ ended.Seen ]) failures [ told plan history ]

    /// What was seen of one of several versions.
    let private row (version: string) (ended: Ended list) : Cell list =
        let sum (of': Seen -> int) =
            Count(ended |> List.sumBy (fun e -> int64 (of' e.Seen)))

        let count holds =
            Count(ended |> List.filter holds |> List.length |> int64)

        [
            Word version
            Count(int64 ended.Length)
            count (fun e -> e.Violation.IsSome)
            count isUnsettled
            sum _.Events
            sum _.Decisions
            sum _.Compared
            sum _.Rejected
            sum _.SoftFailed
            sum _.OnTrust
            sum _.Settled
            sum _.Apart
        ]

    /// Seeds from the first on, the versions by turns: the n-th seed is run in the n-th version, from the first again after the last.
    let private many
        (options: PlanOptions)
        (versions: string list)
        (first: int64)
        (count: int)
        (out: string option)
        (format: OutputFormat)
        =
        let watch = Diagnostics.Stopwatch.StartNew()
        let ended: Ended[] = Array.zeroCreate count
        let mutable ready = 0
        let seedOf n = first + int64 n
        let versionOf n = versions[n % versions.Length]

        let planOf n =
            Plan.ofSeed { options with Version = versionOf n } (uint64 (seedOf n))

        let run () =
            use progress = new Progress()

            Parallel.For(
                0,
                count,
                fun n ->
                    ended[n] <- Simulation.run (planOf n)
                    let ready = Interlocked.Increment &ready

                    if ready % 10 = 0 then
                        progress.Show $"{ready} of {count} seeds"
            )
            |> ignore

        run ()

        let failures = [
            for n in 0 .. count - 1 do
                match ended[n].Violation with
                | Some violation -> n, violation
                | None -> ()
        ]

        // One history is enough to begin with.
        let histories =
            failures
            |> List.truncate 1
            |> List.map (fun (n, _) -> n, writeShrunk out (seedOf n) (planOf n))
            |> Map.ofList

        let facts = [
            "room_version", Word(String.Join(", ", versions))
            "seeds", Count(int64 count)
            "failing_seeds", Count(int64 failures.Length)
            "seeds_unsettled", Count(ended |> Array.filter isUnsettled |> Array.length |> int64)
            "seconds", Count(int64 watch.Elapsed.TotalSeconds)
        ]

        let failure (n: int, violation: Violation) = [
            Word(string (seedOf n))
            Word(versionOf n)
            Word(string violation)
            Word(histories.TryFind n |> Option.defaultValue "")
        ]

        let ofVersions = {
            Name = "versions"
            Columns = [
                "room_version"
                "seeds"
                "failing_seeds"
                "seeds_unsettled"
                "events"
                "decisions"
                "states_compared"
                "rejected"
                "soft_failed"
                "decided_on_trust"
                "servers_settled"
                "servers_apart"
            ]
            Rows = [
                for i, version in List.indexed versions do
                    row version [
                        for n in i .. versions.Length .. count - 1 do
                            ended[n]
                    ]
            ]
        }

        finding format (facts @ totals (List.ofArray ended |> List.map _.Seen)) (List.map failure failures) [
            if versions.Length > 1 then
                ofVersions
        ]

    /// The versions that are named; all that are stable for `all`.
    let private versionsOf (names: string list) : Result<string list, Ending> =
        match names with
        | [] -> Ok [ "12" ]
        | _ ->
            (Ok [], names)
            ||> List.fold (fun found name ->
                match found, name with
                | Error ending, _ -> Error ending
                | Ok found, "all" -> Ok(found @ [ for v in Matrix.Rules.Versions.all -> v.Id ])
                | Ok found, name -> RoomVersions.find name |> Result.map (fun version -> found @ [ version.Id ]))
            |> Result.map List.distinct

    let run (arguments: ParseResults<SimulateArguments>) =
        let format = arguments.GetResult(SimulateArguments.Format, Text)
        let servers = arguments.GetResult(Servers, 5)
        let events = arguments.GetResult(Events, 200)
        let out = arguments.TryGetResult Out

        match
            arguments.TryGetResult Replay, faultsOf (arguments.GetResult(Faults, "all")), out |> Option.bind Reading.unwritable
        with
        | _, _, Some ending -> ending
        | Some file, _, _ -> replay file format
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
