namespace Matrix.Cli.Backup

open System
open System.IO
open System.Threading
open System.Threading.Tasks
open Argu
open Matrix.Backup
open Matrix.Backup.Repository
open Matrix.Backup.Runs
open Matrix.Backup.Snapshots
open Matrix.Cli.Config
open Matrix.Cli.Input
open Matrix.Cli.Output
open Matrix.Host.Configuration
open Matrix.Host.Storage.Commits

type TakeArguments =
    | [<MainCommand; ExactlyOnce>] Folder of DIR: string
    | [<Unique>] Key of FILE: string
    | [<Unique>] New_Key
    | [<Unique>] Keep of N: int
    | [<Unique>] Config of FILE: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Folder _ -> "the folder of backups. Several backups share what is equal."
            | Key _ -> "encrypts: the file of the key. Without it a backup cannot be read."
            | New_Key -> "makes the key file first. Keep a copy of it elsewhere."
            | Keep _ -> "deletes all but the newest N backups afterwards. Default: none."
            | Config _ -> "the server's configuration. Default: MATRIX_CONFIG, or homeserver.yaml in the data folder."
            | Format _ -> OutputFormat.TextByDefault

type RestoreArguments =
    | [<MainCommand; ExactlyOnce>] Folder of DIR: string
    | [<Unique>] List
    | [<Unique>] At of NAME: string
    | [<Unique>] Key of FILE: string
    | [<Unique>] Config of FILE: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Folder _ -> "the folder of backups."
            | List -> "prints its backups, and restores none."
            | At _ -> "the backup to restore. Default: the newest."
            | Key _ -> "the file of the key, if the backups are encrypted."
            | Config _ ->
                "the configuration: written from the backup if there is none. Default: MATRIX_CONFIG, or "
                + "homeserver.yaml in the data folder."
            | Format _ -> OutputFormat.TextByDefault

/// `mx backup` and `mx restore`.
module internal BackupCommand =
    /// Runs something that can be interrupted, with a line of progress.
    let private run (work: (string -> unit) -> CancellationToken -> Task<Ending>) =
        use line = new Progress()
        use stopping = new CancellationTokenSource()

        Console.CancelKeyPress.Add(fun press ->
            press.Cancel <- true
            stopping.Cancel())

        try
            (work line.Show stopping.Token).GetAwaiter().GetResult()
        with
        | :? BackupException as fault -> Refused fault.Message
        | :? StorageException as fault -> Refused $"database: {fault.Message}"
        | :? OperationCanceledException -> Refused "Interrupted. Run the same command again."

    let private keyOf file =
        file
        |> Option.map (fun file -> BackupKey.Read(Path.GetFullPath file))
        |> Option.toObj

    let take (arguments: ParseResults<TakeArguments>) =
        let folder = Reading.path (arguments.GetResult TakeArguments.Folder)

        match folder, LoadedConfig.load (arguments.TryGetResult TakeArguments.Config) with
        | Error ending, _
        | _, Error ending -> ending
        | Ok folder, Ok settings ->
            match settings.Storage, arguments.TryGetResult TakeArguments.Key, arguments.GetResult(Keep, 0) with
            | null, _, _ -> Misused $"{settings.File}: expected `database.url`"
            | _, None, _ when arguments.Contains New_Key -> Misused "--new-key: expected --key FILE"
            | _, _, few when few < 0 -> Misused $"--keep: expected 0 or more, found {few}"
            | storage, key, keep ->
                run (fun show stop ->
                    task {
                        if arguments.Contains New_Key then
                            BackupKey.Create(Path.GetFullPath key.Value)

                        use repository = ChunkRepository.Open(folder, keyOf key, create = true)

                        let options =
                            BackupOptions(
                                Storage = storage,
                                ConfigFile = (if settings.FileExists then settings.File else null),
                                MediaFolder = settings.MediaFolder,
                                Keep = keep
                            )

                        let! report = BackupRun.RunAsync(options, repository, show, stop)
                        show ""

                        Report.print (arguments.GetResult(TakeArguments.Format, Text)) {
                            Facts = [
                                "backup", Word report.Name
                                "rows", Count report.Rows
                                "files", Count report.Files
                                "chunks", Count report.Chunks
                                "written_chunks", Count report.WrittenChunks
                                "written_bytes", Size report.WrittenBytes
                                "deleted_chunks", Count report.DeletedChunks
                            ]
                            Tables = []
                        }

                        return Done
                    })

    let private list (repository: ChunkRepository) format =
        Report.print format {
            Facts = []
            Tables = [
                {
                    Name = "backups"
                    Columns = [ "backup"; "server"; "rows"; "files"; "file_bytes"; "schema" ]
                    Rows = [
                        for name in repository.SnapshotNames() do
                            let snapshot = Snapshot.Of(repository.GetSnapshot name)

                            [
                                Word name
                                Word snapshot.ServerName
                                Count(snapshot.Tables |> Seq.sumBy _.Rows)
                                Count(int64 snapshot.Files.Count)
                                Size(snapshot.Files |> Seq.sumBy _.Bytes)
                                Count(int64 snapshot.Schema)
                            ]
                    ]
                }
            ]
        }

        Done

    let private write
        (repository: ChunkRepository)
        (arguments: ParseResults<RestoreArguments>)
        (show: string -> unit)
        (stop: CancellationToken)
        =
        task {
            let struct (name, snapshot) =
                RestoreRun.Find(repository, Option.toObj (arguments.TryGetResult At))

            let config = arguments.TryGetResult RestoreArguments.Config
            let file = OperatorSettings.FileOf(Option.toObj config)
            let wrote = RestoreRun.WriteConfiguration(repository, snapshot, file)

            match LoadedConfig.load config with
            | Error ending -> return ending
            | Ok settings ->
                match settings.Storage with
                | null -> return Misused $"{settings.File}: expected `database.url`"
                | storage ->
                    let! report =
                        RestoreRun.RunAsync(repository, name, snapshot, storage, settings.MediaFolder, show, stop)

                    show ""

                    Report.print (arguments.GetResult(RestoreArguments.Format, Text)) {
                        Facts = [
                            "backup", Word report.Name
                            "configuration", Word settings.File
                            "configuration_written", Truth wrote
                            "rows", Count report.Rows
                            "files", Count report.Files
                            "keys_left_out", Count report.ForgottenKeys
                        ]
                        Tables = []
                    }

                    return Done
        }

    let restore (arguments: ParseResults<RestoreArguments>) =
        match Reading.path (arguments.GetResult RestoreArguments.Folder) with
        | Error ending -> ending
        | Ok folder ->
            run (fun show stop ->
                task {
                    let key = keyOf (arguments.TryGetResult RestoreArguments.Key)
                    use repository = ChunkRepository.Open(folder, key, create = false)

                    if arguments.Contains List then
                        return list repository (arguments.GetResult(RestoreArguments.Format, Text))
                    else
                        return! write repository arguments show stop
                })
