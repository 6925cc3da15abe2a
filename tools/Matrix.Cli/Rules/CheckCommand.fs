namespace Matrix.Cli.Rules

open System
open System.Threading.Tasks
open Argu
open Matrix.Cli.Input
open Matrix.Cli.Input.TableArguments
open Matrix.Cli.Output
open Matrix.Cli.Rules.Check
open Matrix.Cli.Sources
open Matrix.Properties.Claims

type CheckArguments =
    | [<MainCommand; ExactlyOnce>] Version of VERSION: string
    | [<Unique>] Against of OTHER: string
    | [<Unique>] Claims of FILE: string
    | [<Unique>] Watch
    | [<Unique>] Time_Limit of SECONDS: int
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Version _ -> TableArguments.Usage + " In a checkout, 12 is what rules/ says now."
            | Against _ -> "what it is compared with. Default: its parent; for a file, the version that the file names."
            | Claims _ -> "a file with claims of your own, in the form of `mx rules claims VERSION --format json`."
            | Watch -> "checks again after each save of the file, or of rules/. Ctrl-C ends it."
            | Time_Limit _ -> "the time for a run. Default: 120 seconds."
            | Format _ -> OutputFormat.TextByDefault

module internal CheckCommand =

    let private usualLimit = 120

    /// Prints answers as they come, in text; as one report in the end, in other formats.
    [<Sealed>]
    type private Answers(format: OutputFormat) =
        let mutable all: Report = { Facts = []; Tables = [] }
        let mutable hasFinding = false

        /// Takes the next answer.
        member _.Add(answer: Steps.Answer) =
            hasFinding <- hasFinding || answer.IsFinding

            if format = Text then
                Report.print Text answer.Report
                Console.Out.WriteLine()
                Console.Out.Flush()
            else
                all <- {
                    Facts = all.Facts @ answer.Report.Facts
                    Tables = all.Tables @ answer.Report.Tables
                }

        /// Prints what is not yet printed.
        member _.End() : Ending =
            if format <> Text then
                Report.print format all

            if hasFinding then Finding else Done

    let private check (answers: Answers) (subject: Subject) (own: Claim list) : Ending =
        answers.Add(Steps.lint subject)

        if subject.Findings.IsEmpty then
            use line = new Progress()

            let step (name: string) (answer: unit -> Steps.Answer) =
                line.Show name
                let answer = answer ()
                line.Show ""
                answers.Add answer

            let after = subject.Version

            let found =
                match subject.Against with
                | None -> lazy []
                | Some before ->
                    step "changes" (fun () -> Steps.changes before after)
                    lazy (Steps.witnesses before after)

            step "coverage" (fun () -> Steps.coverage subject.Against after)

            match subject.Against with
            | None -> ()
            | Some before -> step "smallest differing cases" (fun () -> Steps.cases before after found.Value)

            let before = Option.defaultValue after subject.Against

            step "claims" (fun () ->
                Steps.claims own before after found.Value (fun world -> line.Show $"claims: {world}"))

        answers.End()

    /// Files with claims are read before anything else: a mistake there need not wait for a compiler.
    let private ownClaims (file: string option) : Result<Claim list, Ending> =
        match file with
        | None -> Ok []
        | Some file -> ClaimFiles.read file

    let private once (arguments: ParseResults<CheckArguments>) (answers: Answers) : Ending =
        let subject () =
            Subject.find (arguments.GetResult CheckArguments.Version) (arguments.TryGetResult CheckArguments.Against)

        match ownClaims (arguments.TryGetResult CheckArguments.Claims) with
        | Error ending -> ending
        | Ok own ->
            match subject () with
            | Error ending -> ending
            | Ok subject when not own.IsEmpty && (Claims.about subject.Version.Version own).IsEmpty ->
                Misused $"--claims: no claim in it is about version {subject.Version.Name}: see since and until"
            | Ok subject -> check answers subject own

    /// One run, which ends with its limit: what was found until then is printed.
    let private bounded (arguments: ParseResults<CheckArguments>) (limit: TimeSpan) : Ending =
        let answers = Answers(arguments.GetResult(CheckArguments.Format, Text))
        let run = Task.Run<Ending>(fun () -> once arguments answers)

        if run.Wait limit then
            run.Result
        else
            answers.End() |> ignore
            Refused $"not finished in {limit.TotalSeconds} seconds (--time-limit): what is missing was not checked"

    let private watched (version: string) (claims: string option) : Result<Watch.Watched list, Ending> =
        let more = claims |> Option.map Watch.File |> Option.toList

        if isFile version then
            Reading.file version |> Result.map (fun _ -> Watch.File version :: more)
        elif version.Contains ':' then
            Error(Misused "--watch: a version of a revision does not change")
        else
            Checkout.find ()
            |> Result.map (fun root -> Watch.Rules root :: more)
            |> Result.mapError SourceFault.ending

    let run (arguments: ParseResults<CheckArguments>) : Ending =
        let seconds = arguments.GetResult(CheckArguments.Time_Limit, usualLimit)
        let limit = TimeSpan.FromSeconds(float seconds)
        let version = arguments.GetResult CheckArguments.Version

        if seconds < 1 then
            Misused "--time-limit: expected a second at least"
        elif arguments.Contains Watch then
            let optional name (value: string option) =
                match value with
                | Some value -> [ name; value ]
                | None -> []

            let against = arguments.TryGetResult CheckArguments.Against
            let claims = arguments.TryGetResult CheckArguments.Claims

            match watched version claims with
            | Error ending -> ending
            | Ok watched ->
                Watch.run
                    watched
                    limit
                    ([ "rules"; "check"; version; "--time-limit"; string seconds ]
                     @ optional "--against" against
                     @ optional "--claims" claims
                     @ [
                         "--format"
                         (string (arguments.GetResult(CheckArguments.Format, Text))).ToLowerInvariant()
                     ])
        else
            bounded arguments limit
