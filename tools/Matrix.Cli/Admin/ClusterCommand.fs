namespace Matrix.Cli.Admin

open Argu
open Matrix.Cli.Output

type ClusterNodeArguments =
    | [<Unique>] Config of FILE: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Config _ -> Usages.Config
            | Format _ -> OutputFormat.TextByDefault

[<RequireSubcommand>]
type ClusterArguments =
    | [<CliPrefix(CliPrefix.None)>] Status of ParseResults<ClusterNodeArguments>
    | [<CliPrefix(CliPrefix.None)>] Drain of ParseResults<ClusterNodeArguments>
    | [<CliPrefix(CliPrefix.None)>] Remove of ParseResults<ThingArguments>

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Status _ -> "shows the nodes of this server, with their shards."
            | Drain _ -> "has this machine's node give its shards to the others, before it is stopped."
            | Remove _ -> "forbids another node to write: it ends, and the others take its shards."

/// `mx cluster`: the nodes of a server of several, as the one on this machine knows them.
module internal ClusterCommand =

    [<Literal>]
    let private Path = AdminApi.V1 + "cluster"

    let run (arguments: ParseResults<ClusterArguments>) : Ending =
        match arguments.GetSubCommand() with
        | Status node ->
            AdminApi.run
                (node.TryGetResult ClusterNodeArguments.Config)
                (node.GetResult(ClusterNodeArguments.Format, Text))
                "GET"
                Path
                null
        | Drain node ->
            AdminApi.act
                (node.TryGetResult ClusterNodeArguments.Config)
                (node.GetResult(ClusterNodeArguments.Format, Text))
                "POST"
                (Path + "/drain")
                null
                [ "state", Word "leaving" ]
        | Remove one ->
            AdminApi.act
                (one.TryGetResult ThingArguments.Config)
                (one.GetResult(ThingArguments.Format, Text))
                "DELETE"
                (Path + "/nodes/" + AdminApi.escaped (one.GetResult Thing))
                null
                [ "removed", Word(one.GetResult Thing) ]
