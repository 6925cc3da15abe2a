namespace Matrix.Cli.Import

open Argu
open Matrix.Cli.Output

type SynapseArguments =
    | [<AltCommandLine("--config-path"); CustomCommandLine("--config")>] Source of PATH: string
    | [<Unique>] Synapse_Folder of DIR: string
    | Moved of FROM_AND_TO: string
    | [<Unique>] Data_Dir of DIR: string
    | [<Unique>] Database of URL: string
    | [<Unique>] Check
    | [<Unique>] Rehearse
    | [<Unique>] Media_First
    | [<Unique>] Without_History
    | [<Unique>] Without_Empty_Rooms
    | [<Unique>] Remote_Media
    | [<Unique>] Copy_Media
    | Accept of NAME: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Source _ -> "Synapse's configuration, a file or a folder, as its --config-path. May be repeated."
            | Synapse_Folder _ -> "the folder in which Synapse runs, where relative paths begin. Default: this one."
            | Moved _ -> "FROM=TO: a folder that Synapse knows by another name, as in a container. May be repeated."
            | Data_Dir _ -> "this server's data folder. Default: MATRIX_DATA_DIR, or data."
            | Database _ -> "this server's database, an empty one. Default: sqlite:homeserver.db in the data folder."
            | Check -> "says what would be carried, how long it takes, and who could not sign in. Writes nothing."
            | Rehearse -> "imports from a Synapse that runs. The server refuses to serve the result."
            | Media_First -> "carries media files only, while Synapse runs: the import then has few left."
            | Without_History -> "carries accounts, memberships and aliases only."
            | Without_Empty_Rooms -> "leaves out rooms without a local member."
            | Remote_Media -> "carries cached media of other servers too."
            | Copy_Media -> "copies media files even where the file system could link them."
            | Accept _ -> "accepts something that the import refuses, by the name that it gives. May be repeated."
            | Format _ -> "output format of --check. Default: text."

type VerifyImportArguments =
    | [<AltCommandLine("--config-path"); CustomCommandLine("--config")>] Source of PATH: string
    | [<Unique>] Synapse_Folder of DIR: string
    | Moved of FROM_AND_TO: string
    | [<Unique>] Data_Dir of DIR: string
    | [<Unique>] Database of URL: string
    | [<Unique>] Check_Rules
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Source _ -> "Synapse's configuration, a file or a folder, as its --config-path. May be repeated."
            | Synapse_Folder _ -> "the folder in which Synapse runs, where relative paths begin. Default: this one."
            | Moved _ -> "FROM=TO: a folder that Synapse knows by another name, as in a container. May be repeated."
            | Data_Dir _ -> "this server's data folder. Default: MATRIX_DATA_DIR, or data."
            | Database _ -> "this server's database. Default: sqlite:homeserver.db in the data folder."
            | Check_Rules -> "decides every event again by this server's rules, and lists verdicts that differ."
            | Format _ -> OutputFormat.TextByDefault

[<RequireSubcommand>]
type ImportArguments =
    | [<CliPrefix(CliPrefix.None)>] Synapse of ParseResults<SynapseArguments>
    | [<CliPrefix(CliPrefix.None)>] Verify of ParseResults<VerifyImportArguments>

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Synapse _ -> "imports accounts, rooms, keys and media of a Synapse under the same server name."
            | Verify _ -> "compares the databases after an import, room by room."
