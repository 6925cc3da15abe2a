namespace Matrix.Properties.SmallWorlds

open System
open System.Collections.Generic
open System.Threading.Tasks
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Properties

/// A case that shows something.
[<NoEquality; NoComparison>]
type Witness = {
    World: World
    Case: int[]
    Weight: int
}

/// How often something was seen, and the lightest case that shows it.
[<Sealed>]
type Sightings() =
    let mutable count = 0L
    let mutable lightest: Witness option = None

    /// How often.
    member _.Count = count
    /// The lightest case.
    member _.Lightest = lightest

    /// Counts a case.
    member _.Saw(world: World, case: int[]) =
        count <- count + 1L

        match lightest with
        | Some witness when witness.Weight = 0 -> ()
        | _ ->
            let weight = World.weight world case

            match lightest with
            | Some witness when witness.Weight <= weight -> ()
            | _ ->
                lightest <-
                    Some {
                        World = world
                        Case = Array.copy case
                        Weight = weight
                    }

    /// Adds the sightings of another survey.
    member _.Add(other: Sightings) =
        count <- count + other.Count

        match lightest, other.Lightest with
        | Some a, Some b when b.Weight < a.Weight -> lightest <- Some b
        | None, b -> lightest <- b
        | _ -> ()

/// Cases in which something threw an exception.
[<Sealed>]
type Exceptions() =
    let seen = Sightings()

    /// The first exception, in words; "" if there was none.
    member val Words = "" with get, set

    /// Counts a case.
    member this.Saw(thrown: exn, world: World, case: int[]) =
        if this.Words = "" then
            this.Words <- Checking.faultOf thrown

        seen.Saw(world, case)

    /// Adds the exceptions of another survey.
    member this.Add(other: Exceptions) =
        if this.Words = "" then
            this.Words <- other.Words

        seen.Add other.Seen

    /// The cases.
    member _.Seen = seen

/// The result for an invariant.
[<NoEquality; NoComparison>]
type Finding = {
    Invariant: Invariant
    /// The decisions that it is about.
    Applied: Sightings
    /// The decisions that break it and that no exception covers.
    Broken: Sightings
    /// The decisions that each exception of the version covers.
    Excepted: (Exemption * Sightings) list
    /// The decisions that it could not judge.
    Thrown: Exceptions
}

/// The counts of one world.
type WorldCount = {
    Name: string
    /// Cases before the reduction.
    Raw: int64
    /// Cases after the reduction; 0 if cases were only drawn.
    Counted: int64
    /// The number of those that were decided.
    Decided: int64
}

/// How often a clause decided.
[<Sealed>]
type ClauseCount() =
    member val Accepted = Sightings()
    member val Rejected = Sightings()

    /// Counts a case that the clause decided.
    member this.Saw(allowed: bool, world: World, case: int[]) =
        (if allowed then this.Accepted else this.Rejected).Saw(world, case)

    /// Counts for each rule of a table that decides, starting at zero.
    static member OfTable(table: Rule list) : IDictionary<string, ClauseCount> =
        dict [
            for rule in Rule.all table do
                if not (Rule.verdicts rule).IsEmpty then
                    Rule.name rule, ClauseCount()
        ]

/// The results for one version's decisions: whether the evaluators agree (if compared), which invariants hold, and
/// which clauses decide.
[<Sealed>]
type Survey(version: RoomVersion, comparing: bool) =

    let rules = AuthRules version

    let findings = [
        for invariant in Invariants.of' version ->
            {
                Invariant = invariant
                Applied = Sightings()
                Broken = Sightings()
                Excepted = [
                    for e in invariant.Exceptions do
                        if e.In version then
                            e, Sightings()
                ]
                Thrown = Exceptions()
            }
    ]

    let about = Dictionary<string, Finding[]>()

    let clauses = ClauseCount.OfTable version.Authorization

    let concerning (eventType: string) =
        match about.TryGetValue eventType with
        | true, findings -> findings
        | _ ->
            let some =
                findings
                |> List.filter (fun f -> Invariants.isAbout eventType f.Invariant)
                |> Array.ofList

            about[eventType] <- some
            some

    let worlds = List<WorldCount>()

    /// The version.
    member _.Version = version
    /// Its rules.
    member _.Rules = rules
    /// The result for each invariant.
    member _.Findings: Finding list = findings
    /// How often each clause decided.
    member _.Clauses: IDictionary<string, ClauseCount> = clauses
    /// The worlds that were surveyed.
    member _.Worlds: seq<WorldCount> = worlds
    /// Cases in which the evaluators disagree.
    member val Disagreements = Sightings()
    /// Cases that could not be built or decided.
    member val Undecided = Exceptions()
    /// How many decisions were compared with one that differs on axes declared idle.
    member val Compared = 0L with get, set
    /// Cases that are decided in another way than without their choices on axes declared idle.
    member val NotIdle = Sightings()

    /// Compares a decision with that of the case that the stage has loaded, and that differs on axes declared idle.
    member this.CompareAlike(loader: CaseLoader, decision: Decision, alike: int[]) =
        this.Compared <- this.Compared + 1L

        if loader.Decide rules <> decision then
            this.NotIdle.Saw(loader.Ground.World, alike)

    /// Checks the case that the stage has loaded. Returns its decision.
    member this.Judge(loader: CaseLoader, scene: Scene, case: int[]) : Decision =
        let world = loader.Ground.World
        let decision = loader.Decide rules

        if comparing && loader.DecideLiterally version <> decision then
            this.Disagreements.Saw(world, case)

        scene.Take decision

        match clauses.TryGetValue scene.Clause with
        | true, count -> count.Saw(scene.Allowed, world, case)
        | _ -> ()

        for finding in concerning loader.Event.Type do
            let invariant = finding.Invariant

            // An invariant that throws hides nothing about the others.
            try
                if invariant.When scene then
                    finding.Applied.Saw(world, case)

                    if not (invariant.Then scene) then
                        match finding.Excepted |> List.tryFind (fun (e, _) -> e.Is scene) with
                        | Some(_, seen) -> seen.Saw(world, case)
                        | None -> finding.Broken.Saw(world, case)
            with thrown ->
                finding.Thrown.Saw(thrown, world, case)

        decision

    /// Adds the results of another survey of the version.
    member this.Add(other: Survey) =
        this.Disagreements.Add other.Disagreements
        this.Undecided.Add other.Undecided
        this.Compared <- this.Compared + other.Compared
        this.NotIdle.Add other.NotIdle

        for mine, theirs in List.zip findings other.Findings do
            mine.Applied.Add theirs.Applied
            mine.Broken.Add theirs.Broken
            mine.Thrown.Add theirs.Thrown

            for (_, a), (_, b) in List.zip mine.Excepted theirs.Excepted do
                a.Add b

        for KeyValue(name, count) in other.Clauses do
            clauses[name].Accepted.Add count.Accepted
            clauses[name].Rejected.Add count.Rejected

    /// Records that a world was surveyed.
    member _.Visited(count: WorldCount) = worlds.Add count

/// Surveys: one walk through the worlds for all laws about decisions.
[<RequireQualifiedAccess>]
module Survey =

    /// Judges cases. One in `every` of them is also compared with a case that differs on axes declared idle.
    let private judging (survey: Survey) (ground: Ground) (every: int) (seed: uint64) : int[] -> unit =
        let loader = CaseLoader ground
        let scene = Scene loader
        let alikes = Enumeration.alikes ground.World ground.Version seed
        let mutable judged = 0

        let compare (case: int[]) (decision: Decision) =
            match alikes case with
            | null -> ()
            | alike ->
                loader.Load alike
                survey.CompareAlike(loader, decision, alike)

        fun case ->
            try
                loader.Load case
                let decision = survey.Judge(loader, scene, case)
                judged <- judged + 1

                if judged = every then
                    judged <- 0
                    compare case decision
            with thrown ->
                survey.Undecided.Saw(thrown, ground.World, case)

    /// One in this many cases of a whole world is compared with a case that differs on axes declared idle.
    let private comparedOfAll = 16

    /// Surveys a portion of every world, on as many threads as given.
    let run
        (version: RoomVersion)
        (worlds: World list)
        (every: int64)
        (threads: int)
        (progress: WorldCount -> unit)
        : Survey =
        let total = Survey(version, true)

        for world in worlds do
            let ground = Ground(world, version, total.Rules)
            let shares = Array.init threads (fun _ -> Survey(version, true))
            let counts = Array.create threads (struct (0L, 0L))

            Parallel.For(
                0,
                threads,
                fun share ->
                    counts[share] <-
                        Enumeration.run
                            world
                            [ version ]
                            {
                                Every = every
                                Share = share
                                Shares = threads
                            }
                            (judging shares[share] ground comparedOfAll (uint64 share + 1UL))
            )
            |> ignore

            for share in shares do
                total.Add share

            let struct (counted, _) = counts[0]

            let count = {
                Name = world.Name
                Raw = World.rawCount world
                Counted = counted
                Decided = counts |> Array.sumBy (fun struct (_, decided) -> decided)
            }

            total.Visited count
            progress count

        total

    /// Surveys a number of drawn cases of every world.
    let sample (version: RoomVersion) (worlds: World list) (count: int) (seed: uint64) : Survey =
        let survey = Survey(version, true)

        for world in worlds do
            Enumeration.sample
                world
                [ version ]
                count
                seed
                (judging survey (Ground(world, version, survey.Rules)) 1 (seed + 1UL))

            survey.Visited {
                Name = world.Name
                Raw = World.rawCount world
                Counted = 0L
                Decided = int64 count
            }

        survey

    /// The outcomes of a table's clauses that no case has: the clause, and whether the outcome is acceptance.
    let undecidedOf (table: Rule list) (clauses: IDictionary<string, ClauseCount>) : (string * bool) list = [
        for rule in Rule.all table do
            let name = Rule.name rule

            for allowed in Rule.verdicts rule do
                let seen =
                    if allowed then
                        clauses[name].Accepted
                    else
                        clauses[name].Rejected

                if seen.Count = 0L then
                    name, allowed
    ]

    /// `undecidedOf` the authorization rules.
    let undecided (survey: Survey) : (string * bool) list =
        undecidedOf survey.Version.Authorization survey.Clauses

    /// How often each rule for handling redactions decides, over all cases of its world.
    let ofRedactions (version: RoomVersion) : IDictionary<string, ClauseCount> =
        let world = RedactingWorld.world
        let ground = Ground(world, version)
        let loader = CaseLoader ground

        let clauses = ClauseCount.OfTable version.Handling

        Enumeration.run world [ version ] Enumeration.whole (fun case ->
            loader.Load case

            let decision = RedactingWorld.decide ground.Rules loader case
            clauses[decision.Clause].Saw(decision.IsOk, world, case))
        |> ignore

        clauses

    /// Whether every invariant applied, every exception was seen, and every clause decided.
    let isComplete (survey: Survey) : bool =
        survey.Findings
        |> List.forall (fun f ->
            f.Applied.Count > 0L
            && f.Excepted |> List.forall (fun (_, seen) -> seen.Count > 0L))
        && (undecided survey).IsEmpty

    /// Surveys all cases of each weight, the lightest first, until the survey is complete or a weight is reached.
    let lightest (version: RoomVersion) (worlds: World list) (limit: int) : Survey =
        let survey = Survey(version, false)

        let judges =
            worlds
            |> List.map (fun world -> world, judging survey (Ground(world, version, survey.Rules)) 1 1UL)

        let mutable weight = 0

        while weight <= limit && not (isComplete survey) do
            for world, judge in judges do
                Enumeration.ofWeight world [ version ] weight (fun case ->
                    judge case
                    false)
                |> ignore

            weight <- weight + 1

        survey

    /// Surveys given cases.
    let cases (version: RoomVersion) (cases: (World * int[]) list) : Survey =
        let survey = Survey(version, true)

        for _, ofWorld in cases |> List.groupBy (fun (world, _) -> world.Name) do
            let judge = judging survey (Ground(fst ofWorld.Head, version, survey.Rules)) 1 1UL

            for _, case in ofWorld do
                judge case

        survey
