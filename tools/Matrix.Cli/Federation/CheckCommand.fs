namespace Matrix.Cli.Federation

open System
open System.IO
open System.Threading
open Argu
open Matrix.Cli.Config
open Matrix.Cli.Output
open Matrix.Host.Network.Checking

type FederationCheckArguments =
    | [<MainCommand; ExactlyOnce>] Server of SERVER: string
    | [<Unique>] Config of FILE: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Server _ -> "the server's name, as in its users' ids. This server's own name is allowed."
            | Config _ -> "the server's configuration. Default: MATRIX_CONFIG, or homeserver.yaml in the data folder."
            | Format _ -> OutputFormat.TextByDefault

/// `mx federation check`: reaches a server step by step.
module internal CheckCommand =

    let private mark (outcome: CheckOutcome) : string =
        match outcome with
        | CheckOutcome.Passed -> Terminal.green "✓"
        | CheckOutcome.Failed -> Terminal.red "✗"
        | _ -> " "

    let private word (outcome: CheckOutcome) : string =
        match outcome with
        | CheckOutcome.Passed -> "passed"
        | CheckOutcome.Failed -> "failed"
        | _ -> "noted"

    let private steps (check: ServerCheck) (server: string) (shown: CheckStep -> unit) =
        task {
            let all = ResizeArray<CheckStep>()
            let reading = check.RunAsync(server, CancellationToken.None).GetAsyncEnumerator()
            let mutable more = true

            while more do
                let! next = reading.MoveNextAsync()
                more <- next

                if next then
                    all.Add reading.Current
                    shown reading.Current

            do! reading.DisposeAsync()
            return List.ofSeq all
        }

    let private show (step: CheckStep) =
        Console.Out.WriteLine(mark step.Outcome + " " + step.Step.PadRight 13 + Ending.printable step.Text)

    let private report (server: string) (steps: CheckStep list) : Report = {
        Facts = [ "server", Word server ]
        Tables = [
            {
                Name = "steps"
                Columns = [ "step"; "outcome"; "text" ]
                Rows = [
                    for step in steps -> [ Word step.Step; Word(word step.Outcome); Word step.Text ]
                ]
            }
        ]
    }

    let run (arguments: ParseResults<FederationCheckArguments>) : Ending =
        let server = arguments.GetResult FederationCheckArguments.Server
        let format = arguments.GetResult(FederationCheckArguments.Format, Text)

        match LoadedConfig.load (arguments.TryGetResult FederationCheckArguments.Config) with
        | Error ending -> ending
        | Ok settings ->
            match settings.Network with
            | null -> Misused $"{settings.File}: expected a configuration without mistakes"
            | options ->
                try
                    use check = new ServerCheck(options, TimeProvider.System)
                    let shown = if format = Text then show else ignore
                    let found = (steps check server shown).GetAwaiter().GetResult()

                    if format <> Text then
                        Report.print format (report server found)

                    if found |> List.exists (fun step -> step.Outcome = CheckOutcome.Failed) then
                        Finding
                    else
                        Done
                with :? InvalidDataException as fault ->
                    Misused fault.Message
