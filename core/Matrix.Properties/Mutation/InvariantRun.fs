namespace Matrix.Properties.Mutation

open System
open System.Collections.Generic
open System.Threading.Tasks
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Properties.Claims
open Matrix.Properties.Generators
open Matrix.Properties.SmallWorlds
open Matrix.Rules

/// What judges a version's decisions. For a case, which may change, it judges one decision after the other: it returns
/// the name of a statement that the decision breaks, or null.
type Judges = RoomVersion -> ICase -> Decision -> string | null

/// The result of a version's invariants, or of its claims, without any vector, for a mutant.
[<RequireQualifiedAccess>]
type Noticed =
    /// The mutant's decisions break this invariant.
    | By of invariant: string
    /// The mutant accepts what its version rejects, or the reverse, and no invariant is broken.
    | Nowhere of case: string
    /// In no case that was tried does the mutant accept what its version rejects, or the reverse.
    | SameVerdicts of decisions: int64

    /// The result in reports.
    member this.Words =
        match this with
        | Noticed.By invariant -> $"invariant {invariant}"
        | Noticed.Nowhere case -> $"no invariant notices {case}"
        | Noticed.SameVerdicts decisions -> $"accepts and rejects as its version does, in {decisions} decisions"

/// Tries mutants on the invariants, or on the claims, alone: in every case where the verdicts of mutant and version
/// differ.
[<RequireQualifiedAccess>]
module InvariantRun =

    /// A mutant in one share of a walk through a world.
    [<Sealed; AllowNullLiteral>]
    type private MutantShare(mutant: Mutant) =
        member _.Mutant = mutant
        member val Rules = AuthRules mutant.Table
        member val By: string | null = null with get, set
        member val Unnoticed: int[] | null = null with get, set
        member val Decisions = 0L with get, set

    /// The invariant that this case breaks.
    let private broken (invariants: Invariant[]) (scene: Scene) : string | null =
        let mutable found = null
        let mutable i = 0

        while isNull found && i < invariants.Length do
            let invariant = invariants[i]

            if
                invariant.When scene
                && not (invariant.Then scene)
                && not (invariant.Exceptions |> List.exists (fun e -> e.In scene.Version && e.Is scene))
            then
                found <- invariant.Name

            i <- i + 1

        found

    /// The invariants about a version.
    let invariants: Judges =
        fun version ->
            let about = Dictionary<string, Invariant[]>()

            let concerning (eventType: string) =
                match about.TryGetValue eventType with
                | true, some -> some
                | _ ->
                    let some =
                        Invariants.of' version
                        |> List.filter (fun i -> not i.CanHappen && Invariants.isAbout eventType i)
                        |> Array.ofList

                    about[eventType] <- some
                    some

            fun case ->
                let scene = Scene case

                fun decision ->
                    scene.Take decision
                    broken (concerning case.Event.Type) scene

    /// The claims about a version.
    let claims: Judges =
        fun version ->
            let claims = VersionClaims version

            fun case ->
                let read = ClaimCase case

                fun decision ->
                    read.Turn()
                    read.Allowed <- decision.IsOk
                    claims.Broken(case.Event.Type, read)

    let private membershipOf (event: Pdu) : string =
        match event.Content.Text "membership" with
        | null -> ""
        | word -> word

    /// The mutants that could decide an event differently, by the place of the deciding rule. Cached by the event's
    /// type and membership.
    let private interestedIn (reach: Reach) (byRules: MutantShare[]) : Pdu -> MutantShare[][] =
        let interested = Dictionary<struct (string * string), MutantShare[][]>()

        fun event ->
            let key = struct (event.Type, membershipOf event)

            match interested.TryGetValue key with
            | true, known -> known
            | _ ->
                let known =
                    Array.init (reach.Count + 1) (fun place ->
                        byRules |> Array.filter (fun t -> reach.Reaches(t.Mutant, event, place)))

                interested[key] <- known
                known

    let private walk
        (judges: Judges)
        (reach: Reach)
        (world: World)
        (ground: Ground)
        (portion: Portion)
        (tried: MutantShare[])
        : unit =
        let version = ground.Version
        let loader = CaseLoader ground
        let judging = judges version
        let judged = judging (LoadedCase loader)

        let bySettings, byRules =
            tried |> Array.partition (fun t -> t.Mutant.Subject = Subject.Setting)

        // Where levels or creators are read differently, events are read anew, and the mutant is judged in its own
        // scene.
        let otherStages =
            bySettings
            |> Array.map (fun t ->
                let own =
                    CaseLoader(
                        Ground(
                            world,
                            {
                                version with
                                    Settings = t.Mutant.Table.Settings
                            }
                        )
                    )

                t, own, judging (LoadedCase own))

        let ofKind = interestedIn reach byRules

        let judge (t: MutantShare) (judged: Decision -> string | null) (case: int[]) (right: Decision) decision =
            t.Decisions <- t.Decisions + 1L

            if (decision: Decision).IsOk <> right.IsOk then
                match judged decision with
                | null ->
                    if isNull t.Unnoticed then
                        t.Unnoticed <- Array.copy case
                | invariant -> t.By <- invariant

        Enumeration.run world [ version ] portion (fun case ->
            loader.Load case
            let right = loader.Decide ground.Rules

            for t in (ofKind loader.Event)[reach.PlaceOf right] do
                if isNull t.By then
                    judge t judged case right (loader.Decide t.Rules)

            for t, own, judged in otherStages do
                if isNull t.By then
                    own.Load case
                    judge t judged case right (own.Decide t.Rules))
        |> ignore

    /// The result for the first of these cases in which the mutant's verdict differs.
    let private ofCases
        (judging: ICase -> Decision -> string | null)
        (cases: (string * AuthCase * (Decision -> string | null) * ICase * Decision)[])
        (mutant: Mutant)
        =
        let rules = AuthRules mutant.Table

        // A mutant that reads levels or creators differently reads the state anew.
        let readAnew (read: AuthCase) (judged: Decision -> string | null) (case: ICase) =
            if mutant.Subject = Subject.Setting then
                let own = OnItsOwn(rules, { read with Version = mutant.Table }) :> ICase
                judging own, own
            else
                judged, case

        let differing =
            cases
            |> Seq.choose (fun (name, read, judged, case, right) ->
                let judged, case = readAnew read judged case
                let decision = rules.Decide(case.Event, case, case.Facts)

                if decision.IsOk = right.IsOk then
                    None
                else
                    Some(name, judged decision))
            |> Seq.cache

        match differing |> Seq.tryPick (fun (_, broken) -> Option.ofObj broken), Seq.tryHead differing with
        | Some broken, _ -> Some(Noticed.By broken)
        | None, Some(name, _) -> Some(Noticed.Nowhere name)
        | None, None -> None

    let private shares = 2

    /// Walks through a portion of a world in parallel shares. The result: each mutant, tried in each share.
    let private inShares
        (judges: Judges)
        (reach: Reach)
        (world: World)
        (ground: Ground)
        (every: int64)
        (mutants: Mutant list)
        =
        let tried = Array.init shares (fun _ -> [| for m in mutants -> MutantShare m |])

        let walkShare share =
            let portion = {
                Every = every
                Share = share
                Shares = shares
            }

            walk judges reach world ground portion tried[share]

        Parallel.For(0, shares, walkShare) |> ignore

        [
            for i, mutant in List.indexed mutants -> mutant, [| for share in tried -> share[i] |]
        ]

    /// The result for a mutant after one more world.
    let private combined (world: World) (shares: MutantShare[]) (before: Noticed) : Noticed =
        let decisions = shares |> Array.sumBy _.Decisions

        match
            shares |> Array.tryFind (fun t -> not (isNull t.By)),
            shares |> Array.tryFind (fun t -> not (isNull t.Unnoticed)),
            before
        with
        | Some t, _, _ -> Noticed.By(string t.By)
        | None, _, (Noticed.Nowhere _ as known) -> known
        | None, Some t, _ ->
            let words =
                match t.Unnoticed with
                | null -> ""
                | case -> World.describe world case |> String.concat "; "

            Noticed.Nowhere $"world \"{world.Name}\": {words}"
        | None, None, Noticed.SameVerdicts before -> Noticed.SameVerdicts(before + decisions)
        | None, None, other -> other

    /// Tries mutants of a version on given cases, by name, and then on portions of all worlds, the coarsest first.
    let run
        (judges: Judges)
        (version: RoomVersion)
        (cases: (string * AuthCase) list)
        (worlds: World list)
        (portions: int64 list)
        (report: string -> unit)
        (mutants: Mutant list)
        : Map<string, Noticed> =
        let reach = Reach version
        let rules = AuthRules version
        let noticed = Dictionary<string, Noticed>()

        let judging = judges version

        let cases = [|
            for name, case in cases do
                let onItsOwn = OnItsOwn(rules, case) :> ICase
                name, case, judging onItsOwn, onItsOwn, rules.Decide(case.Event, onItsOwn, case.Facts)
        |]

        for mutant in mutants do
            noticed[mutant.Id] <-
                ofCases judging cases mutant
                |> Option.defaultValue (Noticed.SameVerdicts cases.Length)

        for every in portions do
            for world in worlds do
                let left =
                    mutants
                    |> List.filter (fun m ->
                        match noticed[m.Id] with
                        | Noticed.By _ -> false
                        | _ -> true)

                if not left.IsEmpty then
                    report
                        $"version {version.Id}, one in {every} of \"{world.Name}\", \
                          {left.Length} mutants on statements alone"

                    for mutant, shares in inShares judges reach world (Ground(world, version, rules)) every left do
                        noticed[mutant.Id] <- combined world shares noticed[mutant.Id]

        Map [ for KeyValue(id, what) in noticed -> id, what ]
