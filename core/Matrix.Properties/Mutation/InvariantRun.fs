namespace Matrix.Properties.Mutation

open System
open System.Collections.Generic
open System.Threading.Tasks
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Properties.Generators
open Matrix.Properties.SmallWorlds
open Matrix.Rules

/// The result of a version's invariants, without any vector, for a mutant.
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

/// Tries mutants on the invariants alone, in every case where the verdicts of mutant and version differ.
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

    let private concerning (version: RoomVersion) (about: Dictionary<string, Invariant[]>) (eventType: string) =
        match about.TryGetValue eventType with
        | true, some -> some
        | _ ->
            let some =
                Invariants.of' version
                |> List.filter (fun i -> not i.CanHappen && Invariants.isAbout eventType i)
                |> Array.ofList

            about[eventType] <- some
            some

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

    let private walk (reach: Reach) (world: World) (ground: Ground) (portion: Portion) (tried: MutantShare[]) : unit =
        let version = ground.Version
        let loader = CaseLoader ground
        let scene = Scene loader
        let about = Dictionary<string, Invariant[]>()

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

                t, own, Scene own)

        let ofKind = interestedIn reach byRules

        let judge (t: MutantShare) (scene: Scene) (case: int[]) (right: Decision) (decision: Decision) =
            t.Decisions <- t.Decisions + 1L

            if decision.IsOk <> right.IsOk then
                scene.Take decision

                match broken (concerning version about scene.Event.Type) scene with
                | null ->
                    if isNull t.Unnoticed then
                        t.Unnoticed <- Array.copy case
                | invariant -> t.By <- invariant

        Enumeration.run world [ version ] portion (fun case ->
            loader.Load case
            let right = loader.Decide ground.Rules

            for t in (ofKind loader.Event)[reach.PlaceOf right] do
                if isNull t.By then
                    judge t scene case right (loader.Decide t.Rules)

            for t, own, scene in otherStages do
                if isNull t.By then
                    own.Load case
                    judge t scene case right (own.Decide t.Rules))
        |> ignore

    /// The result of the invariants for the first of these cases in which the mutant's verdict differs.
    let private ofCases
        (invariants: string -> Invariant[])
        (cases: (string * AuthCase * Scene * ICase * Decision)[])
        (mutant: Mutant)
        =
        let rules = AuthRules mutant.Table

        // A mutant that reads levels or creators differently reads the state anew.
        let inOwnScene (read: AuthCase) (scene: Scene) (case: ICase) =
            if mutant.Subject = Subject.Setting then
                let own = OnItsOwn(rules, { read with Version = mutant.Table }) :> ICase
                Scene own, own
            else
                scene, case

        let differing =
            cases
            |> Seq.choose (fun (name, read, scene, case, right) ->
                let scene, case = inOwnScene read scene case
                let decision = rules.Decide(case.Event, case, case.Facts)

                if decision.IsOk = right.IsOk then
                    None
                else
                    scene.Take decision
                    Some(name, broken (invariants case.Event.Type) scene))
            |> Seq.cache

        match differing |> Seq.tryPick (fun (_, invariant) -> Option.ofObj invariant), Seq.tryHead differing with
        | Some invariant, _ -> Some(Noticed.By invariant)
        | None, Some(name, _) -> Some(Noticed.Nowhere name)
        | None, None -> None

    let private shares = 2

    /// Walks through a portion of a world in parallel shares. The result: each mutant, tried in each share.
    let private inShares (reach: Reach) (world: World) (ground: Ground) (every: int64) (mutants: Mutant list) =
        let tried = Array.init shares (fun _ -> [| for m in mutants -> MutantShare m |])

        let walkShare share =
            let portion = {
                Every = every
                Share = share
                Shares = shares
            }

            walk reach world ground portion tried[share]

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

        let about = Dictionary<string, Invariant[]>()

        let cases = [|
            for name, case in cases do
                let onItsOwn = OnItsOwn(rules, case) :> ICase
                name, case, Scene onItsOwn, onItsOwn, rules.Decide(case.Event, onItsOwn, case.Facts)
        |]

        for mutant in mutants do
            noticed[mutant.Id] <-
                ofCases (concerning version about) cases mutant
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
                          {left.Length} mutants on the invariants"

                    for mutant, shares in inShares reach world (Ground(world, version, rules)) every left do
                        noticed[mutant.Id] <- combined world shares noticed[mutant.Id]

        Map [ for KeyValue(id, what) in noticed -> id, what ]
