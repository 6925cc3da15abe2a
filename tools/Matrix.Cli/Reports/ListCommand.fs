namespace Matrix.Cli.Reports

open Matrix.Cli.Admin
open Matrix.Cli.Output

/// A list of the administration API, the newest first.
module internal ListCommand =

    let run
        (config: string option)
        (format: OutputFormat)
        (path: string)
        (limit: int option)
        (parameters: (string * string option) list)
        : Ending =
        match limit with
        | Some limit when limit < 1 -> Misused $"--limit: expected at least 1, found {limit}"
        | _ ->
            let query = AdminApi.query (parameters @ [ "limit", limit |> Option.map string ])
            AdminApi.run config format "GET" (AdminApi.V1 + path + query) null
