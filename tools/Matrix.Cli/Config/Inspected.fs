/// Opens the configured database for reading.
module internal Matrix.Cli.Config.Inspected

open System.Threading
open System.Threading.Tasks
open Matrix.Cli.Output
open Matrix.Host.Configuration
open Matrix.Host.Storage
open Matrix.Host.Storage.Commits

/// Opens the configured database read-only, even if a server runs on it.
let read (config: string option) (read: InspectedStorage -> OperatorSettings -> Task<Ending>) : Ending =
    let opened (settings: OperatorSettings) =
        task {
            match settings.Storage with
            | null -> return Misused $"{settings.File}: expected `database.url`"
            | options ->
                use! opened = StorageEngine.InspectAsync(options, CancellationToken.None)
                return! read opened settings
        }

    match LoadedConfig.load config with
    | Error ending -> ending
    | Ok settings ->
        try
            (opened settings).GetAwaiter().GetResult()
        with :? StorageException as fault ->
            Refused fault.Message
