namespace Matrix.Cli

open System
open System.IO
open Argu
open Matrix.Cli.Output
open Matrix.Cli.Config
open Matrix.Cli.Db
open Matrix.Cli.Rules
open Matrix.Cli.Simulate
open Matrix.Cli.Events
open Matrix.Cli.State
open Matrix.Cli.Users
open Matrix.Cli.Vectors

[<RequireSubcommand>]
type Arguments =
    | [<CliPrefix(CliPrefix.None)>] Config of ParseResults<ConfigArguments>
    | [<CliPrefix(CliPrefix.None)>] User of ParseResults<UserArguments>
    | [<CliPrefix(CliPrefix.None)>] Db of ParseResults<DbArguments>
    | [<CliPrefix(CliPrefix.None)>] Vectors of ParseResults<VectorsArguments>
    | [<CliPrefix(CliPrefix.None)>] Rules of ParseResults<RulesArguments>
    | [<CliPrefix(CliPrefix.None)>] Completion of ParseResults<CompletionArguments>
    | [<CliPrefix(CliPrefix.None)>] Simulate of ParseResults<SimulateArguments>
    | [<CliPrefix(CliPrefix.None)>] State of ParseResults<StateArguments>
    | [<CliPrefix(CliPrefix.None)>] Event of ParseResults<EventArguments>
    | [<CliPrefix(CliPrefix.None)>] Keys of ParseResults<KeysArguments>
    | [<CliPrefix(CliPrefix.None)>] Version of ParseResults<VersionArguments>

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Config _ -> "the server's configuration."
            | User _ -> "accounts."
            | Db _ -> "the database."
            | Vectors _ -> "test vectors: questions about the room versions and their answers."
            | Rules _ -> "prints, compares and checks the rules of room versions."
            | Completion _ -> "writes a completion script for a shell."
            | Simulate _ -> "runs a federation in one process, and checks that its servers agree."
            | State _ -> "states of rooms."
            | Event _ -> "single events: their form, hashes, signatures."
            | Keys _ -> "signing keys."
            | Version _ -> "prints the version."

module internal Program =
    let private dispatch (parser: ArgumentParser) (arguments: ParseResults<Arguments>) =
        match arguments.GetSubCommand() with
        | Config arguments -> ConfigCommand.run arguments
        | User arguments -> UserCommand.run arguments
        | Db arguments -> DbCommand.run arguments
        | Vectors arguments -> VectorsCommand.run arguments
        | Rules arguments -> RulesCommand.run arguments
        | Completion arguments -> CompletionCommand.run parser arguments
        | Simulate arguments -> SimulateCommand.run arguments
        | State arguments -> StateCommand.run arguments
        | Event arguments -> EventCommand.run arguments
        | Keys arguments -> KeysCommand.run arguments
        | Version arguments -> VersionCommand.run arguments

    /// What is wrong with the arguments, without the page of usage that comes with it.
    let private mistake (message: string) =
        let first = message.Split('\n', 2)[0]
        first.Replace("ERROR: ", "").TrimEnd('.', '\r')

    /// What no command expects. It is told in a line too: whoever reads it cannot mend the program.
    let private fault (fault: exn) =
        match fault with
        | :? DllNotFoundException -> Refused "a library of the system is missing: libsqlite3-0 or libsodium23"
        | :? UnauthorizedAccessException
        | :? IOException -> Refused "a file or the output cannot be read or written"
        | _ -> Refused $"a fault of mx itself, {fault.GetType().Name}: please report it"

    [<EntryPoint>]
    let main arguments =
        // The shape of all arguments is checked by a test: to check it at every start is a third of it.
        let parser =
            ArgumentParser.Create<Arguments>(programName = "mx", checkStructure = false)

        try
            parser.ParseCommandLine(arguments, raiseOnUsage = true)
            |> dispatch parser
            |> Ending.conclude
        with
        | :? ArguParseException as stopped when stopped.ErrorCode = ErrorCode.HelpText ->
            printfn "%s" (stopped.Message.TrimEnd())
            0
        | :? ArguParseException as stopped ->
            Ending.conclude (Misused $"{mistake stopped.Message} (--help shows what there is)")
        | other -> Ending.conclude (fault other)
