/// Tables of rules with one thing changed: a vector distinguishes each from its version, or it is listed as equivalent.
module Matrix.Core.Tests.MutationTests

open System
open System.IO
open Expecto
open Matrix.Testing
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Properties.Mutation
open Matrix.Properties.Reference
open Matrix.Properties.Reference.Authorization
open Matrix.Properties.SmallWorlds
open Matrix.Properties.Vectors
open Matrix.Properties.Vectors.Generation
open Matrix.Rules

let private files =
    lazy
        (VectorFiles.ofKinds [ "authorization"; "power-level"; "redaction"; "redaction-handling" ]
         |> Array.map (fun file -> file, VectorFiles.parse file)
         |> List.ofArray)

let private without (names: string list) =
    files.Value |> List.filter (fun (name, _) -> not (List.contains name names))

let private plan (files: (string * VectorFile) list) : MutationPlan = {
    Files = files
    IsGenerated = GeneratedVectors.isGenerated
    Worlds = []
    Search = Search.Vectors
    // State resolution has tests of its own.
    Subjects = Subject.All |> List.except [ Subject.StateResolution ]
    Rooms = 0
    IsWanted = fun _ -> true
    Equivalents = Equivalents.all
}

let private fates files versions =
    Mutation.run (plan files) ignore versions

let private all = lazy (fates files.Value Versions.all)

/// The results for the mutants of one rule of a version, by mutation, with this list of equivalents.
let private ofRule
    (rule: string)
    (version: RoomVersion)
    (search: Search)
    (listed: Equivalent list)
    : Map<string, Fate> =
    Mutation.run
        {
            plan files.Value with
                Search = search
                IsWanted = (=) rule
                Equivalents = listed
        }
        ignore
        [ version ]
    |> List.map (fun f -> f.Mutation, f)
    |> Map.ofList

let private listing (rule: string) (subject: Subject) (mutation: string) : Equivalent = {
    Subject = subject
    Rule = rule
    Mutations = [ mutation ]
    Versions = []
    Reason = "it was said so"
}

/// The deciding rules with each outcome, by version.
let private deciding: (string * string * bool) list = [
    for version in Versions.all do
        for rule in Rule.all version.Authorization do
            for allows in Rule.verdicts rule do
                version.Id, Rule.name rule, allows
]

/// The ids of mutants that these vectors do not distinguish, for versions with the same authorization.
let private survivors (files: (string * VectorFile) list) (group: RoomVersion list) : Set<string> =
    fates files [ group.Head ]
    |> List.filter (fun f -> f.Status = Status.Survived)
    |> List.map _.Id
    |> set

let tests =
    testList "MutationTests" [
        test "The vectors distinguish every mutant that is not listed as equivalent" {
            let findings =
                all.Value
                |> List.filter _.IsFinding
                |> List.map (fun f -> $"{f.Status} {f.Versions} {f.Id}: {f.By}")

            Expect.isEmpty findings "findings"
            Expect.isGreaterThan all.Value.Length 5000 "number of all"
        }

        test "The checks that distinguish a mutant are reported by origin" {
            let isVector origin =
                origin = Origin.HandwrittenVector || origin = Origin.GeneratedVector

            for fate in all.Value do
                let isDistinguished = fate.Origins |> List.exists isVector
                Expect.equal isDistinguished (fate.Status = Status.Killed) fate.Id

            let besideGenerated (version: string) (id: string) =
                all.Value
                |> List.find (fun f -> f.Id = $"authorization/{id}" && List.contains version f.Versions)
                |> _.Origins
                |> List.except [ Origin.GeneratedVector ]

            // Rules of some versions only; then one thing inside a condition, which the outline does not show.
            for version, id, expected in
                [
                    "5", "aliases.server: dropped", [ Origin.HandwrittenVector; Origin.Outline ]
                    "9", "power-levels.users: dropped", [ Origin.HandwrittenVector; Origin.Outline ]
                    "12", "power-levels.first: dropped", [ Origin.HandwrittenVector; Origin.Outline ]
                    "2",
                    "redaction.power: Below for AtLeast, in Compare (Of Sender, AtLeast, Level Redact)",
                    [ Origin.HandwrittenVector ]
                ] do
                Expect.equal (besideGenerated version id) expected id
        }

        test "The vectors of an unstable version and of its parent distinguish every mutant of it" {
            for version in Versions.unstable do
                let findings =
                    fates files.Value [ version ]
                    |> List.filter _.IsFinding
                    |> List.map (fun f -> $"{f.Status} {f.Id}: {f.By}")

                Expect.isEmpty findings version.Id
        }

        testTheory "A mutant that is listed as equivalent and is distinguished is a finding" [
            "member.join.banned", "dropped"
            "redaction.applied.same-server", "dropped"
            "m.room.power_levels", "drops ban"
        ]
        <| fun (rule, mutation) ->
            let subject =
                if rule.StartsWith "m.room" then Subject.Redaction
                elif rule.StartsWith "redaction" then Subject.Handling
                else Subject.Authorization

            let right = ofRule rule Versions.v12 Search.Vectors Equivalents.all
            Expect.equal right[mutation].Status Status.Killed "status"

            let wrong =
                ofRule rule Versions.v12 Search.Vectors (listing rule subject mutation :: Equivalents.all)

            Expect.equal wrong[mutation].Status Status.WronglyListed "status"
            Expect.isTrue wrong[mutation].IsFinding "is finding"
            Expect.stringStarts wrong[mutation].By "vector " "by"

        testTheory "A mutant that nothing distinguishes and that is not listed is a finding" [
            "member.join.banned", "after the next"
            "redaction.applied.power", "after the next"
            "top-level", "drops content"
        ]
        <| fun (rule, mutation) ->
            for search in [ Search.Vectors; Search.Worlds 1L ] do
                // Other tests walk through the worlds of authorization.
                let listed = ofRule rule Versions.v12 search Equivalents.all
                Expect.equal listed[mutation].Status Status.Equivalent "status"

                let unlisted =
                    ofRule rule Versions.v12 search (Equivalents.all |> List.filter (fun e -> e.Rule <> rule))

                Expect.equal unlisted[mutation].Status Status.Survived "status"
                Expect.isTrue unlisted[mutation].IsFinding "is finding"

        test "Every listed equivalent is a mutant of each version that it is listed for" {
            Expect.isEmpty (Equivalents.stale Equivalents.all Versions.all) "stale"

            let rotten = [
                listing "member.join.banned" Subject.Authorization "no such mutation"
                listing "no.such.rule" Subject.Authorization "dropped"
                listing "member.join.banned" Subject.Selection "dropped"
                {
                    listing "member.knock" Subject.Authorization "dropped" with
                        Versions = [ "6"; "7" ]
                }
                listing "member.join.banned" Subject.Authorization "dropped"
            ]

            Expect.isTrue
                ((Equivalents.stale rotten Versions.all = [
                    "authorization/member.join.banned: no such mutation"
                    "authorization/no.such.rule: dropped"
                    "selection/member.join.banned: dropped"
                    "authorization/member.knock: dropped (version 6)"
                ]))
                "stale"
        }

        test "Every rule, selection and row of every version has mutants, and no two have the same name" {
            for version in Versions.all do
                let named = Mutants.all version
                let twice = named |> List.countBy _.Id |> List.filter (fun (_, count) -> count > 1)
                Expect.isEmpty twice version.Id

                let changed subject =
                    named |> List.filter (fun m -> m.Subject = subject) |> List.map _.Rule |> set

                let rules = Rule.all version.Authorization |> List.map Rule.name |> set
                Expect.isEmpty (rules - changed Subject.Authorization) version.Id
                Expect.isEmpty ((version.Selections |> List.map _.Name |> set) - changed Subject.Selection) version.Id
                Expect.isEmpty ((version.Redaction.Content.Keys |> set) - changed Subject.Redaction) version.Id
                Expect.contains (changed Subject.Setting) "power-level-values" version.Id

                let handling =
                    version.Handling @ Authorization.Handling.ofClients |> List.map Rule.name |> set

                Expect.isEmpty (handling - changed Subject.Handling) version.Id
        }

        test "A weakened suite lets mutants survive, and reports them" {
            let weak =
                fates (without [ "authorization/clauses.json"; "authorization/mutants.json" ]) [ Versions.v9 ]

            let survivors = weak |> List.filter (fun f -> f.Status = Status.Survived)
            Expect.isGreaterThan survivors.Length 400 "number of survivors"
            Expect.contains (survivors |> List.map _.Id) "authorization/member.join.banned: dropped" "id of survivors"

            // Nothing about redaction remains to distinguish its mutants.
            let blind = fates (without [ "event/redaction.json" ]) [ Versions.v12 ]

            Expect.isTrue
                (blind
                 |> List.filter (fun f -> f.Subject = Subject.Redaction)
                 |> List.forall (fun f -> f.Status <> Status.Killed))
                "blind"
        }

        test "Without vectors found for them, some mutants are distinguished only by a small world: it is reported" {
            let version = Versions.v7

            let inWorlds =
                Mutation.run
                    {
                        plan (
                            without [
                                "authorization/mutants.json"
                                "authorization/clauses.json"
                                "event/redaction.json"
                                "event/redaction-handling.json"
                            ]
                        ) with
                            Worlds = [ JoinWorld.world; MemberWorld.world ]
                            Search = Search.Worlds 97L
                    }
                    ignore
                    [ version ]

            let named =
                inWorlds
                |> List.filter (fun f ->
                    f.Status = Status.Killed
                    && f.By.StartsWith("world \"joins\"", StringComparison.Ordinal))

            Expect.contains (named |> List.map _.Id) "authorization/member.join.banned: dropped" "id of named"

            let by (subject: Subject) (world: string) =
                let ofSubject = inWorlds |> List.filter (fun f -> f.Subject = subject)
                Expect.isEmpty (ofSubject |> List.filter _.IsFinding) "of subject"

                for fate in ofSubject do
                    Expect.stringContains fate.By $"\"{world}\"" "by"

            by Subject.Handling RedactingWorld.world.Name
            by Subject.Redaction RedactedEvents.name
        }

        test "Every rule that decides has a vector for each of its outcomes, in every version" {
            let clauses = VectorFiles.parse GeneratedVectors.ClausesFile

            let shown =
                set [
                    for v in clauses.Vectors do
                        match v.Expected.TryFind "clause", v.Expected.TryFind "allowed" with
                        | ValueSome(Json.String clause), ValueSome(Json.Bool allowed) -> v.Version, clause, allowed
                        | _ -> ()
                ]

            Expect.isEmpty (set deciding - shown) "deciding"
        }

        test "Every rule that handles redactions has a vector in every version and, if it has a condition, a near one" {
            let texts (key: string) (case: JsonObject) =
                match case.TryFind key with
                | ValueSome(Json.Array items) -> [
                    for item in items do
                        match item with
                        | Json.String s -> s
                        | _ -> ()
                  ]
                | _ -> []

            let cases = VectorFiles.casesOf GeneratedVectors.RedactionsFile

            for version in Versions.all do
                for question, table in RedactingWorld.tables version do
                    let here = [
                        for case in cases do
                            if
                                case.Text "asks" = question.Word
                                && List.contains version.Id (texts "versions" case)
                            then
                                string (case.Text "clause"),
                                case.TryFind "allowed" = ValueSome(Json.Bool true),
                                texts "near" case
                    ]

                    for rule in Rule.all table.Handling do
                        let name = Rule.name rule

                        for allows in Rule.verdicts rule do
                            let decided =
                                here
                                |> List.exists (fun (clause, allowed, _) -> clause = name && allowed = allows)

                            Expect.isTrue decided $"{version.Id}, {question.Word}: {name}"

                            if Rule.conditions rule <> [ Condition.Always ] then
                                let beside =
                                    here
                                    |> List.exists (fun (clause, allowed, near) ->
                                        List.contains name near && clause <> name && allowed <> allows)

                                Expect.isTrue beside $"{version.Id}, {question.Word}: beside {name}"
        }

        test "Each vector found for mutants distinguishes one that no other file does, no two are the same question" {
            let kept = VectorFiles.parse GeneratedVectors.MutantsFile
            let others = without [ GeneratedVectors.MutantsFile ]

            let twice =
                kept.Vectors
                |> List.countBy (fun v -> CanonicalJson.text (Json.Object v.Question))
                |> List.filter (fun (_, count) -> count > 1)

            Expect.isEmpty twice "twice"

            let idle = [
                for group in Worlds.groups Versions.all do
                    let version = group.Head
                    let left = survivors others group

                    let mutants =
                        Mutants.ofAuthorization version |> List.filter (fun m -> left.Contains m.Id)

                    for vector in kept.Vectors do
                        if vector.Version = version.Id then
                            let isDistinguished =
                                Mutation.isDistinguished [ "it", { kept with Vectors = [ vector ] } ] version

                            if not (List.exists isDistinguished mutants) then
                                $"{version.Id}: {vector.Place}"
            ]

            Expect.isEmpty idle "idle"
        }

        testTheory "The files of generated vectors are up to date" [
            GeneratedVectors.ClausesFile
            GeneratedVectors.RedactionsFile
            GeneratedVectors.ResolutionsFile
        ]
        <| fun name ->
            let generated =
                if name = GeneratedVectors.ClausesFile then
                    GeneratedVectors.clauses ()
                elif name = GeneratedVectors.ResolutionsFile then
                    GeneratedVectors.resolutions ()
                else
                    GeneratedVectors.redactions ()

            let file = File.ReadAllText(Path.Combine(VectorFiles.folder, name))
            Expect.isTrue (generated = file) "write them anew: mx vectors generate tests/vectors"

        testCase "Both evaluators agree on every redaction in small rooms"
        <| fun () ->
            for group in RedactingWorld.groups Versions.all do
                for _, version in RedactingWorld.tables group.Head do
                    let ground = Ground(RedactingWorld.world, version)
                    let loader = CaseLoader ground
                    let mutable differing = 0

                    Enumeration.run RedactingWorld.world [ version ] (Enumeration.slice 23L) (fun case ->
                        loader.Load case

                        let literally =
                            AuthReference.askOfRedaction
                                version.Handling
                                (AuthReference.inputOf loader.Case)
                                (RedactingWorld.redactedSender case)

                        if RedactingWorld.decide ground.Rules loader case <> literally then
                            differing <- differing + 1)
                    |> ignore

                    Expect.equal differing 0 version.Id

        test "Redaction of every event in its world agrees with the literal redaction" {
            Expect.isGreaterThan RedactedEvents.all.Value.Length 100_000 "number of all"

            for version in Versions.all |> List.distinctBy _.Redaction do
                let redactor = Redactor version.Redaction

                let differing =
                    RedactedEvents.all.Value
                    |> Array.filter (fun event -> redactor.Redact event <> LiteralEvent.redact version.Redaction event)

                Expect.isEmpty (differing |> Array.truncate 3) version.Id
        }
    ]
