namespace Matrix.Properties.Claims

open System
open System.Collections.Generic
open System.Threading.Tasks
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Properties.SmallWorlds
open Matrix.Properties.Claims

/// The result for a claim.
[<NoEquality; NoComparison>]
type ClaimFinding = {
    Claim: Claim
    /// The decisions that it is about.
    Applied: Sightings
    /// The decisions that break it and that no exception covers.
    Broken: Sightings
    /// The decisions that each exception covers.
    Excepted: (Exception * Sightings) list
    /// The decisions that one part of one exception alone covers: without the part, the claim fails.
    Needed: (Exception * Statement * Sightings) list
}

/// What is judged: a version's decisions in these worlds, by these claims.
[<NoEquality; NoComparison>]
type ClaimScope = {
    Version: RoomVersion
    Claims: Claim list
    Worlds: World list
} with

    /// All claims about a version.
    static member OfVersion(version: RoomVersion) : ClaimScope = {
        Version = version
        Claims = Claims.of' version
        Worlds = Worlds.widened [ version ] Worlds.all
    }

    /// Those of somebody's own claims that are about a version. The worlds vary what these read, too.
    static member OfOwn (claims: Claim list) (version: RoomVersion) : ClaimScope =
        let claims = Claims.about version claims

        {
            Version = version
            Claims = claims
            Worlds = Worlds.widened [ version; ClaimReads.of' version claims ] Worlds.all
        }

/// The results for one version's decisions: which claims hold, and in which cases they leave the verdict open.
[<Sealed>]
type ClaimSurvey(scope: ClaimScope) =

    let version = scope.Version
    let claims = VersionClaims(version, scope.Claims)

    let findings = [
        for compiled in claims.All ->
            compiled,
            {
                Claim = compiled.Claim
                Applied = Sightings()
                Broken = Sightings()
                Excepted = [ for e in compiled.Claim.Exceptions -> e, Sightings() ]
                Needed = [ for part in compiled.Parts -> part.Exception, part.Part, Sightings() ]
            }
    ]

    let byType = Dictionary<string, (CompiledClaim * ClaimFinding)[]>()

    let concerning (eventType: string) =
        match byType.TryGetValue eventType with
        | true, some -> some
        | _ ->
            let some =
                findings
                |> List.filter (fun (compiled, _) -> compiled.IsAbout eventType)
                |> Array.ofList

            byType[eventType] <- some
            some

    let gaps = SortedDictionary<string, Sightings>(StringComparer.Ordinal)

    let gapsOf (kind: string) : Sightings =
        match gaps.TryGetValue kind with
        | true, seen -> seen
        | _ ->
            let seen = Sightings()
            gaps[kind] <- seen
            seen

    let except (compiled: CompiledClaim) (finding: ClaimFinding) (case: ClaimCase) world choices =
        let covering =
            List.zip (List.ofArray compiled.Parts) finding.Needed
            |> List.filter (fun (part, _) -> part.Covers case)

        match covering with
        | [ _, (_, _, needed) ] -> needed.Saw(world, choices)
        | _ -> ()

        for e, seen in finding.Excepted do
            if
                covering
                |> List.exists (fun (part, _) -> obj.ReferenceEquals(part.Exception, e))
            then
                seen.Saw(world, choices)

    /// The version.
    member _.Version = version
    /// The result for each claim.
    member _.Findings: ClaimFinding list = List.map snd findings
    /// How many decisions were judged.
    member val Judged = 0L with get, set
    /// The decisions whose opposite satisfies all claims too, by the kind of the event.
    member _.Gaps: IReadOnlyDictionary<string, Sightings> = gaps

    /// Judges a decision about the case that the stage has loaded.
    member this.Judge(loader: CaseLoader, case: ClaimCase, decision: Decision, choices: int[]) =
        let world = loader.Ground.World
        let event = loader.Event
        this.Judged <- this.Judged + 1L
        case.Turn()
        case.Allowed <- decision.IsOk

        for compiled, finding in concerning event.Type do
            match compiled.Judge case with
            | Judgement.NotAbout -> ()
            | Judgement.Holds -> finding.Applied.Saw(world, choices)
            | Judgement.Broken ->
                finding.Applied.Saw(world, choices)
                finding.Broken.Saw(world, choices)
            | Judgement.Excepted ->
                finding.Applied.Saw(world, choices)
                except compiled finding case world choices

        case.Allowed <- not decision.IsOk

        if isNull (claims.Broken(event.Type, case)) then
            let kind =
                match event.Content.Text "membership" with
                | NonNull word when event.Type = "m.room.member" -> $"{event.Type}, {word}"
                | _ -> event.Type

            (gapsOf kind).Saw(world, choices)

    /// Adds the results of another survey of the version.
    member this.Add(other: ClaimSurvey) =
        this.Judged <- this.Judged + other.Judged

        for mine, theirs in List.zip this.Findings other.Findings do
            mine.Applied.Add theirs.Applied
            mine.Broken.Add theirs.Broken

            for (_, a), (_, b) in List.zip mine.Excepted theirs.Excepted do
                a.Add b

            for (_, _, a), (_, _, b) in List.zip mine.Needed theirs.Needed do
                a.Add b

        for KeyValue(kind, seen) in other.Gaps do
            (gapsOf kind).Add seen

/// Surveys of the small worlds for all claims.
[<RequireQualifiedAccess>]
module ClaimSurvey =

    let private judging (survey: ClaimSurvey) (ground: Ground) : int[] -> unit =
        let loader = CaseLoader ground
        let case = ClaimCase(LoadedCase loader)

        fun choices ->
            loader.Load choices
            survey.Judge(loader, case, loader.Decide ground.Rules, choices)

    /// Surveys a number of drawn cases of every world.
    let sample (scope: ClaimScope) (count: int) (seed: uint64) : ClaimSurvey =
        let survey = ClaimSurvey scope

        for world in scope.Worlds do
            Enumeration.sample world [ scope.Version ] count seed (judging survey (Ground(world, scope.Version)))

        survey

    /// Surveys a portion of every world, on as many threads as given.
    let run (scope: ClaimScope) (every: int64) (threads: int) (progress: string -> unit) : ClaimSurvey =
        let version = scope.Version
        let total = ClaimSurvey scope

        for world in scope.Worlds do
            let ground = Ground(world, version)
            let shares = Array.init threads (fun _ -> ClaimSurvey scope)

            Parallel.For(
                0,
                threads,
                fun share ->
                    Enumeration.run
                        world
                        [ version ]
                        {
                            Every = every
                            Share = share
                            Shares = threads
                        }
                        (judging shares[share] ground)
                    |> ignore
            )
            |> ignore

            for share in shares do
                total.Add share

            progress world.Name

        total

    /// Whether every claim was about some decision, and every part of every exception was needed.
    let isComplete (survey: ClaimSurvey) : bool =
        survey.Findings
        |> List.forall (fun f ->
            f.Applied.Count > 0L
            && f.Needed |> List.forall (fun (_, _, seen) -> seen.Count > 0L))

    /// Surveys all cases of each weight, the lightest first, until the survey is complete or a weight is reached.
    let lightest (scope: ClaimScope) (limit: int) : ClaimSurvey =
        let version = scope.Version
        let survey = ClaimSurvey scope

        let judges =
            scope.Worlds
            |> List.map (fun world -> world, judging survey (Ground(world, version)))

        let mutable weight = 0

        while weight <= limit && not (isComplete survey) do
            for world, judge in judges do
                Enumeration.ofWeight world [ version ] weight (fun choices ->
                    judge choices
                    false)
                |> ignore

            weight <- weight + 1

        survey

    /// Surveys given cases.
    let cases (scope: ClaimScope) (cases: (World * int[]) list) : ClaimSurvey =
        let survey = ClaimSurvey scope

        for _, ofWorld in cases |> List.groupBy (fun (world, _) -> world.Name) do
            let judge = judging survey (Ground(fst ofWorld.Head, scope.Version))

            for _, choices in ofWorld do
                judge choices

        survey

    /// What is wrong with a claim, given that the survey has the lightest cases: it is broken, it is about nothing, or
    /// nothing needs an exception or a part of one.
    let fault (version: RoomVersion) (f: ClaimFinding) : string option =
        let never = f.Excepted |> List.tryFind (fun (_, seen) -> seen.Count = 0L)
        let unneeded = f.Needed |> List.tryFind (fun (_, _, seen) -> seen.Count = 0L)

        match f.Broken.Lightest, never, unneeded with
        | Some witness, _, _ -> Some $"does not hold of\n{Witnesses.show version witness}"
        | None, _, _ when f.Applied.Count = 0L -> Some "no decision in the survey is one that it is about"
        | None, Some(e, _), _ -> Some $"the exception {e.Name} never occurs"
        | None, None, Some(e, part, _) ->
            Some $"the exception {e.Name} does not need the case that {ClaimText.statement part}"
        | None, None, None -> None

    /// `fault` of each claim with one.
    let faults (survey: ClaimSurvey) : (string * string) list = [
        for f in survey.Findings do
            match fault survey.Version f with
            | Some words -> f.Claim.Name, words
            | None -> ()
    ]

    /// The kinds of events with cases whose verdict the claims leave open, and these cases.
    let gaps (survey: ClaimSurvey) : (string * Sightings) list = [
        for KeyValue(kind, seen) in survey.Gaps -> kind, seen
    ]
