namespace Matrix.Cli

open System
open System.IO
open Argu
open Matrix.Cli.Admin
open Matrix.Cli.Output
open Matrix.Cli.Config
open Matrix.Cli.Db
open Matrix.Cli.Rules
open Matrix.Cli.Simulate
open Matrix.Cli.Events
open Matrix.Cli.State
open Matrix.Cli.Reports
open Matrix.Cli.Rooms
open Matrix.Cli.Federation
open Matrix.Cli.Media
open Matrix.Cli.Notices
open Matrix.Cli.Backup
open Matrix.Cli.Import
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
    | [<CliPrefix(CliPrefix.None)>] Explain of ParseResults<ExplainEventArguments>
    | [<CliPrefix(CliPrefix.None)>] Room of ParseResults<RoomArguments>
    | [<CliPrefix(CliPrefix.None)>] Reports of ParseResults<ReportsArguments>
    | [<CliPrefix(CliPrefix.None)>] Audit of ParseResults<AuditArguments>
    | [<CliPrefix(CliPrefix.None)>] Job of ParseResults<JobArguments>
    | [<CliPrefix(CliPrefix.None)>] Token of ParseResults<TokenArguments>
    | [<CliPrefix(CliPrefix.None)>] Report of ParseResults<ReportArguments>
    | [<CliPrefix(CliPrefix.None)>] Media of ParseResults<MediaArguments>
    | [<CliPrefix(CliPrefix.None)>] Federation of ParseResults<FederationArguments>
    | [<CliPrefix(CliPrefix.None)>] Notice of ParseResults<NoticeArguments>
    | [<CliPrefix(CliPrefix.None)>] Cluster of ParseResults<ClusterArguments>
    | [<CliPrefix(CliPrefix.None)>] Keys of ParseResults<KeysArguments>
    | [<CliPrefix(CliPrefix.None)>] Backup of ParseResults<TakeArguments>
    | [<CliPrefix(CliPrefix.None)>] Restore of ParseResults<RestoreArguments>
    | [<CliPrefix(CliPrefix.None)>] Import of ParseResults<ImportArguments>
    | [<CliPrefix(CliPrefix.None)>] Version of ParseResults<VersionArguments>

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Config _ -> "checks the server's configuration, or prints a default one."
            | User _ -> "lists, creates, changes and ends accounts."
            | Db _ -> "copies, compacts and measures the database."
            | Vectors _ -> "runs test vectors: questions about the room versions with their answers."
            | Rules _ -> "prints, compares and checks the rules of room versions."
            | Completion _ -> "writes a completion script for a shell."
            | Simulate _ -> "runs a federation on a faulty network in one process, and checks that its servers agree."
            | State _ -> "resolves the states of rooms."
            | Event _ -> "prints, hashes, redacts, signs and verifies single events."
            | Explain _ -> "explains why this server accepted, soft-failed or rejected an event."
            | Room _ -> "lists, shows, purges and deletes rooms of this server."
            | Reports _ -> "lists what users of this server reported."
            | Audit _ -> "lists what administrators did."
            | Job _ -> "lists, shows and cancels work that goes on in the background."
            | Token _ -> "lists, makes and deletes registration tokens."
            | Report _ -> "lists, shows and deletes reports of events."
            | Media _ -> "lists, deletes and quarantines media."
            | Federation _ -> "checks other servers, and shows what they have not got yet."
            | Notice _ -> "sends notices to users."
            | Cluster _ -> "shows the nodes of a server of several, and has them leave."
            | Keys _ -> "creates and rotates signing keys."
            | Backup _ -> "backs up database, keys, media and configuration while the server runs."
            | Restore _ -> "restores a backup into an empty database, of either kind."
            | Import _ -> "comes from Synapse: imports its databases, and compares them."
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
        | Explain arguments -> ExplainEventCommand.run arguments
        | Room arguments -> RoomCommand.run arguments
        | Reports arguments -> ReportsCommand.run arguments
        | Audit arguments -> AuditCommand.run arguments
        | Job arguments -> AdminCommands.job arguments
        | Token arguments -> AdminCommands.token arguments
        | Report arguments -> AdminCommands.report arguments
        | Media arguments -> MediaCommand.run arguments
        | Federation arguments -> FederationCommand.run arguments
        | Notice arguments -> NoticeCommand.run arguments
        | Cluster arguments -> ClusterCommand.run arguments
        | Keys arguments -> KeysCommand.run arguments
        | Backup arguments -> BackupCommand.take arguments
        | Restore arguments -> BackupCommand.restore arguments
        | Import arguments -> ImportCommand.run' arguments
        | Version arguments -> VersionCommand.run arguments

    /// The first line of a parse error, without the usage page that follows it.
    let private mistake (message: string) =
        let first = message.Split('\n', 2)[0]
        first.Replace("ERROR: ", "").TrimEnd('.', '\r')

    /// An unexpected exception, in one line: a user cannot do anything with a stack trace.
    let private fault (fault: exn) =
        match fault with
        | :? DllNotFoundException -> Refused "a system library is missing: libsqlite3-0 or libunbound8"
        | :? PlatformNotSupportedException -> Refused "libsodium, a part of the build, cannot be loaded on this system"
        | :? UnauthorizedAccessException
        | :? IOException -> Refused "a file cannot be read, or the output cannot be written"
        | _ -> Refused $"an error in mx itself, {fault.GetType().Name}: please report it"

    [<EntryPoint>]
    let main arguments =
        // A test checks the declarations of all arguments; checking them here would take a third of the start time.
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
        | :? ArguParseException as stopped -> Ending.conclude (Misused $"{mistake stopped.Message} (see --help)")
        | other -> Ending.conclude (fault other)
