namespace Matrix.Cli.Media

open System
open System.Globalization
open System.Threading
open Argu
open Matrix.Cli.Admin
open Matrix.Cli.Config
open Matrix.Cli.Output
open Matrix.Host.Storage.Tables.Media

type ListMediaArguments =
    | [<Unique>] User of USER: string
    | [<Unique>] Origin of SERVER: string
    | [<Unique>] Quarantined
    | [<Unique>] After of URI: string
    | [<Unique>] Limit of N: int
    | [<Unique>] Config of FILE: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | User _ -> "only what this local user uploaded."
            | Origin _ -> "only media of this server: the first part of its URIs."
            | Quarantined -> "only what is not served."
            | After _ -> "only URIs after this one: those of the next page."
            | Limit _ -> "how many. Default: 100."
            | Config _ -> "the server's configuration. Default: MATRIX_CONFIG, or homeserver.yaml in the data folder."
            | Format _ -> OutputFormat.TextByDefault

type DeleteMediaArguments =
    | [<MainCommand; Unique>] Uri of URI: string
    | [<Unique>] User of USER: string
    | [<Unique>] Config of FILE: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Uri _ -> "the media, as mxc://SERVER/ID. Its file is deleted if no other URI has it."
            | User _ -> "what this local user uploaded, instead: up to 1,000 files at once."
            | Config _ -> Usages.Config
            | Format _ -> OutputFormat.TextByDefault

type ContentArguments =
    | [<MainCommand; ExactlyOnce>] Content of URI: string
    | [<Unique>] Config of FILE: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Content _ -> "a URI with the content, as mxc://SERVER/ID, or the SHA-256 of the content."
            | Config _ -> Usages.Config
            | Format _ -> OutputFormat.TextByDefault

[<RequireSubcommand>]
type MediaArguments =
    | [<CliPrefix(CliPrefix.None)>] List of ParseResults<ListMediaArguments>
    | [<CliPrefix(CliPrefix.None)>] Delete of ParseResults<DeleteMediaArguments>
    | [<CliPrefix(CliPrefix.None)>] Quarantine of ParseResults<ContentArguments>
    | [<CliPrefix(CliPrefix.None)>] Release of ParseResults<ContentArguments>
    | [<CliPrefix(CliPrefix.None)>] Purge_Remote of ParseResults<PurgeRemoteArguments>

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | List _ -> "lists media of this server, and what it keeps of others', from the database."
            | Delete _ -> "deletes media of the running server."
            | Quarantine _ -> "keeps a content from being served, whatever URI has it now or later."
            | Release _ -> "lets a content be served again."
            | Purge_Remote _ -> "deletes copies of other servers' media that nobody read lately."

/// `mx media`: lists media from the database, and has the running server delete it or keep it from being served.
module internal MediaCommand =

    [<Literal>]
    let private DefaultLimit = 100

    [<Literal>]
    let private MostRows = 10_000

    /// The most files that one request deletes.
    [<Literal>]
    let private MostDeleted = 1_000

    [<Literal>]
    let private Scheme = "mxc://"

    let private dateOf (milliseconds: int64) : string =
        DateTimeOffset
            .FromUnixTimeMilliseconds(milliseconds)
            .UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss 'UTC'", CultureInfo.InvariantCulture)

    let private word (text: string | null) : Cell =
        match text with
        | null -> Word ""
        | text -> Word text

    let private statusOf (row: MediaRow) : string =
        if row.IsQuarantined then "quarantined"
        elif isNull row.FileHash then "not uploaded"
        else "served"

    let private rowOf (row: MediaRow) : Cell list = [
        Word $"{Scheme}{row.Origin}/{row.MediaId}"
        Count row.Size
        Word row.ContentType
        word row.FileName
        word row.Uploader
        Word(dateOf row.CreatedAt)
        Word(dateOf row.AccessedAt)
        Word(statusOf row)
        word row.FileHash
    ]

    /// The server and the id of a URI.
    let private parse (uri: string) : (string * string) option =
        if uri.StartsWith(Scheme, StringComparison.Ordinal) then
            match uri.Substring(Scheme.Length).Split '/' with
            | [| origin; mediaId |] -> Some(origin, mediaId)
            | _ -> None
        else
            None

    /// The two parts of a URI; empty ones for none.
    let private partsOf (uri: string option) : Result<string * string, Ending> =
        match uri with
        | None -> Ok("", "")
        | Some uri ->
            match parse uri with
            | Some parts -> Ok parts
            | None -> Error(Misused $"--after: expected mxc://SERVER/ID, found {uri}")

    let private list (arguments: ParseResults<ListMediaArguments>) : Ending =
        let limit = arguments.GetResult(Limit, DefaultLimit)

        match partsOf (arguments.TryGetResult After) with
        | Error ending -> ending
        | Ok _ when limit < 1 || limit > MostRows -> Misused $"--limit: expected 1 to {MostRows}, found {limit}"
        | Ok(origin, mediaId) ->
            Inspected.read (arguments.TryGetResult ListMediaArguments.Config) (fun storage _ ->
                task {
                    storage.NeedTables()

                    let query =
                        MediaListing(
                            AfterOrigin = origin,
                            AfterId = mediaId,
                            Uploader = (arguments.TryGetResult ListMediaArguments.User |> Option.toObj),
                            Origin = (arguments.TryGetResult Origin |> Option.toObj),
                            IsQuarantined = arguments.Contains Quarantined
                        )

                    let! rows = storage.Media.ListAsync(query, limit, CancellationToken.None)

                    Report.print (arguments.GetResult(ListMediaArguments.Format, Text)) {
                        Facts = [ "count", Count(int64 rows.Count) ]
                        Tables = [
                            {
                                Name = "media"
                                Columns = [
                                    "uri"
                                    "bytes"
                                    "type"
                                    "name"
                                    "uploader"
                                    "created"
                                    "accessed"
                                    "status"
                                    "sha256"
                                ]
                                Rows = rows |> Seq.map rowOf |> List.ofSeq
                            }
                        ]
                    }

                    return Done
                })

    let private delete (arguments: ParseResults<DeleteMediaArguments>) : Ending =
        let ask path =
            AdminApi.run
                (arguments.TryGetResult DeleteMediaArguments.Config)
                (arguments.GetResult(DeleteMediaArguments.Format, Text))
                "DELETE"
                (AdminApi.V1 + path)
                null

        match arguments.TryGetResult Uri, arguments.TryGetResult DeleteMediaArguments.User with
        | Some uri, None ->
            match parse uri with
            | Some(origin, mediaId) -> ask $"media/{AdminApi.escaped origin}/{AdminApi.escaped mediaId}"
            | None -> Misused $"expected mxc://SERVER/ID, found {uri}"
        | None, Some user -> ask $"users/{AdminApi.escaped user}/media?limit={MostDeleted}"
        | _ -> Misused "expected either a URI or --user"

    /// Has the running server serve a content no more, or again.
    let private content (act: string) (isServed: bool) (arguments: ParseResults<ContentArguments>) : Ending =
        let content = arguments.GetResult Content

        let path =
            match parse content with
            | Some(origin, mediaId) -> AdminApi.escaped origin + "/" + AdminApi.escaped mediaId
            | None -> AdminApi.escaped content

        AdminApi.act
            (arguments.TryGetResult ContentArguments.Config)
            (arguments.GetResult(ContentArguments.Format, Text))
            "POST"
            (AdminApi.V1 + "media/" + act + "/" + path)
            null
            [ "content", Word content; "served", Truth isServed ]

    let run (arguments: ParseResults<MediaArguments>) : Ending =
        match arguments.GetSubCommand() with
        | List arguments -> list arguments
        | Delete arguments -> delete arguments
        | Quarantine arguments -> content "quarantine" false arguments
        | Release arguments -> content "unquarantine" true arguments
        | Purge_Remote arguments -> AdminCommands.purgeRemote arguments
