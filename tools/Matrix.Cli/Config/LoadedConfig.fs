/// Reads the server's configuration for other commands.
module internal Matrix.Cli.Config.LoadedConfig

open Matrix.Cli.Output
open Matrix.Host.Configuration

/// The configuration of a server started here, or its first error.
let load (file: string option) : Result<OperatorSettings, Ending> =
    let settings = OperatorSettings.Load(Option.toObj file)

    match List.ofSeq settings.Mistakes with
    | [] -> Ok settings
    | first :: [] -> Error(Misused $"{first.Location}: {first.Message}")
    | first :: others ->
        Error(Misused $"{first.Location}: {first.Message} (and {others.Length} more: `mx config check` shows them)")
