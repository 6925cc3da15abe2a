/// Many servers in one process: what holds between them, and that violations are noticed.
[<NUnit.Framework.Category "Slow">]
module Matrix.Core.Tests.SimulationTests

open System
open System.Text.RegularExpressions
open System.Threading.Tasks
open NUnit.Framework
open Matrix.Properties.Simulation

let private optionsOf version : PlanOptions = {
    Version = version
    Servers = 5
    Events = 150
    Faults = List.map snd Fault.all
}

/// A few seeds of a version, on all cores.
let private run version (seeds: int[]) : Ended[] =
    let ended = Array.zeroCreate seeds.Length

    Parallel.For(
        0,
        seeds.Length,
        (fun i -> ended[i] <- Simulation.run (Plan.ofSeed (optionsOf version) (uint64 seeds[i])))
    )
    |> ignore

    ended

[<TestCase "1">]
[<TestCase "6">]
[<TestCase "11">]
[<TestCase "12">]
let ``Servers agree whatever faults the network has`` version =
    let ended = run version [| 1..5 |]

    let sum (of': Seen -> int) =
        ended |> Array.sumBy (fun e -> of' e.Seen)

    for i in 0 .. ended.Length - 1 do
        Assert.That(ended[i].Violation |> Option.map string |> Option.toObj, Is.Null, $"seed {i + 1}")

    // And there were decisions to agree on.
    Assert.That(sum _.Compared, Is.GreaterThan 500)
    Assert.That(sum _.Merges, Is.GreaterThan 200)
    Assert.That(sum _.Rejected, Is.GreaterThan 0)
    Assert.That(sum _.SoftFailed, Is.GreaterThan 0)
    Assert.That(sum _.Settled, Is.GreaterThan 5)
    Assert.That(sum _.Lost, Is.GreaterThan 0)
    Assert.That(sum _.Lies, Is.GreaterThan 20)
    Assert.That(sum _.Unsigned, Is.GreaterThan 0)

[<Test>]
let ``The same seed gives the same history`` () =
    let again () =
        Simulation.run (Plan.ofSeed (optionsOf "12") 3UL)

    let first = again ()
    Assert.That(again (), Is.EqualTo first)

[<Test>]
let ``Without faults nothing is lost, rejected or taken on trust`` () =
    let plan = Plan.ofSeed { optionsOf "12" with Faults = [] } 1UL
    let ended = Simulation.run plan
    Assert.That(ended.Violation.IsNone)

    Assert.That(
        [
            ended.Seen.Rejected
            ended.Seen.OnTrust
            ended.Seen.Lost
            ended.Seen.Dropped
            ended.Seen.Apart
        ],
        Is.All.Zero
    )

    Assert.That(ended.Seen.Compared, Is.GreaterThan 100)

[<Test>]
let ``A history has no event before those that it names`` () =
    for seed in 1UL .. 12UL do
        let _, history = Simulation.history (Plan.ofSeed (optionsOf "12") seed)
        let all = Set [ for entry in history -> entry.Event.EventId ]
        let mutable before = Set.empty

        for entry in history do
            for id in Seq.append entry.Event.PrevEvents entry.Event.AuthEvents do
                Assert.That(
                    before.Contains id || not (all.Contains id),
                    $"seed {seed}: {entry.Event.EventId} names {id}"
                )

            before <- before.Add entry.Event.EventId

[<Test>]
let ``A Byzantine server forges, withholds auth events and gives false states`` () =
    let ended = run "12" [| 1..12 |]

    let sum (of': Seen -> int) =
        ended |> Array.sumBy (fun e -> of' e.Seen)

    Assert.That(sum _.Unsigned, Is.GreaterThan 0)
    Assert.That(sum _.Withheld, Is.GreaterThan 0)
    Assert.That(sum _.WithoutAuthEvents, Is.GreaterThan 0)
    Assert.That(sum _.FalseStates, Is.GreaterThan 0)

/// All versions, since their limits differ.
[<Test>]
let ``Every user can write in a room where a Byzantine server sends extreme values, in every version`` () =
    for version in Matrix.Rules.Versions.all do
        let ended = run version.Id [| 1..6 |]

        for i in 0 .. ended.Length - 1 do
            let violation = ended[i].Violation |> Option.map string |> Option.toObj
            Assert.That(violation, Is.Null, $"version {version.Id}, seed {i + 1}")

        Assert.That(ended |> Array.sumBy _.Seen.Extremes, Is.GreaterThan 0, $"version {version.Id}")

[<Test>]
let ``An event that lacks what no peer has is remembered, and decided when it comes`` () =
    let ended = run "12" [| 1..12 |]
    Assert.That(ended |> Array.sumBy _.Seen.Remembered, Is.GreaterThan 0)

[<Test>]
let ``Servers fetch history, behind refused events too, and the Byzantine server puts events into states`` () =
    let ended = run "11" [| 1..24 |]

    let sum (of': Seen -> int) =
        ended |> Array.sumBy (fun e -> of' e.Seen)

    for i in 0 .. ended.Length - 1 do
        Assert.That(ended[i].Violation |> Option.map string |> Option.toObj, Is.Null, $"seed {i + 1}")

    Assert.That(sum _.History, Is.GreaterThan 50)
    Assert.That(sum _.Branches, Is.GreaterThan 0)
    Assert.That(sum _.Inserted, Is.GreaterThan 0)
    Assert.That(sum _.Old, Is.GreaterThan 0)

[<Test>]
let ``A simulation of two servers has no Byzantine server, since a single honest one has no other to agree with`` () =
    for seed in 1UL .. 20UL do
        let plan = Plan.ofSeed { optionsOf "12" with Servers = 2 } seed
        Assert.That(plan.ByzantineServer, Is.EqualTo -1)

let private violation (conduct: Conduct) (plan: Plan) : Violation option =
    (Simulation.runWith conduct plan).Violation

let private failsWith (conduct: Conduct) (plan: Plan) : bool = (violation conduct plan).IsSome

/// The defects that only one seed in dozens notices. They have a shrunk plan each.
let private rare = [ "shared-past-counts"; "joins-states" ]

/// The defects that a few seeds notice.
let private mutants = [
    for name, meaning, conduct in Mutants.all do
        if not (List.contains name rare) then
            TestCaseData(conduct).SetName($"A server with a defect is noticed: {meaning}")
]

[<TestCaseSource(nameof mutants)>]
let Mutant (conduct: Conduct) =
    let caught =
        Seq.init 5 (fun i -> Plan.ofSeed (optionsOf "12") (uint64 (i + 1)))
        |> Seq.exists (failsWith conduct)

    Assert.That(caught, "five seeds, and nothing was noticed")

[<Test>]
let ``A failing plan shrinks to one that still fails, and can be written and read`` () =
    let plan = Plan.ofSeed (optionsOf "12") 1UL
    let violation = violation Mutants.firstHeardWins
    let small = Shrink.plan 200 violation plan

    Assert.That(small.Operations.Length, Is.LessThan 10)
    Assert.That((violation small).IsSome)

    match PlanText.read (Text.Encoding.UTF8.GetBytes(PlanText.write small)) with
    | Ok read -> Assert.That(read, Is.EqualTo small)
    | Error fault -> Assert.Fail $"%A{fault}"

[<Test>]
let ``A plan shrinks to one with the same violation, not to a smaller one with another`` () =
    let violation (plan: Plan) =
        match plan.Operations.Length with
        | 0 -> None
        | few when few < 3 -> Some(Violation.SoftFailure("$event", "s1"))
        | many -> Some(Violation.Extremities $"s{many}")

    let small = Shrink.plan 200 violation (Plan.ofSeed (optionsOf "12") 1UL)

    Assert.That(small.Operations.Length, Is.EqualTo 3)

let private quiet (servers: int) (byzantine: int) (delayFrom: int) : string =
    PlanText.write {
        Plan.ofSeed (optionsOf "12") 1UL with
            Operations = []
            Troubles = []
    }
    |> _.Replace("\"servers\": 5", $"\"servers\": {servers}")
    |> fun text -> Regex.Replace(text, "\"byzantine_server\": -?\\d+", $"\"byzantine_server\": {byzantine}")
    |> fun text -> Regex.Replace(text, "\"delay_from\": \\d+", $"\"delay_from\": {delayFrom}")

[<TestCase(3, 2, 5, null)>]
[<TestCase(3, 3, 5, "$.byzantine_server")>]
[<TestCase(3, -1, 900_000, "$.delay_to")>]
let ``A plan with an unknown server or an impossible delay is refused``
    (servers: int, byzantine: int, delay: int, place: string | null)
    =
    match PlanText.read (Text.Encoding.UTF8.GetBytes(quiet servers byzantine delay)), place with
    | Ok plan, null -> Assert.That((Simulation.run plan).Violation.IsNone)
    | Error fault, place -> Assert.That(fault.Place, Is.EqualTo place)
    | Ok _, _ -> Assert.Fail "it was read"

[<TestCase("[]", "$", "an object")>]
[<TestCase("{", "byte", "JSON")>]
[<TestCase("""{"room_version":"99"}""", "$.room_version", "a known room version")>]
let ``A malformed plan file is reported with the position of its fault``
    (text: string, place: string, expected: string)
    =
    match PlanText.read (Text.Encoding.UTF8.GetBytes text) with
    | Ok _ -> Assert.Fail "it was read"
    | Error fault ->
        Assert.That(fault.Place, Does.StartWith place)
        Assert.That(fault.Expected, Is.EqualTo expected)

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

/// An outcome that the specification allows. docs/verification.md describes it.
[<Test>]
let ``Servers that soft-fail each other's events can stay apart for ever`` () =
    let ended = Simulation.run (history "servers-apart-v12.json")
    Assert.That(ended.Violation.IsNone)
    Assert.That(ended.Seen.Apart, Is.EqualTo 1)
    Assert.That(ended.Seen.OnTrust, Is.Zero)
    Assert.That(ended.Seen.Rejected, Is.Zero)

[<Test>]
let ``A server whose auth difference includes unconflicted auth chains is noticed`` () =
    let plan = history "shared-past-counts.json"
    Assert.That(failsWith Mutants.sharedPastCounts plan)
    Assert.That(failsWith Simulation.usual plan, Is.False)

[<Test>]
let ``A server that resolves a fetched state with those after known previous events is noticed`` () =
    let plan = history "joins-states.json"

    match violation Mutants.joinsStates plan with
    | Some(Violation.Misled _) -> ()
    | other -> Assert.Fail $"%A{other}"

    Assert.That(failsWith Simulation.usual plan, Is.False)

/// Without lies, what is taken on trust is what other servers computed.
[<Test>]
let ``Servers that fetch states from honest ones have the same states as these`` () =
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

    Assert.That(ended |> Array.choose _.Violation |> Array.map string, Is.Empty)
    Assert.That(ended |> Array.sumBy _.Seen.StatesFetched, Is.GreaterThan 50)
