/// The output formats of `mx rules verify`.
module internal Matrix.Cli.Rules.Verify.Writers

open System
open Matrix.Cli.Output
open Matrix.Cli.Rules.Verify.Lines
open Matrix.Properties
open Matrix.Properties.SmallWorlds
open Matrix.Rules

let private spans (versions: string list) : string =
    match versions with
    | [] -> "-"
    | _ when versions.Length = Versions.all.Length -> "all"
    | _ -> String.concat ", " versions

/// Writes text.
let text (lines: Line list) (seen: Seen list) (exhaustive: bool) =
    let width = lines |> List.map _.Name.Length |> List.max

    for line in lines do
        let mark =
            if line.Fault.IsSome then Terminal.red "FAILED    "
            elif line.IsUnchecked then Terminal.yellow "unchecked "
            elif line.CanHappen.IsSome then Terminal.yellow "can happen"
            else Terminal.green "ok        "

        let rare = if line.Met < line.Asked then $" of {line.Asked}" else ""

        Console.Out.WriteLine
            $"{mark}  {line.Name.PadRight width}  {line.Met, 12}{rare}  versions {spans line.Versions}"

        if line.IsUnchecked && line.Fault.IsNone then
            Console.Out.WriteLine $"        {line.Meaning}"

            Console.Out.WriteLine
                $"        In some version, fewer than {Checking.enough} of the drawn values met its premise."

        match line.Fault with
        | Some fault ->
            Console.Out.WriteLine $"        {line.Meaning}"

            for l in fault.Split '\n' do
                Console.Out.WriteLine $"        {l}"
        | None -> ()

        match line.CanHappen with
        | Some witness when line.Fault.IsNone ->
            Console.Out.WriteLine(Terminal.faint $"        {line.Meaning}")
            Console.Out.WriteLine(Terminal.faint $"            {witness}")
        | _ -> ()

        for e in line.Exceptions do
            Console.Out.WriteLine(Terminal.faint $"        except {e.Name} (versions {spans e.Versions}): {e.Why}")

            Console.Out.WriteLine(Terminal.faint $"            {e.Witness}")

    if not seen.IsEmpty then
        Console.Out.WriteLine()

        for s in seen do
            let versions = String.concat ", " s.Ids
            let sum (of': WorldCount -> int64) = s.Surveyed.Run.Worlds |> Seq.sumBy of'

            let counted =
                if exhaustive then
                    $"{sum _.Counted} after the reduction, all decided by both evaluators"
                else
                    $"{sum _.Decided} drawn and decided by both evaluators"

            Console.Out.WriteLine $"small worlds, versions {versions}: {sum _.Raw} cases, {counted}"

/// Writes JSON.
let json (lines: Line list) (seen: Seen list) =
    Printing.json (fun json ->
        Printing.listOf json "properties" lines (fun line ->
            json.WriteStartObject()
            json.WriteString("name", line.Name)
            json.WriteString("meaning", line.Meaning)
            Printing.texts json "versions" line.Versions
            json.WriteNumber("asked", line.Asked)
            json.WriteNumber("met", line.Met)
            json.WriteBoolean("checked", not line.IsUnchecked)
            json.WriteBoolean("holds", line.Fault.IsNone)
            Printing.textOrNull json "fault" (line.Fault |> Option.defaultValue "")
            json.WriteBoolean("can_happen", line.CanHappen.IsSome)
            Printing.textOrNull json "smallest" (line.CanHappen |> Option.defaultValue "")

            Printing.listOf json "exceptions" line.Exceptions (fun e ->
                json.WriteStartObject()
                json.WriteString("name", e.Name)
                json.WriteString("why", e.Why)
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
                    for w in s.Surveyed.Run.Worlds -> s, w
            ]
            (fun (s, w) ->
                json.WriteStartObject()
                Printing.texts json "versions" s.Ids
                json.WriteString("world", w.Name)
                json.WriteNumber("raw", w.Raw)

                if w.Counted = 0L then
                    json.WriteNull "counted"
                else
                    json.WriteNumber("counted", w.Counted)

                json.WriteNumber("decided", w.Decided)
                json.WriteEndObject()))

/// Writes Markdown.
let markdown (lines: Line list) =
    let rows = [
        for line in lines ->
            let outcome =
                if line.Fault.IsSome then "**fails**"
                elif line.IsUnchecked then "not checked"
                elif line.CanHappen.IsSome then "can happen"
                else "holds"

            $"| `{line.Name}` | {line.Meaning} | {spans line.Versions} | {line.Met} | {outcome} |"
    ]

    let exceptions = [
        for line in lines do
            for e in line.Exceptions -> $"| `{line.Name}` | `{e.Name}` | {e.Why} | {spans e.Versions} | {e.Witness} |"
    ]

    Printing.plain (
        [
            "| Property | Meaning | Versions | Checked | |"
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
