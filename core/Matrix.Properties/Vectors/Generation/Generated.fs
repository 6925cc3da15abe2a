namespace Matrix.Properties.Vectors.Generation

open System
open System.Text
open Matrix.Core.Auth
open Matrix.Core.Json
open Matrix.Properties.Mutation
open Matrix.Properties.Reference.StateResolution
open Matrix.Properties.Scenarios
open Matrix.Properties.SmallWorlds
open Matrix.Properties.Vectors
open Matrix.Rules

/// The vectors that are made from the small worlds.
[<RequireQualifiedAccess>]
module GeneratedVectors =

    /// Each case on its stage, in a version, with its description.
    let private inEach (picks: Pick list) (version: RoomVersion) (add: Pick -> CaseLoader -> string -> unit) : unit =
        let loaders =
            picks
            |> List.map _.World
            |> List.distinctBy _.Name
            |> List.map (fun world -> world.Name, CaseLoader(Ground(world, version)))
            |> dict

        for pick in picks do
            let loader = loaders[pick.World.Name]
            loader.Load pick.Case

            add pick loader (World.describe pick.World pick.Case |> String.concat "; ")

    let private render (about: string) (picks: (RoomVersion list * Pick list) list) : string =
        let rendering = Rendering(about, "authorization")

        for versions, picks in picks do
            for version in versions do
                let rules = AuthRules version

                inEach picks version (fun pick loader words ->
                    let name =
                        if words = "" then
                            pick.World.Name
                        else
                            $"{pick.World.Name}: {words}"

                    rendering.Add(version, name, pick.Near, loader.Case, loader.Decide rules))

        rendering.Text

    /// The smallest case of each deciding rule; the path is relative to the folder of vectors.
    [<Literal>]
    let ClausesFile = "authorization/clauses.json"

    /// Further cases that distinguish the mutants.
    [<Literal>]
    let MutantsFile = "authorization/mutants.json"

    /// Both kinds, for the rules that handle redactions.
    [<Literal>]
    let RedactionsFile = "event/redaction-handling.json"

    /// State resolutions.
    [<Literal>]
    let ResolutionsFile = "event/state-resolution.json"

    /// Complete PDUs.
    [<Literal>]
    let PdusFile = "event/pdus.json"

    /// All of them.
    let files: string list = [ ClausesFile; MutantsFile; RedactionsFile; ResolutionsFile; PdusFile ]

    /// Whether a file is one of these, by its name, with or without folders.
    let isGenerated (file: string) : bool =
        files
        |> List.exists (fun name -> file.Replace('\\', '/').EndsWith(name, StringComparison.Ordinal))

    let private groups = lazy (Worlds.groups Versions.all)

    let private clausePicks =
        lazy
            (groups.Value
             |> List.map (fun group -> group, Picking(Deciding.authorization group.Head).OfClauses()))

    /// For each deciding rule of each version: the smallest decision each way, and a near case that another rule
    /// decides.
    let clauses () : string =
        render
            "For every rule that decides, in every room version: the smallest case that it decides, and beside it \
             (`near`) one that differs in one thing and is decided the other way by another rule. Found by \
             enumerating small worlds; `mx vectors generate` writes this file."
            clausePicks.Value

    /// A case for each mutant that differs from the rules. A mutant that an earlier case distinguishes needs no other.
    let private besides (picking: Picking) (left: Mutant list) (kills: Map<string, MutantResult>) : Pick list =
        let isTold (mutant: Mutant) (mutated: AuthRules) (picks: Pick list) =
            // A changed setting changes how the state is read, so the version's stage does not show it.
            mutant.Subject <> Subject.Setting
            && picks |> List.exists (fun pick -> picking.Tells(mutated, pick))

        ([], left)
        ||> List.fold (fun more mutant ->
            let mutated = AuthRules mutant.Table

            match kills[mutant.Id].Kill with
            | Some kill when not (isTold mutant mutated more) -> picking.OfKill(mutant, kill) :: more
            | _ -> more)
        |> List.rev
        |> List.distinctBy (fun pick -> pick.World.Name, List.ofArray pick.Case)

    let private isEquivalent (version: RoomVersion) (mutant: Mutant) =
        (Equivalents.reasonOf Equivalents.all version mutant).IsSome

    /// Cases that distinguish the mutants of all versions from their versions, where no vector of `files` does.
    /// `files`: all other vectors.
    let mutants (files: (string * VectorFile) list) (told: string -> unit) : Result<string, VectorFault> =
        let clauses = clauses ()

        Vectors.read (ReadOnlySpan<byte>(Encoding.UTF8.GetBytes clauses))
        |> Result.map (fun read ->
            let files = files @ [ ClausesFile, read ]

            let picksOf (group: RoomVersion list) : Pick list =
                let version = group.Head
                let suite = Suite(version, files)

                let left =
                    Mutants.ofAuthorization version
                    |> List.filter (fun m -> not (isEquivalent version m) && (suite.Killer m).IsNone)

                MutationRun.run suite Worlds.all 1L told left
                |> besides (Picking(Deciding.authorization version)) left

            render
                "What tells each mutant of each room version from it, where no other vector does: a mutant is a table \
                 of rules with one thing changed. Found by `mx rules mutate` in small worlds; `mx vectors generate` \
                 writes this file."
                (groups.Value |> List.map (fun group -> group, picksOf group)))

    /// For the rules that handle redactions: the smallest case of each, a near case, and cases that distinguish the
    /// mutants.
    let redactions () : string =
        let rendering =
            Rendering(
                "What becomes of redactions that were accepted. For every rule that decides, in every room version, \
                 the smallest case that it decides, and beside it (`near`) one that differs in one thing and is \
                 decided the other way by another rule; and what besides tells each mutant of a table from it. Found \
                 by enumerating a small world; `mx vectors generate` writes this file.",
                "redaction-handling"
            )

        for group in RedactingWorld.groups Versions.all do
            for asks, table in RedactingWorld.tables group.Head do
                let picking = Picking(Deciding.handling table)
                let clauses = picking.OfClauses()

                let untold =
                    Mutants.ofHandling table
                    |> List.filter (fun m ->
                        let mutated = AuthRules m.Table

                        not (isEquivalent table m)
                        && clauses |> List.forall (fun pick -> not (picking.Tells(mutated, pick))))

                let picks =
                    clauses @ besides picking untold (Redactions.runHandling table 1L untold)

                for version in group do
                    let rules =
                        RedactingWorld.tables version
                        |> List.find (fun (other, _) -> other = asks)
                        |> snd
                        |> AuthRules

                    inEach picks version (fun pick loader words ->
                        rendering.AddRedaction(
                            version,
                            $"{asks.Word}: {words}",
                            pick.Near,
                            asks,
                            loader.Case,
                            RedactingWorld.redactedSender pick.Case,
                            RedactingWorld.decide rules loader pick.Case
                        ))

        rendering.Text

    // The first version of each algorithm, the last version of the second one, and versions with other event formats.
    let private resolved = [ Versions.v1; Versions.v2; Versions.v6; Versions.v11; Versions.v12 ]

    /// The results of scenarios with conflicting states, by the literal definition.
    let resolutions () : string =
        let text = StringBuilder()
        let quoted (s: string) = CanonicalJson.text (Json.String s)

        let ids (ids: string seq) =
            Json.Array [| for id in ids -> Json.String id |]

        let cases = [
            for version in resolved do
                for scenario in StateResets.all do
                    let graph, states = StateResets.drawn version scenario
                    let outcome = StateResReference.resolve graph states

                    scenario, version, graph, states, StateResolutionKind.answerOf outcome.Resolved
        ]

        text
            .Append("{\n")
            .Append(" \"about\": ")
            .Append(
                quoted
                    "States that are resolved: rooms in which state was or could have been reset, as the proposal of \
                     state resolution 2.1 and issues of servers tell them. What they resolve to follows the \
                     definition literally; `mx vectors generate` writes this file."
            )
            .Append(",\n \"kind\": \"state-resolution\",\n \"cases\": [\n")
        |> ignore

        cases
        |> List.iteri (fun i (scenario, version, graph, states, answer) ->
            let events = graph.Events.Values |> Seq.sortBy _.OriginServerTs |> List.ofSeq

            text.Append(
                $"  {{\"name\": {quoted scenario.Meaning}, \"version\": {quoted version.Id},\n   \"events\": [\n"
            )
            |> ignore

            events
            |> List.iteri (fun j event ->
                text
                    .Append("    ")
                    .Append(CanonicalJson.text (Json.Object(StateResolutionKind.eventObject event)))
                    .Append(if j = events.Length - 1 then "\n" else ",\n")
                |> ignore)

            let written = Json.Array [| for state in states -> ids (Seq.sort state.Values) |]

            text
                .Append("   ],\n   \"states\": ")
                .Append(CanonicalJson.text written)
                .Append(",\n   \"state\": ")
                .Append(CanonicalJson.text (answer.TryFind "state" |> ValueOption.get))
                .Append(if i = cases.Length - 1 then "}\n" else "},\n")
            |> ignore)

        text.Append(" ]\n}\n").ToString()

    /// Complete PDUs with valid and invalid hashes and signatures, and their verdicts.
    let pdus (ed25519: Ed25519) : string = PduCases.file ed25519
