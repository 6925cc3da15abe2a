namespace Matrix.Cli.Rules

open Argu
open Matrix.Cli.Input
open Matrix.Cli.Output
open Matrix.Cli.Rules.Verify
open Matrix.Properties.SmallWorlds

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
            | Property _ -> "one property, or all whose names begin with NAME and a dot. Default: all."
            | Exhaustive -> "checks every case of the small worlds, and ten times as many random values. Takes minutes."
            | Seed _ -> "the seed for random values. Default: 1."
            | Format _ -> OutputFormat.TextByDefault

module internal VerifyCommand =

    let run (arguments: ParseResults<VerifyArguments>) : Ending =
        let version = arguments.TryGetResult VerifyArguments.Room_Version

        match RoomVersions.wanted version with
        | Error ending -> ending
        | Ok versions ->
            let wanted = arguments.TryGetResult VerifyArguments.Property
            let exhaustive = arguments.Contains VerifyArguments.Exhaustive
            let seed = arguments.GetResult(VerifyArguments.Seed, 1UL)
            let drawn = Lines.drawn wanted versions version.IsNone
            let laws = Lines.laws wanted versions
            let claims = Lines.claims wanted versions

            match wanted with
            | Some name when drawn.IsEmpty && laws.IsEmpty && claims.IsEmpty ->
                let where =
                    match version with
                    | Some version -> $" of version {version}"
                    | None -> ""

                Misused $"--property: there is no property '{name}'{where} (without --property, all are checked)"
            | _ ->
                let ofDrawn = Lines.ofDrawn (if exhaustive then 1000 else 100) seed drawn

                let seen =
                    if laws.IsEmpty then
                        []
                    else
                        Lines.survey exhaustive seed (Worlds.groups versions)

                let judged =
                    if claims.IsEmpty then
                        []
                    else
                        Lines.judge exhaustive seed (Worlds.groups versions)

                let lines = ofDrawn @ Lines.ofSurveys laws seen @ Lines.ofClaims claims judged

                match arguments.GetResult(VerifyArguments.Format, Text) with
                | Text -> Writers.text lines seen exhaustive
                | Json -> Writers.json lines seen
                | Markdown -> Writers.markdown lines

                if lines |> List.exists (fun line -> line.Fault.IsSome || line.IsUnchecked) then
                    Finding
                else
                    Done
