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
    | [<Unique>] Room_Version of V: string
    | [<Unique>] Replay of FILE: string
    | [<Unique>] Out of FILE: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Servers _ -> "how many servers are in the room; 5 unless said."
            | Events _ -> "how many things are tried in it, much of which is refused; 200 unless said."
            | Seed _ -> "the first seed: the same seed gives the same history; 1 unless said."
            | Seeds _ -> "how many seeds are run, on all cores; 1 unless said."
            | Faults _ ->
                "all, none, or some of: delay, reorder, loss, duplicates, partition, crash, liar (with commas); all unless said."
            | Room_Version _ -> "the room's version; 12 unless said."
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
            "given_up", sum _.Dropped
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
                        Columns = [ "seed"; "what"; "history" ]
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

    let private replay (file: string) (format: OutputFormat) =
        if not (File.Exists file) then
            Misused $"{file}: there is no such file"
        else
            match PlanText.read (File.ReadAllBytes file) with
            | Error fault -> Misused $"{file}: at {fault.Place}: expected {fault.Expected}"
            | Ok plan ->
                let ended, history = Simulation.tell plan
                let facts = [ "history", Word file; "room_version", Word plan.Version ]

                let failures =
                    ended.Violation
                    |> Option.toList
                    |> List.map (fun violation -> [ Word "replayed"; Word(string violation); Word file ])

                finding format (facts @ totals [ ended.Seen ]) failures [ told plan history ]

    let private many (options: PlanOptions) (first: int64) (count: int) (out: string option) (format: OutputFormat) =
        let watch = Diagnostics.Stopwatch.StartNew()
        let ended: Ended[] = Array.zeroCreate count
        let mutable ready = 0
        let shows = not Console.IsErrorRedirected && count > 1

        Parallel.For(
            0,
            count,
            fun n ->
                ended[n] <- Simulation.run (Plan.ofSeed options (uint64 (first + int64 n)))
                let ready = Interlocked.Increment &ready

                if shows && ready % 10 = 0 then
                    Console.Error.Write $"\r{ready} of {count} seeds"
        )
        |> ignore

        if shows then
            Console.Error.Write "\r                              \r"

        let failures = [
            for n in 0 .. count - 1 do
                match ended[n].Violation with
                | Some violation -> first + int64 n, violation
                | None -> ()
        ]

        // One history is enough to begin with.
        let histories =
            failures
            |> List.truncate 1
            |> List.map (fun (seed, _) -> seed, writeShrunk out seed (Plan.ofSeed options (uint64 seed)))
            |> Map.ofList

        let facts = [
            "room_version", Word options.Version
            "seeds", Count(int64 count)
            "failing_seeds", Count(int64 failures.Length)
            "seconds", Count(int64 watch.Elapsed.TotalSeconds)
        ]

        let row (seed: int64, violation: Violation) = [
            Word(string seed)
            Word(string violation)
            Word(histories.TryFind seed |> Option.defaultValue "")
        ]

        finding format (facts @ totals (List.ofArray ended |> List.map _.Seen)) (List.map row failures) []

    let run (arguments: ParseResults<SimulateArguments>) =
        let format = arguments.GetResult(SimulateArguments.Format, Text)
        let servers = arguments.GetResult(Servers, 5)
        let events = arguments.GetResult(Events, 200)
        let seeds = arguments.GetResult(Seeds, 1)
        let version = arguments.GetResult(Room_Version, "12")

        match arguments.TryGetResult Replay, faultsOf (arguments.GetResult(Faults, "all")) with
        | Some file, _ -> replay file format
        | None, Error reason -> Misused reason
        | None, Ok _ when servers < 2 || servers > 20 -> Misused $"--servers: expected 2 to 20, found {servers}"
        | None, Ok _ when events < 0 || events > 100_000 -> Misused $"--events: expected 0 to 100000, found {events}"
        | None, Ok _ when seeds < 1 || seeds > 1_000_000 -> Misused $"--seeds: expected 1 to 1000000, found {seeds}"
        | None, Ok faults ->
            match RoomVersions.find version with
            | Error ending -> ending
            | Ok version ->
                let options = {
                    Version = version.Id
                    Servers = servers
                    Events = events
                    Faults = faults
                }

                many options (arguments.GetResult(Seed, 1L)) seeds (arguments.TryGetResult Out) format
