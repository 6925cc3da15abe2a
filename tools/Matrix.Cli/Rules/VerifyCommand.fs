namespace Matrix.Cli.Rules

open System
open System.Threading
open System.Threading.Tasks
open Argu
open Matrix.Cli
open Matrix.Cli.Output
open Matrix.Properties
open Matrix.Properties.Properties
open Matrix.Properties.SmallWorlds
open Matrix.Rules

type VerifyArguments =
    | [<Unique>] Room_Version of V: string
    | [<Unique>] Property of NAME: string
    | [<Unique>] Exhaustive
    | [<Unique>] Seed of N: uint64
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Room_Version _ -> RoomVersions.OneOfAll
            | Property _ -> "one property, or all whose names begin with this and a dot."
            | Exhaustive -> "every case of the small worlds, and ten times as many drawn values: minutes, on all cores."
            | Seed _ -> "what values are drawn with; 1 unless said."
            | Format _ -> "how the answer is written; text unless said."

module internal VerifyCommand =

    /// An exception of an invariant, in the versions that have it.
    type private Excepted = {
        Exemption: Exemption
        Versions: string list
        Count: int64
        Witness: string
    }

    /// What became of a property.
    type private Line = {
        Name: string
        Meaning: string
        Versions: string list
        Asked: int64
        Fault: string option
        Exceptions: Excepted list
    }

    /// The name of a version's property without the version.
    let private baseName (version: RoomVersion option) (property: Property) : string =
        match version with
        | Some version when property.Name.EndsWith("." + version.Id, StringComparison.Ordinal) ->
            property.Name.Substring(0, property.Name.Length - version.Id.Length - 1)
        | _ -> property.Name

    let private drawn (wanted: string option) (versions: RoomVersion list) (alone: bool) =
        [
            if alone then
                for p in AllProperties.ofNoVersion -> None, p

            for version in versions do
                for p in AllProperties.ofVersion version -> Some version, p
        ]
        |> List.filter (fun (version, p) ->
            RoomVersions.isMeant wanted (baseName version p)
            || RoomVersions.isMeant wanted p.Name)

    let private checkDrawn (tests: int) (seed: uint64) (properties: (RoomVersion option * Property) list) : Line list =
        let properties = Array.ofList properties
        let results: Checked[] = Array.zeroCreate properties.Length
        let mutable finished = 0
        use progress = new Progress()

        Parallel.For(
            0,
            properties.Length,
            fun i ->
                results[i] <- Checking.run tests seed (snd properties[i])
                let done' = Interlocked.Increment &finished
                progress.Show $"properties of drawn values: {done'} of {properties.Length}"
        )
        |> ignore

        Array.zip properties results
        |> Array.groupBy (fun ((version, p), _) -> baseName version p)
        |> Array.map (fun (name, all) -> {
            Name = name
            Meaning = (snd (fst all[0])).Meaning
            Versions = [
                for (version, _), _ in all do
                    match version with
                    | Some version -> version.Id
                    | None -> ()
            ]
            Asked = all |> Array.sumBy (fun (_, r) -> int64 r.Tests)
            Fault = all |> Array.tryPick (fun (_, r) -> r.Fault)
            Exceptions = []
        })
        |> List.ofArray

    /// What was seen of a group of versions that authorization cannot tell apart.
    type private Seen = {
        Group: RoomVersion list
        Lightest: Survey
        Run: Survey
    }

    let private survey (exhaustive: bool) (seed: uint64) (groups: RoomVersion list list) : Seen list = [
        use progress = new Progress()

        for group in groups do
            let version = List.head group
            let ids = group |> List.map _.Id |> String.concat ", "
            progress.Show $"version {ids}: the lightest cases"
            let lightest = Survey.lightest version Worlds.all 12

            let run =
                if exhaustive then
                    Survey.run version Worlds.all 1L Environment.ProcessorCount (fun world ->
                        progress.Show $"version {ids}: {world.Name}, {world.Decided} decisions")
                else
                    progress.Show $"version {ids}: drawn cases"
                    Survey.sample version Worlds.all 10_000 seed

            {
                Group = group
                Lightest = lightest
                Run = run
            }
    ]

    let private ids (seen: Seen) = seen.Group |> List.map _.Id

    let private ofSurveys (wanted: string option) (seen: Seen list) : Line list =
        let line name meaning asked (fault: Seen -> string option) = {
            Name = name
            Meaning = meaning
            Versions = seen |> List.collect ids
            Asked = asked
            Fault =
                seen
                |> List.tryPick (fun s ->
                    let versions = s |> ids |> String.concat ", "
                    fault s |> Option.map (fun fault -> $"version {versions}: {fault}"))
            Exceptions = []
        }

        let decided (s: Seen) = s.Run.Worlds |> Seq.sumBy _.Decided

        let worldly = [
            line
                "auth.evaluators-agree-on-small-worlds"
                "The evaluator that the host runs decides the cases of small worlds as the literal one does, by the same clause and with the \
                 same failure."
                (seen |> List.sumBy decided)
                (fun s ->
                    s.Run.Disagreements.Lightest
                    |> Option.map (fun w -> "they disagree on\n" + SmallWorldProperties.showWitness s.Run.Version w))
            line
                "worlds.every-clause-decides"
                "Every clause of a version decides a case of a small world, with every outcome that it has."
                (seen |> List.sumBy (fun s -> int64 s.Run.Clauses.Count))
                (fun s ->
                    Survey.undecided s.Lightest
                    |> List.tryHead
                    |> Option.map (fun (clause, accepting) ->
                        let outcome = if accepting then "accepted" else "rejected"
                        $"nothing is {outcome} by {clause}"))
        ]

        let invariants = [
            for i in Invariants.all do
                let here = seen |> List.filter (fun s -> i.In s.Run.Version)

                let find (survey: Survey) =
                    survey.Findings |> List.find (fun f -> f.Invariant.Name = i.Name)

                if not here.IsEmpty then
                    let fault (s: Seen) =
                        let version = s.Run.Version

                        match SmallWorldProperties.fault version (find s.Lightest), (find s.Run).Broken.Lightest with
                        | Some fault, _ -> Some fault
                        | None, Some w -> Some("does not hold of\n" + SmallWorldProperties.showWitness version w)
                        | None, None when (find s.Lightest).Applied.Count = 0L -> Some "no decision is one that it is about"
                        | None, None -> None

                    {
                        Name = i.Name
                        Meaning = i.Meaning
                        Versions = here |> List.collect ids
                        Asked =
                            here
                            |> List.sumBy (fun s -> (find s.Run).Applied.Count + (find s.Lightest).Applied.Count)
                        Fault =
                            here
                            |> List.tryPick (fun s ->
                                let versions = s |> ids |> String.concat ", "
                                fault s |> Option.map (fun fault -> $"version {versions}: {fault}"))
                        Exceptions = [
                            for e in i.Exceptions do
                                let having = here |> List.filter (fun s -> e.In s.Run.Version)

                                let sightings (survey: Survey) =
                                    (find survey).Excepted |> List.find (fun (x, _) -> x.Name = e.Name) |> snd

                                match having with
                                | [] -> ()
                                | newest ->
                                    let shown = List.last newest

                                    {
                                        Exemption = e
                                        Versions = having |> List.collect ids
                                        Count =
                                            having
                                            |> List.sumBy (fun s -> (sightings s.Run).Count + (sightings s.Lightest).Count)
                                        Witness =
                                            match (sightings shown.Lightest).Lightest with
                                            | Some w -> SmallWorldProperties.nameWitness w
                                            | None -> ""
                                    }
                        ]
                    }
        ]

        worldly @ invariants
        |> List.filter (fun line -> RoomVersions.isMeant wanted line.Name)

    let private spans (versions: string list) : string =
        match versions with
        | [] -> "-"
        | _ when versions.Length = Versions.all.Length -> "all"
        | _ -> String.concat ", " versions

    let private writeText (lines: Line list) (seen: Seen list) (exhaustive: bool) =
        let width = lines |> List.map _.Name.Length |> List.max

        for line in lines do
            let mark =
                if line.Fault.IsSome then
                    Terminal.red "FAILED"
                else
                    Terminal.green "ok    "

            Console.Out.WriteLine $"{mark}  {line.Name.PadRight width}  {line.Asked, 12}  versions {spans line.Versions}"

            match line.Fault with
            | Some fault ->
                Console.Out.WriteLine $"        {line.Meaning}"

                for l in fault.Split '\n' do
                    Console.Out.WriteLine $"        {l}"
            | None -> ()

            for e in line.Exceptions do
                Console.Out.WriteLine(
                    Terminal.faint $"        except {e.Exemption.Name} (versions {spans e.Versions}): {e.Exemption.Why}"
                )

                Console.Out.WriteLine(Terminal.faint $"            {e.Witness}")

        if not seen.IsEmpty then
            Console.Out.WriteLine()

            for s in seen do
                let versions = s |> ids |> String.concat ", "
                let sum (of': WorldCount -> int64) = s.Run.Worlds |> Seq.sumBy of'

                let counted =
                    if exhaustive then
                        $"{sum _.Counted} after the reduction, all decided by both evaluators"
                    else
                        $"{sum _.Decided} drawn and decided by both evaluators"

                Console.Out.WriteLine $"small worlds, versions {versions}: {sum _.Raw} cases, {counted}"

    let private writeJson (lines: Line list) (seen: Seen list) =
        Printing.json (fun json ->
            Printing.listOf json "properties" lines (fun line ->
                json.WriteStartObject()
                json.WriteString("name", line.Name)
                json.WriteString("meaning", line.Meaning)
                Printing.texts json "versions" line.Versions
                json.WriteNumber("asked", line.Asked)
                json.WriteBoolean("holds", line.Fault.IsNone)
                Printing.textOrNull json "fault" (line.Fault |> Option.defaultValue "")

                Printing.listOf json "exceptions" line.Exceptions (fun e ->
                    json.WriteStartObject()
                    json.WriteString("name", e.Exemption.Name)
                    json.WriteString("why", e.Exemption.Why)
                    Printing.texts json "versions" e.Versions
                    json.WriteNumber("count", e.Count)
                    json.WriteString("smallest", e.Witness)
                    json.WriteEndObject())

                json.WriteEndObject())

            Printing.listOf
                json
                "worlds"
                [
                    for s in seen do
                        for w in s.Run.Worlds -> s, w
                ]
                (fun (s, w) ->
                    json.WriteStartObject()
                    Printing.texts json "versions" (ids s)
                    json.WriteString("world", w.Name)
                    json.WriteNumber("raw", w.Raw)

                    if w.Counted = 0L then
                        json.WriteNull "counted"
                    else
                        json.WriteNumber("counted", w.Counted)

                    json.WriteNumber("decided", w.Decided)
                    json.WriteEndObject()))

    let private writeMarkdown (lines: Line list) =
        let rows = [
            for line in lines ->
                let outcome = if line.Fault.IsSome then "**fails**" else "holds"
                $"| `{line.Name}` | {line.Meaning} | {spans line.Versions} | {line.Asked} | {outcome} |"
        ]

        let exceptions = [
            for line in lines do
                for e in line.Exceptions ->
                    $"| `{line.Name}` | `{e.Exemption.Name}` | {e.Exemption.Why} | {spans e.Versions} | {e.Witness} |"
        ]

        Printing.plain (
            [
                "| Property | Meaning | Versions | Asked | |"
                "| --- | --- | --- | --- | --- |"
            ]
            @ rows
            @ [
                ""
                "| Property | Exception | Why | Versions | Smallest case |"
                "| --- | --- | --- | --- | --- |"
            ]
            @ exceptions
        )

    let run (arguments: ParseResults<VerifyArguments>) : Ending =
        match RoomVersions.wanted (arguments.TryGetResult VerifyArguments.Room_Version) with
        | Error ending -> ending
        | Ok versions ->
            let wanted = arguments.TryGetResult VerifyArguments.Property
            let exhaustive = arguments.Contains VerifyArguments.Exhaustive
            let seed = arguments.GetResult(VerifyArguments.Seed, 1UL)
            let alone = not (arguments.Contains VerifyArguments.Room_Version)
            let toDraw = drawn wanted versions alone

            let surveyed =
                wanted.IsNone
                || not
                    (ofSurveys
                        wanted
                        (SmallWorldProperties.nothing Versions.v12
                         |> fun s -> [
                             {
                                 Group = versions
                                 Lightest = s
                                 Run = s
                             }
                         ]))
                        .IsEmpty

            if toDraw.IsEmpty && not surveyed then
                Misused $"--property: there is no property '{Option.get wanted}' (without it, all are listed)"
            else
                let drawn = checkDrawn (if exhaustive then 1000 else 100) seed toDraw

                let seen =
                    if surveyed then
                        survey exhaustive seed (Worlds.groups versions)
                    else
                        []

                let lines = drawn @ ofSurveys wanted seen

                match arguments.GetResult(VerifyArguments.Format, Text) with
                | Text -> writeText lines seen exhaustive
                | Json -> writeJson lines seen
                | Markdown -> writeMarkdown lines

                if lines |> List.exists _.Fault.IsSome then
                    Finding
                else
                    Done
