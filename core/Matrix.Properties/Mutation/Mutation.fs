namespace Matrix.Properties.Mutation

open Matrix.Properties.Generators
open Matrix.Properties.SmallWorlds
open Matrix.Properties.Vectors
open Matrix.Rules

/// Changes the tables of versions one rule at a time, and searches for a check that notices the change.
[<RequireQualifiedAccess>]
module Mutation =

    let private describe (kill: Kill) : string =
        let words = World.describe kill.World kill.Case |> String.concat "; "
        $"world \"{kill.World.Name}\": {words}"

    /// The result of a search.
    [<RequireQualifiedAccess>]
    type private Found =
        | By of string
        /// Nothing distinguishes it in what was searched.
        | Nowhere of looked: string

    let private ofWorlds (names: string list) (decisions: int64) =
        let names = names |> List.map (sprintf "\"%s\"") |> String.concat ", "
        Found.Nowhere $"within the worlds {names} ({decisions} decisions)"

    let private ofResult (tried: MutantResult) =
        match tried.Kill with
        | Some kill -> Found.By(describe kill)
        | None -> ofWorlds tried.Worlds tried.Decisions

    let private ofVectors (decisions: int) =
        Found.Nowhere $"within the vectors ({decisions} decisions)"

    /// The result for a mutant of versions that share it.
    let private fate
        (plan: MutationPlan)
        (group: RoomVersion list)
        (origins: Origin list)
        (noticed: Noticed option)
        (subject: Subject, rule: string, mutation: string)
        (found: Found)
        : Fate =
        let status, by =
            match found, Equivalents.reasonFor plan.Equivalents group.Head subject rule mutation with
            | Found.By by, None -> Status.Killed, by
            | Found.By by, Some _ -> Status.WronglyListed, by
            | Found.Nowhere looked, None -> Status.Survived, looked
            | Found.Nowhere looked, Some reason -> Status.Equivalent, $"{looked}: {reason}"

        {
            Id = Mutant.NameOf(subject, rule, mutation)
            Subject = subject
            Rule = rule
            Mutation = mutation
            Versions = group |> List.map _.Id
            Status = status
            By = by
            Origins = origins
            Noticed = noticed
        }

    let private nameOf (mutant: Mutant) =
        mutant.Subject, mutant.Rule, mutant.Mutation

    let private wanted (plan: MutationPlan) (mutants: Mutant list) =
        mutants
        |> List.filter (fun m -> List.contains m.Subject plan.Subjects && plan.IsWanted m.Rule)

    /// Tries mutants on the vectors, and the remaining ones on the worlds.
    let private tryAll
        (plan: MutationPlan)
        (mutants: Mutant list)
        (killer: Mutant -> string option)
        (decisions: int)
        (runWorlds: int64 -> Mutant list -> Map<string, MutantResult>)
        : (Mutant * Found) list =
        let byVector = wanted plan mutants |> List.map (fun m -> m, killer m)
        let left = byVector |> List.filter (snd >> Option.isNone) |> List.map fst

        let tried =
            match plan.Search with
            | Search.Vectors -> Map.empty
            | Search.Worlds _ when left.IsEmpty -> Map.empty
            | Search.Worlds every -> runWorlds every left

        [
            for mutant, killer in byVector do
                mutant,
                match killer, tried.TryFind mutant.Id with
                | Some vector, _ -> Found.By vector
                | None, Some tried -> ofResult tried
                | None, None -> ofVectors decisions
        ]

    /// The vectors of the plan that were written by hand, or those found by search.
    let private filesOf (plan: MutationPlan) (isGenerated: bool) =
        plan.Files |> List.filter (fun (name, _) -> plan.IsGenerated name = isGenerated)

    /// The origins of the vectors that distinguish a mutant.
    let private byVectors (handwritten: Mutant -> string option) (generated: Mutant -> string option) mutant = [
        if (handwritten mutant).IsSome then
            Origin.HandwrittenVector
        if (generated mutant).IsSome then
            Origin.GeneratedVector
    ]

    /// The rules of a table, in order, with the outcome of each: what the outline of the pages compares.
    let private outline (table: Rule list) = [
        for item in Rule.items table ->
            item.At, Rule.name item.Rule, Rule.outcome item.Rule |> Option.map (fun o -> o = Outcome.Allow)
    ]

    /// The results for mutants of versions that share all tables and settings that authorization reads.
    let private authorization (plan: MutationPlan) report (group: RoomVersion list) : Fate list =
        let version = group.Head
        let suite = Suite(version, plan.Files)
        let handwritten = Suite(version, filesOf plan false)
        let generated = Suite(version, filesOf plan true)
        report $"version {version.Id}: vectors"
        let mutants = Mutants.ofAuthorization version |> wanted plan
        let worlds = Worlds.widened [ version ] plan.Worlds

        let noticed =
            match plan.Search with
            | Search.Vectors -> Map.empty
            | Search.Worlds _ when plan.Worlds.IsEmpty -> Map.empty
            | Search.Worlds _ ->
                InvariantRun.run InvariantRun.invariants version suite.Cases worlds [ 4999L ] report mutants

        let origins (mutant: Mutant) = [
            yield! byVectors handwritten.Killer generated.Killer mutant

            match noticed.TryFind mutant.Id with
            | Some(Noticed.By _) -> Origin.Invariant
            | _ -> ()

            if
                mutant.Subject = Subject.Authorization
                && outline mutant.Table.Authorization <> outline version.Authorization
            then
                Origin.Outline
        ]

        tryAll plan mutants suite.Killer suite.Decisions (fun every left ->
            MutationRun.run suite worlds every report left)
        |> List.map (fun (mutant, found) ->
            fate plan group (origins mutant) (noticed.TryFind mutant.Id) (nameOf mutant) found)

    /// The results for mutants of versions that share both tables that handle redactions.
    let private handling (plan: MutationPlan) report (group: RoomVersion list) : Fate list = [
        report $"version {group.Head.Id}: redactions"

        for asks, version in RedactingWorld.tables group.Head do
            let suite = HandlingSuite(asks, version, plan.Files)
            let handwritten = HandlingSuite(asks, version, filesOf plan false)
            let generated = HandlingSuite(asks, version, filesOf plan true)

            for mutant, found in
                tryAll plan (Mutants.ofHandling version) suite.Killer suite.Decisions (fun every left ->
                    Redactions.runHandling version every left) do
                fate plan group (byVectors handwritten.Killer generated.Killer mutant) None (nameOf mutant) found
    ]

    /// The results for mutants of versions that share a redaction table.
    let private redaction (plan: MutationPlan) report (group: RoomVersion list) : Fate list =
        let suite = RedactionSuite(group.Head, plan.Files)
        let handwritten = RedactionSuite(group.Head, filesOf plan false)
        let generated = RedactionSuite(group.Head, filesOf plan true)
        report $"version {group.Head.Id}: redacted events"

        [
            for mutant in wanted plan (Mutants.ofRedaction group.Head) do
                let found =
                    match suite.Killer mutant, plan.Search with
                    | Some vector, _ -> Found.By vector
                    | None, Search.Vectors -> ofVectors suite.Decisions
                    | None, Search.Worlds _ ->
                        match Redactions.killerOfTable group.Head mutant with
                        | Some event -> Found.By $"world \"{RedactedEvents.name}\": {event}"
                        | None -> ofWorlds [ RedactedEvents.name ] (int64 RedactedEvents.all.Value.Length)

                fate plan group (byVectors handwritten.Killer generated.Killer mutant) None (nameOf mutant) found
        ]

    /// Whether one of these vectors about a version's state resolution distinguishes a mutant.
    let private isResolvedOtherwise (version: RoomVersion) (files: (string * VectorFile) list) =
        let kind = "state-resolution"

        let vectors = [
            for _, vector in VectorsOf.version version kind files do
                match Vectors.resolutionCase vector with
                | Ok(graph, states) -> graph, states, vector
                | Error _ -> ()
        ]

        fun (mutant: ResolutionMutant) ->
            vectors
            |> List.exists (fun (graph, states, vector) ->
                let answer = Vectors.ofResolved (mutant.Resolve graph states).Resolved
                not (Vectors.differences kind false vector answer).IsEmpty)

    /// The results for mutants of versions that share the steps of state resolution and what authorization reads.
    let private stateResolution (plan: MutationPlan) report (group: RoomVersion list) : Fate list =
        let version = group.Head

        let mutants =
            ResolutionMutants.all version |> List.filter (fun m -> plan.IsWanted m.Rule)

        if mutants.IsEmpty then
            []
        else
            report $"version {version.Id}: state resolution"
            let handwritten = filesOf plan false |> isResolvedOtherwise version
            let generated = filesOf plan true |> isResolvedOtherwise version
            let rooms = ResolutionRooms.ofVersion plan.Rooms version

            [
                for mutant, kill in ResolutionRun.run rooms mutants do
                    let origins = [
                        if handwritten mutant then
                            Origin.HandwrittenVector
                        if generated mutant then
                            Origin.GeneratedVector

                        match kill with
                        | Some kill ->
                            Origin.Room

                            if not (StepLaws.brokenIn version mutant (kill.Room.Graph, kill.Room.States)).IsEmpty then
                                Origin.Law
                        | None -> ()
                    ]

                    let found =
                        match kill with
                        | Some kill -> Found.By(ResolutionRun.describe kill)
                        | None -> Found.Nowhere $"within {rooms.Length} rooms"

                    fate plan group origins None (Subject.StateResolution, mutant.Rule, mutant.Mutation) found
            ]

    /// The results of the invariants, or of the claims, alone, on the vectors' cases and on portions of all worlds, for
    /// each mutant of a version's authorization.
    let byStatements
        (judges: Judges)
        (files: (string * VectorFile) list)
        (portions: int64 list)
        (version: RoomVersion)
        : (Mutant * Noticed) list =
        let mutants = Mutants.ofAuthorization version

        let worlds =
            if portions.IsEmpty then
                []
            else
                Worlds.widened [ version ] Worlds.all

        let noticed =
            InvariantRun.run judges version (Suite(version, files)).Cases worlds portions ignore mutants

        mutants |> List.map (fun mutant -> mutant, noticed[mutant.Id])

    /// The cases of vectors about a version's authorization, by file and position.
    let casesOf (files: (string * VectorFile) list) (version: RoomVersion) : (string * AuthCase) list =
        Suite(version, files).Cases

    /// Whether one of these vectors distinguishes a mutant of a version's authorization from the version.
    let isDistinguished (files: (string * VectorFile) list) (version: RoomVersion) : Mutant -> bool =
        let suite = Suite(version, files)
        fun mutant -> (suite.Killer mutant).IsSome

    /// Every mutant of these versions, with its result. `report` receives the progress.
    let run (plan: MutationPlan) (report: string -> unit) (versions: RoomVersion list) : Fate list =
        let changes (subjects: Subject list) =
            subjects |> List.exists (fun subject -> List.contains subject plan.Subjects)

        [
            if changes [ Subject.Authorization; Subject.Selection; Subject.Setting ] then
                for group in Worlds.groups versions do
                    yield! authorization plan report group

            if changes [ Subject.Handling ] then
                for group in RedactingWorld.groups versions do
                    yield! handling plan report group

            if changes [ Subject.Redaction ] then
                for _, group in versions |> List.groupBy _.Redaction do
                    yield! redaction plan report group

            if changes [ Subject.StateResolution ] then
                for group in Worlds.groups versions do
                    for _, group in group |> List.groupBy _.Settings.StateResolution do
                        yield! stateResolution plan report group
        ]
