namespace Matrix.Cli.Rules

open Argu
open Matrix.Cli.Input
open Matrix.Cli.Output
open Matrix.Cli.Rules.Verify
open Matrix.Properties
open Matrix.Properties.Claims
open Matrix.Properties.Properties
open Matrix.Properties.SmallWorlds
open Matrix.Rules

type VerifyArguments =
    | [<Unique>] Room_Version of V: string
    | [<Unique>] Property of NAME: string
    | [<Unique>] Claims of FILE: string
    | [<Unique>] Exhaustive
    | [<Unique>] Seed of N: uint64
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Room_Version _ -> RoomVersions.OneOfAll
            | Property _ -> "one property, or all whose names begin with NAME and a dot. Default: all."
            | Claims _ -> ClaimFiles.Usage
            | Exhaustive -> "checks every case of the small worlds, and ten times as many random values. Takes minutes."
            | Seed _ -> "the seed for random values. Default: 1."
            | Format _ -> OutputFormat.TextByDefault

module internal VerifyCommand =

    /// Each property of drawn values is checked with so many, and ten times as many in an exhaustive run.
    let private drawnValues, private drawnForOwn = 100, 300

    /// What is asked: properties of drawn values with the number of these, invariants, and claims.
    type private Asked = {
        Drawn: (RoomVersion option * Property) list
        Values: int
        Laws: DecisionLaw list
        Judging: ClaimLines.Judging
    }

    let private everything (wanted: string option) (versions: RoomVersion list) (alone: bool) : Asked = {
        Drawn = Lines.drawn wanted versions alone
        Values = drawnValues
        Laws = Lines.laws wanted versions
        Judging = ClaimLines.claims wanted versions
    }

    let private ofOwn (wanted: string option) (versions: RoomVersion list) (own: Claim list) : Asked = {
        Drawn = ClaimLines.ownDrawn wanted versions own
        Values = drawnForOwn
        Laws = []
        Judging = ClaimLines.ownClaims wanted versions own
    }

    let private ask
        (asked: Asked)
        (exhaustive: bool)
        (seed: uint64)
        (versions: RoomVersion list)
        : Lines.Line list * Lines.Seen list =
        let ofDrawn =
            Lines.ofDrawn (if exhaustive then 10 * asked.Values else asked.Values) seed asked.Drawn

        let seen =
            if asked.Laws.IsEmpty then
                []
            else
                Lines.survey exhaustive seed (Worlds.groups versions)

        let judged =
            if asked.Judging.Laws.IsEmpty then
                []
            else
                ClaimLines.judge exhaustive seed asked.Judging (Worlds.groups versions)

        ofDrawn
        @ Lines.ofSurveys asked.Laws seen
        @ ClaimLines.ofClaims asked.Judging.Laws judged,
        seen

    let run (arguments: ParseResults<VerifyArguments>) : Ending =
        let version = arguments.TryGetResult VerifyArguments.Room_Version

        let read (versions: RoomVersion list) : Result<RoomVersion list * Claim list option, Ending> =
            match arguments.TryGetResult VerifyArguments.Claims with
            | None -> Ok(versions, None)
            | Some file -> ClaimFiles.readAbout versions file |> Result.map (fun own -> versions, Some own)

        match RoomVersions.wanted version |> Result.bind read with
        | Error ending -> ending
        | Ok(versions, own) ->
            let wanted = arguments.TryGetResult VerifyArguments.Property
            let exhaustive = arguments.Contains VerifyArguments.Exhaustive

            let asked =
                match own with
                | Some own -> ofOwn wanted versions own
                | None -> everything wanted versions version.IsNone

            match wanted with
            | Some name when asked.Drawn.IsEmpty && asked.Laws.IsEmpty && asked.Judging.Laws.IsEmpty ->
                let where =
                    match version with
                    | Some version -> $" of version {version}"
                    | None -> ""

                Misused $"--property: there is no property '{name}'{where} (without --property, all are checked)"
            | _ ->
                let lines, seen =
                    ask asked exhaustive (arguments.GetResult(VerifyArguments.Seed, 1UL)) versions

                // Drawn values know nothing of somebody's own claims. The small worlds vary what these read, and a
                // claim that meets no case there has a fault.
                let lines = [
                    for line in lines ->
                        {
                            line with
                                IsUnchecked = line.IsUnchecked && own.IsNone
                        }
                ]

                match arguments.GetResult(VerifyArguments.Format, Text) with
                | Text -> Writers.text lines seen exhaustive
                | Json -> Writers.json lines seen
                | Markdown -> Writers.markdown lines

                if lines |> List.exists (fun line -> line.Fault.IsSome || line.IsUnchecked) then
                    Finding
                else
                    Done
