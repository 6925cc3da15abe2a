namespace Matrix.Cli.Rules

open Argu
open Matrix.Cli.Input
open Matrix.Cli.Output
open Matrix.Properties.Claims
open Matrix.Rules
open Matrix.Rules.Printing

type ClaimsArguments =
    | [<MainCommand; Unique>] Version of VERSION: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Version _ -> "a room version. Default: the claims about every version of the specification."
            | Format _ -> OutputFormat.TextByDefault

module internal ClaimsCommand =

    let private asText (claims: Claim list) : PrintedLine list = [
        let line style text : PrintedLine = { Style = style; Text = text }

        let wrapped (label: string) style (text: string) =
            Prose.wrap 100 text
            |> List.mapi (fun i part ->
                line style ("  " + (if i = 0 then label.PadRight 10 else String.replicate 10 " ") + part))

        for claim in claims do
            line Style.Heading $"{claim.Name}  [versions {ClaimText.span claim.Since claim.Until}]"

            yield!
                Prose.wrap 110 claim.Sentence
                |> List.map (fun part -> line Style.Plain ("  " + part))

            line Style.Detail $"  {claim.Reason} {claim.Section}"
            yield! wrapped "if" Style.Detail (ClaimText.statement claim.When)
            yield! wrapped "then" Style.Detail (ClaimText.statement claim.Then)

            for e in claim.Exceptions do
                yield! wrapped "except" Style.Plain $"{e.Name} (versions {ClaimText.span e.Since e.Until}): {e.Why}"

                yield! wrapped "" Style.Detail ("if " + ClaimText.statement e.Is)

            line Style.Plain ""

        line Style.Plain $"{claims.Length} claims"
    ]

    let private asMarkdown (claims: Claim list) : string list =
        let cell (text: string) =
            text.Replace("|", "\\|").Replace("_", "\\_")

        [
            "| Claim | Says | Versions | Where | Why |"
            "| --- | --- | --- | --- | --- |"
            for claim in claims do
                $"| `{claim.Name}` | {cell claim.Sentence} | {ClaimText.span claim.Since claim.Until} \
                  | {cell claim.Section} | {cell claim.Reason} |"
            ""
            "| Claim | Exception | Why | Versions |"
            "| --- | --- | --- | --- |"
            for claim in claims do
                for e in claim.Exceptions do
                    $"| `{claim.Name}` | `{e.Name}` | {cell e.Why} | {ClaimText.span e.Since e.Until} |"
        ]

    let run (arguments: ParseResults<ClaimsArguments>) : Ending =
        let claims =
            match arguments.TryGetResult ClaimsArguments.Version with
            | None -> Ok Claims.all
            | Some id -> RoomVersions.find id |> Result.map Claims.of'

        match claims with
        | Error ending -> ending
        | Ok claims ->
            match arguments.GetResult(ClaimsArguments.Format, Text) with
            | Text -> Printing.lines (asText claims)
            | Json -> Printing.value (ClaimJson.write claims)
            | Markdown -> Printing.plain (asMarkdown claims)

            Done
