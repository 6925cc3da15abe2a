namespace Matrix.Cli.Db

open System.IO
open System.Threading
open Argu
open Matrix.Cli.Input
open Matrix.Cli.Config
open Matrix.Cli.Output
open Matrix.Host.Storage

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

[<RequireSubcommand>]
type DbArguments =
    | [<CliPrefix(CliPrefix.None)>] Backup of ParseResults<BackupArguments>
    | [<CliPrefix(CliPrefix.None)>] Sizes of ParseResults<SizesArguments>

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Backup _ -> "copies a SQLite database as of one committed moment. The server may be running."
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
        | Sizes arguments -> sizes arguments
