namespace Matrix.Properties.Mutation

open System.Collections.Generic
open System.Threading.Tasks
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Properties.SmallWorlds
open Matrix.Rules

/// A case in which a mutant differs from its version.
type internal Kill = {
    World: World
    /// The choices on its axes.
    Case: int[]
}

/// The result of trying a mutant on the small worlds.
type internal MutantResult = {
    Kill: Kill option
    /// The number of cases that were tried.
    Decisions: int64
    /// The worlds with cases that reach its rule.
    Worlds: string list
}

/// Tries mutants on the small worlds: all remaining mutants of a version, in one walk through each world.
[<RequireQualifiedAccess>]
module internal MutationRun =

    /// A cheap check whether a mutant can differ on a case. It is a table with one condition, evaluated before the
    /// whole mutant.
    [<Sealed; AllowNullLiteral>]
    type private Screen(mutant: Mutant) =

        let yes, no = "yes", "no"

        let outcome name condition =
            Rule.Clause(
                {
                    Name = name
                    Text = ""
                    Reading = None
                },
                condition,
                Outcome.Allow,
                []
            )

        let asking condition =
            AuthRules {
                mutant.Table with
                    Authorization = [ outcome yes condition; outcome no Condition.Always ]
            }

        let isYes (decision: Decision) = decision.Clause = yes

        // A changed selection only changes whether an auth event counts as selected.
        let unselected = Condition.SomeAuthEvent AuthEventFault.Unselected

        let question =
            asking (
                if mutant.Subject = Subject.Selection then
                    unselected
                else
                    mutant.DiffersOnlyIf
            )

        /// `right` is the version's own decision.
        member _.Passes(loader: CaseLoader, right: Decision) : bool =
            let answer = isYes (loader.Decide question)

            if mutant.Subject = Subject.Selection then
                match right with
                | Decision.Rejected { Reason = Reason.AuthEventUnselected } -> not answer
                | _ -> answer
            else
                answer

    /// A mutant in one share of a walk through a world.
    [<Sealed; AllowNullLiteral>]
    type private Mutated(mutant: Mutant) =
        member val Rules = AuthRules mutant.Table

        /// The check whether mutant and version can differ.
        member val Screen =
            if mutant.DiffersOnlyIf = Condition.Always && mutant.Subject <> Subject.Selection then
                null
            else
                Screen mutant

        member _.Mutant = mutant
        /// The ordinal of the first case of a walk that distinguished it.
        member val KilledAt = System.Int64.MaxValue with get, set
        member val Case: int[] = [||] with get, set
        member val Decided = 0L with get, set

    /// The stage on which a mutant decides. Events are read anew where it reads them differently.
    let private loaderOf (world: World) (grounds: Dictionary<string, Ground>) (version: RoomVersion) =
        let key = $"%A{version.Settings}"

        lock grounds (fun () ->
            match grounds.TryGetValue key with
            | true, ground -> ground
            | _ ->
                let ground = Ground(world, version)
                grounds[key] <- ground
                ground)
        |> CaseLoader

    /// The mutants that could decide an event differently, by the place of the deciding rule. Cached by the event's
    /// type and membership.
    let private interestedIn (reach: Reach) (byRules: Mutated[]) : Pdu -> Mutated[][] =
        let interested = Dictionary<struct (string * string), Mutated[][]>()

        fun event ->
            let membership =
                match event.Content.Text "membership" with
                | null -> ""
                | word -> word

            match interested.TryGetValue(struct (event.Type, membership)) with
            | true, known -> known
            | _ ->
                let known =
                    Array.init (reach.Count + 1) (fun place ->
                        byRules |> Array.filter (fun p -> reach.Reaches(p.Mutant, event, place)))

                interested[struct (event.Type, membership)] <- known
                known

    /// Walks through a share of a world.
    let private walk
        (reach: Reach)
        (world: World)
        (ground: Ground)
        grounds
        (portion: Portion)
        (mutated: Mutated[])
        : unit =
        let loader = CaseLoader ground
        let ordinal = ref (int64 portion.Share)

        let byRules, bySettings =
            mutated |> Array.partition (fun p -> p.Mutant.Subject <> Subject.Setting)

        let others =
            bySettings
            |> Array.map (fun p ->
                p,
                loaderOf world grounds {
                    ground.Version with
                        Settings = p.Mutant.Table.Settings
                })

        let ofKind = interestedIn reach byRules

        let note (p: Mutated) (case: int[]) (differs: bool) =
            p.Decided <- p.Decided + 1L

            if differs then
                p.KilledAt <- ordinal.Value
                p.Case <- Array.copy case

        Enumeration.run world [ ground.Version ] portion (fun case ->
            loader.Load case
            let right = loader.Decide ground.Rules

            for p in (ofKind loader.Event)[reach.PlaceOf right] do
                if p.KilledAt = System.Int64.MaxValue then
                    let mayDiffer =
                        match p.Screen with
                        | null -> true
                        | screen -> screen.Passes(loader, right)

                    note p case (mayDiffer && Verdicts.differ right (loader.Decide p.Rules))

            for p, loader in others do
                if p.KilledAt = System.Int64.MaxValue then
                    loader.Load case
                    note p case (Verdicts.differ right (loader.Decide p.Rules))

            ordinal.Value <- ordinal.Value + int64 portion.Shares)
        |> ignore

    let private shares = 2

    /// Tries mutants on a portion of a world.
    let private through
        (suite: Suite)
        (world: World)
        (every: int64)
        (mutants: Mutant list)
        : (Mutant * Mutated[]) list =
        let ground = Ground(world, suite.Version)
        let grounds = Dictionary<string, Ground>()
        let mutated = Array.init shares (fun _ -> [| for m in mutants -> Mutated m |])

        Parallel.For(
            0,
            shares,
            fun share ->
                walk
                    suite.Reach
                    world
                    ground
                    grounds
                    {
                        Every = every
                        Share = share
                        Shares = shares
                    }
                    mutated[share]
        )
        |> ignore

        mutants |> List.mapi (fun i m -> m, [| for share in mutated -> share[i] |])

    /// The types and memberships of a world's events.
    let private kindsOf (world: World) (version: RoomVersion) : (string * (string | null)) list =
        let axes = world.Event.Axes

        let rec cases (axes: IAxis list) (case: int[]) : int[] list =
            match axes with
            | [] -> [ case ]
            | axis :: rest -> [
                for choice in 0 .. world.Axes[axis.Index].Choices.Length - 1 do
                    yield! cases rest (Array.updateAt axis.Index choice case)
              ]

        [
            for case in cases axes (Array.zeroCreate world.Axes.Length) do
                let draft = world.Event.Build version (CaseReader(case, System.Int64.MaxValue))
                draft.Type, (JsonObject.OfSeq [ for k, v in draft.Content -> struct (k, v) ]).Text "membership"
        ]
        |> List.distinct

    /// Coarse portions first: they kill most mutants.
    let private rounds = [ 4999L; 97L ]

    /// Tries mutants on one portion of all worlds.
    let private round
        (suite: Suite)
        (worlds: World list)
        (report: string -> unit)
        (every: int64)
        (mutants: Mutant list)
        : Map<string, MutantResult> =
        let start =
            mutants
            |> List.map (fun m ->
                m.Id,
                {
                    Kill = None
                    Decisions = 0L
                    Worlds = []
                })
            |> Map.ofList

        let next (tried: Map<string, MutantResult>) (world: World) =
            let kinds = kindsOf world suite.Version

            let live =
                mutants
                |> List.filter (fun m ->
                    tried[m.Id].Kill.IsNone
                    && kinds
                       |> List.exists (fun (eventType, membership) -> suite.Reach.Comes(m, eventType, membership)))

            if live.IsEmpty then
                tried
            else
                report $"version {suite.Version.Id}, one in {every} of \"{world.Name}\", {live.Length} mutants"

                (tried, through suite world every live)
                ||> List.fold (fun tried (m, mutated) ->
                    let first = mutated |> Array.minBy _.KilledAt
                    let here = mutated |> Array.sumBy _.Decided
                    let before = tried[m.Id]

                    tried.Add(
                        m.Id,
                        {
                            Kill =
                                if first.KilledAt = System.Int64.MaxValue then
                                    None
                                else
                                    Some { World = world; Case = first.Case }
                            Decisions = before.Decisions + here
                            Worlds =
                                if here > 0L then
                                    before.Worlds @ [ world.Name ]
                                else
                                    before.Worlds
                        }
                    ))

        (start, worlds) ||> List.fold next

    /// Tries mutants on one in `finest` of the cases of all worlds, after coarser portions. `report` receives the
    /// progress.
    let run
        (suite: Suite)
        (worlds: World list)
        (finest: int64)
        (report: string -> unit)
        (mutants: Mutant list)
        : Map<string, MutantResult> =
        ((Map.empty, mutants), (rounds |> List.filter (fun every -> every > finest)) @ [ finest ])
        ||> List.fold (fun (found, left) every ->
            let tried = round suite worlds report every left

            let found =
                (found, tried) ||> Map.fold (fun found id outcome -> found.Add(id, outcome))

            found, left |> List.filter (fun m -> tried[m.Id].Kill.IsNone))
        |> fst
