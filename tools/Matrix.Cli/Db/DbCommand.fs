namespace Matrix.Cli.Db

open System
open System.IO
open System.Threading
open System.Threading.Tasks
open Argu
open Matrix.Cli.Input
open Matrix.Cli.Config
open Matrix.Cli.Output
open Matrix.Host.Storage
open Matrix.Host.Storage.Commits
open Matrix.Host.Storage.Copying

type BackupArguments =
    | [<MainCommand; ExactlyOnce>] File of FILE: string
    | [<Unique>] Config of FILE: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | File _ -> "the file to write. It must not exist."
            | Config _ -> "the server's configuration. Default: MATRIX_CONFIG, or homeserver.yaml in the data folder."
            | Format _ -> OutputFormat.TextByDefault

type SizesArguments =
    | [<Unique>] Rooms of N: int
    | [<Unique>] Config of FILE: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Rooms _ -> "how many of the largest rooms to show. Default: 20."
            | Config _ -> "the server's configuration. Default: MATRIX_CONFIG, or homeserver.yaml in the data folder."
            | Format _ -> OutputFormat.TextByDefault

type CopyArguments =
    | [<Mandatory; Unique>] To of DATABASE: string
    | [<Unique>] Config of FILE: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | To _ -> "where to: postgres://user:password@host:port/name of an empty database, or a new SQLite file."
            | Config _ -> "the server's configuration. Default: MATRIX_CONFIG, or homeserver.yaml in the data folder."
            | Format _ -> OutputFormat.TextByDefault

type CompactArguments =
    | [<Unique>] Config of FILE: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Config _ -> "the server's configuration. Default: MATRIX_CONFIG, or homeserver.yaml in the data folder."
            | Format _ -> OutputFormat.TextByDefault

[<RequireSubcommand>]
type DbArguments =
    | [<CliPrefix(CliPrefix.None)>] Backup of ParseResults<BackupArguments>
    | [<CliPrefix(CliPrefix.None)>] Copy of ParseResults<CopyArguments>
    | [<CliPrefix(CliPrefix.None)>] Compact of ParseResults<CompactArguments>
    | [<CliPrefix(CliPrefix.None)>] Sizes of ParseResults<SizesArguments>

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Backup _ -> "copies a SQLite database as of one committed moment. The server may be running."
            | Copy _ -> "copies the database to another one, of either kind. The server must be stopped."
            | Compact _ -> "gives the space of deleted rows back to the disk. The server must be stopped."
            | Sizes _ -> "prints bytes by table and by room. The server may be running."

module internal DbCommand =
    let private defaultRooms = 20

    let private backup (arguments: ParseResults<BackupArguments>) =
        match Reading.path (arguments.GetResult BackupArguments.File) with
        | Error ending -> ending
        | Ok file ->
            Inspected.read (arguments.TryGetResult BackupArguments.Config) (fun storage _ ->
                task {
                    let admin = storage.Admin
                    do! admin.BackupAsync(file, CancellationToken.None)

                    Report.print (arguments.GetResult(BackupArguments.Format, Text)) {
                        Facts = [ "file", Word file; "bytes", Size(FileInfo(file).Length) ]
                        Tables = []
                    }

                    return Done
                })

    /// Runs something on the configured database while no server does. It can be interrupted.
    let private stopped config (work: StorageOptions -> CancellationToken -> Task<Ending>) =
        match LoadedConfig.load config with
        | Error ending -> ending
        | Ok settings ->
            match settings.Storage with
            | null -> Misused $"{settings.File}: expected `database.url`"
            | options ->
                use stopping = new CancellationTokenSource()

                Console.CancelKeyPress.Add(fun press ->
                    press.Cancel <- true
                    stopping.Cancel())

                try
                    (work options stopping.Token).GetAwaiter().GetResult()
                with
                | :? StorageException as fault -> Refused fault.Message
                | :? OperationCanceledException ->
                    Refused "Interrupted. Run the same command again: it goes on where it was."

    /// A file is named from the folder in which the command runs.
    let private urlOf (target: string) =
        if
            target.StartsWith("postgres://", StringComparison.Ordinal)
            || target.StartsWith("postgresql://", StringComparison.Ordinal)
        then
            target
        else
            "sqlite:" + Path.GetFullPath target

    let private copy (arguments: ParseResults<CopyArguments>) =
        let format = arguments.GetResult(CopyArguments.Format, Text)
        let url = urlOf (arguments.GetResult To)
        use line = new Progress()

        let show (progress: CopyProgress) =
            let doing = if progress.IsComparing then "comparing" else "copying"
            line.Show $"{doing} {progress.Table}: {progress.Rows} rows"

        stopped (arguments.TryGetResult CopyArguments.Config) (fun options stop ->
            task {
                let! report = StorageCopy.RunAsync(options, url, show, stop)

                line.Show ""

                Report.print format {
                    Facts = [
                        "rows", Count(report.Tables |> Seq.sumBy _.Rows)
                        "position", Count report.Position
                    ]
                    Tables = [
                        {
                            Name = "tables"
                            Columns = [ "table"; "rows"; "sha256" ]
                            Rows = [
                                for table in report.Tables do
                                    if table.Rows > 0L then
                                        [ Word table.Table; Count table.Rows; Word table.Digest ]
                            ]
                        }
                    ]
                }

                if format = Text then
                    eprintfn
                        "Both databases are equal. Set `database.url`, and never start a server on the old one again:"

                    eprintfn "two servers of one name would hand out each other's one-time keys."

                return Done
            })

    let private compact (arguments: ParseResults<CompactArguments>) =
        stopped (arguments.TryGetResult CompactArguments.Config) (fun options stop ->
            task {
                let! struct (before, after) = StorageCompaction.RunAsync(options, stop)

                Report.print (arguments.GetResult(CompactArguments.Format, Text)) {
                    Facts = [ "bytes_before", Size before; "bytes_after", Size after ]
                    Tables = []
                }

                return Done
            })

    let private report engine (tables: TableSize seq) (rooms: RoomSize seq) = {
        Facts = [
            "engine", Word engine
            "bytes", Size(tables |> Seq.sumBy (fun table -> table.Bytes))
        ]
        Tables = [
            {
                Name = "tables"
                Columns = [ "table"; "bytes"; "rows" ]
                Rows = [
                    for table in tables -> [ Word table.Table; Size table.Bytes; Count table.Rows ]
                ]
            }
            {
                Name = "rooms"
                Columns = [ "room_id"; "events"; "event_bytes"; "state_bytes" ]
                Rows = [
                    for room in rooms ->
                        [
                            Word room.RoomId
                            Count room.Events
                            Size room.EventBytes
                            Size room.StateBytes
                        ]
                ]
            }
        ]
    }

    let private sizes (arguments: ParseResults<SizesArguments>) =
        match arguments.GetResult(Rooms, defaultRooms) with
        | few when few < 0 -> Misused $"--rooms: expected 0 or more, found {few}"
        | most ->
            Inspected.read (arguments.TryGetResult SizesArguments.Config) (fun storage _ ->
                task {
                    let admin = storage.Admin
                    let! tables = admin.TableSizesAsync CancellationToken.None
                    let! rooms = admin.RoomSizesAsync(most, CancellationToken.None)

                    report admin.Engine tables rooms
                    |> Report.print (arguments.GetResult(SizesArguments.Format, Text))

                    return Done
                })

    let run (arguments: ParseResults<DbArguments>) =
        match arguments.GetSubCommand() with
        | Backup arguments -> backup arguments
        | Copy arguments -> copy arguments
        | Compact arguments -> compact arguments
        | Sizes arguments -> sizes arguments
