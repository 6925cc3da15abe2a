/// Many servers in one process: what holds between them, and that violations are noticed.
module Matrix.Core.Tests.SimulationTests

open System
open System.Text.RegularExpressions
open System.Threading.Tasks
open Expecto
open Matrix.Testing
open Matrix.Properties.Simulation

let private optionsOf version : PlanOptions = {
    Version = version
    Servers = 5
    Events = 150
    Faults = List.map snd Fault.all
}

/// A few seeds of a version, on all cores.
let private run version (seeds: int[]) : RunOutcome[] =
    let ended = Array.zeroCreate seeds.Length

    Parallel.For(
        0,
        seeds.Length,
        (fun i -> ended[i] <- Simulation.run (Plan.ofSeed (optionsOf version) (uint64 seeds[i])))
    )
    |> ignore

    ended

let private violation (behaviours: Behaviours) (plan: Plan) : Violation option =
    (Simulation.runWith behaviours plan).Violation

let private failsWith (behaviours: Behaviours) (plan: Plan) : bool = (violation behaviours plan).IsSome

/// The defects that only one seed in dozens notices. They have a shrunk plan each.
let private rare = [ "shared-past-counts"; "joins-states" ]

/// The defects that a few seeds notice.
let private mutants =
    Mutants.all |> List.filter (fun (name, _, _) -> not (List.contains name rare))

let private quiet (servers: int) (byzantine: int) (delayFrom: int) : string =
    PlanText.write {
        Plan.ofSeed (optionsOf "12") 1UL with
            Operations = []
            Troubles = []
    }
    |> _.Replace("\"servers\": 5", $"\"servers\": {servers}")
    |> fun text -> Regex.Replace(text, "\"byzantine_server\": -?\\d+", $"\"byzantine_server\": {byzantine}")
    |> fun text -> Regex.Replace(text, "\"delay_from\": \\d+", $"\"delay_from\": {delayFrom}")

let private history (name: string) : Plan =
    use stream =
        System.Reflection.Assembly
            .GetExecutingAssembly()
            .GetManifestResourceStream($"Matrix.Core.Tests.Histories.{name}")

    match stream with
    | null -> failwith $"there is no history {name}"
    | stream ->
        use copy = new System.IO.MemoryStream()
        stream.CopyTo copy

        match PlanText.read (copy.ToArray()) with
        | Ok plan -> plan
        | Error fault -> failwith $"%A{fault}"

let tests =
    testList "SimulationTests" [
        testTheory "Servers agree whatever faults the network has" [ "1"; "6"; "11"; "12" ]
        <| fun version ->
            let ended = run version [| 1..5 |]

            let sum (of': Seen -> int) =
                ended |> Array.sumBy (fun e -> of' e.Seen)

            for i in 0 .. ended.Length - 1 do
                Expect.isNull (ended[i].Violation |> Option.map string |> Option.toObj) $"seed {i + 1}"

            // And there were decisions to agree on.
            Expect.isGreaterThan (sum _.Compared) 500 "compared"
            Expect.isGreaterThan (sum _.Merges) 200 "merges"
            Expect.isGreaterThan (sum _.Rejected) 0 "rejected"
            Expect.isGreaterThan (sum _.SoftFailed) 0 "soft failed"
            Expect.isGreaterThan (sum _.Settled) 5 "settled"
            Expect.isGreaterThan (sum _.Lost) 0 "lost"
            Expect.isGreaterThan (sum _.Lies) 20 "lies"
            Expect.isGreaterThan (sum _.Unsigned) 0 "unsigned"

        test "The same seed gives the same history" {
            let again () =
                Simulation.run (Plan.ofSeed (optionsOf "12") 3UL)

            let first = again ()
            Expect.equal (again ()) first "again"
        }

        test "Without faults nothing is lost, rejected or taken on trust" {
            let plan = Plan.ofSeed { optionsOf "12" with Faults = [] } 1UL
            let ended = Simulation.run plan
            Expect.isTrue ended.Violation.IsNone "violation"

            Expect.allEqual
                ([
                    ended.Seen.Rejected
                    ended.Seen.OnTrust
                    ended.Seen.Lost
                    ended.Seen.Dropped
                    ended.Seen.Apart
                ])
                0
                "rejected"

            Expect.isGreaterThan ended.Seen.Compared 100 "compared"
        }

        testCase "A history has no event before those that it names"
        <| fun () ->
            for seed in 1UL .. 12UL do
                let _, history = Simulation.history (Plan.ofSeed (optionsOf "12") seed)
                let all = Set [ for entry in history -> entry.Event.EventId ]
                let mutable before = Set.empty

                for entry in history do
                    for id in Seq.append entry.Event.PrevEvents entry.Event.AuthEvents do
                        Expect.isTrue
                            (before.Contains id || not (all.Contains id))
                            $"seed {seed}: {entry.Event.EventId} names {id}"

                    before <- before.Add entry.Event.EventId

        test "A Byzantine server forges, withholds auth events and gives false states" {
            let ended = run "12" [| 1..12 |]

            let sum (of': Seen -> int) =
                ended |> Array.sumBy (fun e -> of' e.Seen)

            Expect.isGreaterThan (sum _.Unsigned) 0 "unsigned"
            Expect.isGreaterThan (sum _.Withheld) 0 "withheld"
            Expect.isGreaterThan (sum _.WithoutAuthEvents) 0 "without auth events"
            Expect.isGreaterThan (sum _.FalseStates) 0 "false states"
        }

        // All versions, since their limits differ.
        test "Every user can write in a room where a Byzantine server sends extreme values, in every version" {
            for version in Matrix.Rules.Versions.all do
                let ended = run version.Id [| 1..6 |]

                for i in 0 .. ended.Length - 1 do
                    let violation = ended[i].Violation |> Option.map string |> Option.toObj
                    Expect.isNull violation $"version {version.Id}, seed {i + 1}"

                Expect.isGreaterThan (ended |> Array.sumBy _.Seen.Extremes) 0 $"version {version.Id}"
        }

        test "An event that lacks what no peer has is remembered, and decided when it comes" {
            let ended = run "12" [| 1..12 |]
            Expect.isGreaterThan (ended |> Array.sumBy _.Seen.Remembered) 0 "remembered of ended"
        }

        test "Servers fetch history, behind refused events too, and the Byzantine server puts events into states" {
            let ended = run "11" [| 1..24 |]

            let sum (of': Seen -> int) =
                ended |> Array.sumBy (fun e -> of' e.Seen)

            for i in 0 .. ended.Length - 1 do
                Expect.isNull (ended[i].Violation |> Option.map string |> Option.toObj) $"seed {i + 1}"

            Expect.isGreaterThan (sum _.History) 50 "history"
            Expect.isGreaterThan (sum _.Branches) 0 "branches"
            Expect.isGreaterThan (sum _.Inserted) 0 "inserted"
            Expect.isGreaterThan (sum _.Old) 0 "old"
        }

        test "A simulation of two servers has no Byzantine server: a single honest one has no other to agree with" {
            for seed in 1UL .. 20UL do
                let plan = Plan.ofSeed { optionsOf "12" with Servers = 2 } seed
                Expect.equal plan.ByzantineServer (-1) "byzantine server"
        }

        testList "A server with a defect is noticed" [
            for _, meaning, behaviours in mutants do
                test meaning {
                    let caught =
                        Seq.init 5 (fun i -> Plan.ofSeed (optionsOf "12") (uint64 (i + 1)))
                        |> Seq.exists (failsWith behaviours)

                    Expect.isTrue caught "five seeds, and nothing was noticed"
                }
        ]

        test "A failing plan shrinks to one that still fails, and can be written and read" {
            let plan = Plan.ofSeed (optionsOf "12") 1UL
            let violation = violation Mutants.firstHeardWins
            let small = Shrink.plan 200 violation plan

            Expect.isLessThan small.Operations.Length 10 "number of operations"
            Expect.isTrue (violation small).IsSome "violation"

            match PlanText.read (Text.Encoding.UTF8.GetBytes(PlanText.write small)) with
            | Ok read -> Expect.equal read small "read"
            | Error fault -> failtest $"%A{fault}"
        }

        test "A plan shrinks to one with the same violation, not to a smaller one with another" {
            let violation (plan: Plan) =
                match plan.Operations.Length with
                | 0 -> None
                | few when few < 3 -> Some(Violation.SoftFailure("$event", "s1"))
                | many -> Some(Violation.Extremities $"s{many}")

            let small = Shrink.plan 200 violation (Plan.ofSeed (optionsOf "12") 1UL)

            Expect.equal small.Operations.Length 3 "number of operations"
        }

        testTheory "A plan with an unknown server or an impossible delay is refused" [
            3, 2, 5, (null: string | null)
            3, 3, 5, "$.byzantine_server"
            3, -1, 900_000, "$.delay_to"
        ]
        <| fun (servers, byzantine, delay, place) ->
            match PlanText.read (Text.Encoding.UTF8.GetBytes(quiet servers byzantine delay)), place with
            | Ok plan, null -> Expect.isTrue (Simulation.run plan).Violation.IsNone "violation"
            | Error fault, place -> Expect.equal (fault.Place: string | null) place "place"
            | Ok _, _ -> failtest "it was read"

        testTheory "A malformed plan file is reported with the position of its fault" [
            "[]", "$", "an object"
            "{", "byte", "JSON"
            """{"room_version":"99"}""", "$.room_version", "a known room version"
        ]
        <| fun (text, place, expected) ->
            match PlanText.read (Text.Encoding.UTF8.GetBytes text) with
            | Ok _ -> failtest "it was read"
            | Error fault ->
                Expect.stringStarts fault.Place place "place"
                Expect.equal fault.Expected expected "expected"

        // An outcome that the specification allows. docs/verification.md describes it.
        test "Servers that soft-fail each other's events can stay apart for ever" {
            let ended = Simulation.run (history "servers-apart-v12.json")
            Expect.isTrue ended.Violation.IsNone "violation"
            Expect.equal ended.Seen.Apart 1 "apart"
            Expect.equal ended.Seen.OnTrust 0 "on trust"
            Expect.equal ended.Seen.Rejected 0 "rejected"
        }

        test "A server whose auth difference includes unconflicted auth chains is noticed" {
            let plan = history "shared-past-counts.json"
            Expect.isTrue (failsWith Mutants.sharedPastCounts plan) "fails with"
            Expect.isFalse (failsWith Simulation.usual plan) "fails with"
        }

        test "A server that resolves a fetched state with those after known previous events is noticed" {
            let plan = history "joins-states.json"

            match violation Mutants.joinsStates plan with
            | Some(Violation.Misled _) -> ()
            | other -> failtest $"%A{other}"

            Expect.isFalse (failsWith Simulation.usual plan) "fails with"
        }

        // It came as an outlier, in a state that a peer made up, and was rejected when the state before it was known.
        test "A server whose current state has a rejected event does not name it in its own events" {
            let ended = Simulation.run (history "names-a-rejected-event.json")
            Expect.isNull (ended.Violation |> Option.map string |> Option.toObj) "violation"
        }

        // Without lies, what is taken on trust is what other servers computed.
        test "Servers that fetch states from honest ones have the same states as these" {
            let honest = List.except [ Fault.ByzantineServer ] (optionsOf "12").Faults

            let ended =
                Array.Parallel.map
                    (fun seed ->
                        Simulation.run (
                            Plan.ofSeed
                                {
                                    optionsOf "12" with
                                        Servers = 3
                                        Faults = honest
                                }
                                seed
                        ))
                    [| 1UL .. 24UL |]

            Expect.isEmpty (ended |> Array.choose _.Violation |> Array.map string) "ended"
            Expect.isGreaterThan (ended |> Array.sumBy _.Seen.StatesFetched) 50 "states fetched of ended"
        }
    ]
