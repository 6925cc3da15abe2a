namespace Matrix.Cli.Federation

open System
open System.Collections.Generic
open System.Threading
open System.Threading.Tasks
open Argu
open Matrix.Cli.Config
open Matrix.Cli.Output
open Matrix.Host.Storage
open Matrix.Host.Storage.Tables.Destinations

type DestinationListArguments =
    | [<Unique>] Config of FILE: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Config _ -> "the server's configuration. Default: MATRIX_CONFIG, or homeserver.yaml in the data folder."
            | Format _ -> OutputFormat.TextByDefault

type ServerArguments =
    | [<MainCommand; ExactlyOnce>] Server of SERVER: string
    | [<Unique>] Config of FILE: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Server _ -> "the server's name."
            | Config _ -> "the server's configuration. Default: MATRIX_CONFIG, or homeserver.yaml in the data folder."
            | Format _ -> OutputFormat.TextByDefault

/// `mx federation list` and `show`: the servers that did not answer, as far as the running server has recorded it.
module internal DestinationsCommand =

    [<Literal>]
    let private PageSize = 1000

    [<Literal>]
    let private MostRefused = 100

    let private dateOf (milliseconds: int64) : string =
        if milliseconds = 0L then
            "never"
        else
            DateTimeOffset
                .FromUnixTimeMilliseconds(milliseconds)
                .UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss 'UTC'", Globalization.CultureInfo.InvariantCulture)

    /// Every row of a query by pages.
    let private all (next: 'row option -> ValueTask<IReadOnlyList<'row>>) : Task<'row list> =
        task {
            let rows = ResizeArray<'row>()
            let mutable more = true

            while more do
                let! page = next (if rows.Count = 0 then None else Some rows[rows.Count - 1])
                rows.AddRange page
                more <- page.Count = PageSize

            return List.ofSeq rows
        }

    let private stop = CancellationToken.None

    let private failing (storage: InspectedStorage) : Task<DestinationRow list> =
        all (fun last ->
            let after = last |> Option.map _.ServerName |> Option.defaultValue ""
            storage.Destinations.ListAsync(after, PageSize, stop))

    let private pending (storage: InspectedStorage) : Task<PendingEventsRow list> =
        all (fun last ->
            match last with
            | None -> storage.Destinations.PendingAsync("", RoomNid(), PageSize, stop)
            | Some last -> storage.Destinations.PendingAsync(last.ServerName, last.Room, PageSize, stop))

    let private messageServers (storage: InspectedStorage) : Task<string list> =
        all (fun last -> storage.OutboundMessages.ServersAsync(Option.defaultValue "" last, PageSize, stop))

    let private messageBytes (storage: InspectedStorage) (servers: string list) : Task<Map<string, int64>> =
        task {
            let! rows = storage.OutboundMessages.BytesAsync(servers, stop)
            return Map [ for row in rows -> row.ServerName, row.Bytes ]
        }

    /// The events owed in a row, the newest one of an open row included.
    let private eventsOf (row: PendingEventsRow) : int =
        row.Ordinals.Count + (if row.IsOpen then 1 else 0)

    let list (arguments: ParseResults<DestinationListArguments>) : Ending =
        Inspected.read (arguments.TryGetResult DestinationListArguments.Config) (fun storage _ ->
            task {
                storage.NeedTables()
                let! failing = failing storage
                let! pending = pending storage
                let! waitingFor = messageServers storage
                let! bytes = messageBytes storage waitingFor
                let failures = Map [ for row in failing -> row.ServerName, row ]
                let pending = pending |> List.groupBy _.ServerName |> Map.ofList
                let keys (map: Map<string, 'v>) = map |> Map.toList |> List.map fst

                let servers =
                    keys failures @ keys pending @ keys bytes
                    |> List.distinct
                    |> List.sortWith (fun a b -> String.CompareOrdinal(a, b))

                Report.print (arguments.GetResult(DestinationListArguments.Format, Text)) {
                    Facts = [ "servers", Count(int64 servers.Length) ]
                    Tables = [
                        {
                            Name = "servers"
                            Columns = [ "server"; "failures"; "next_attempt"; "last_success"; "rooms"; "messages" ]
                            Rows = [
                                for server in servers ->
                                    let failure = failures.TryFind server

                                    let at read =
                                        failure |> Option.map (read >> dateOf) |> Option.defaultValue ""

                                    [
                                        Word server
                                        Count(failure |> Option.map (_.Failures >> int64) |> Option.defaultValue 0L)
                                        Word(at _.RetryAt)
                                        Word(at _.LastSuccess)
                                        Count(int64 (pending.TryFind server |> Option.defaultValue []).Length)
                                        Size(bytes.TryFind server |> Option.defaultValue 0L)
                                    ]
                            ]
                        }
                    ]
                }

                return Done
            })

    let private roomsTable (storage: InspectedStorage) (rows: PendingEventsRow list) : Task<Table> =
        task {
            let! rooms = storage.Rooms.FindManyAsync([ for row in rows -> row.Room ], stop)
            let ids = Map [ for room in rooms -> room.Nid.Value, room.RoomId ]

            return {
                Name = "rooms"
                Columns = [ "room_id"; "events"; "newest_only" ]
                Rows = [
                    for row in rows ->
                        [
                            Word(ids.TryFind row.Room.Value |> Option.defaultValue "")
                            Count(int64 (eventsOf row))
                            Truth row.IsOpen
                        ]
                ]
            }
        }

    let private refusedTable (storage: InspectedStorage) (server: string) : Task<Table> =
        task {
            let! refused = storage.Destinations.RefusedAsync(server, MostRefused, stop)
            let! ids = storage.Events.IdsAsync([ for row in refused -> row.Event ], stop)

            return {
                Name = "refused"
                Columns = [ "event_id"; "refused"; "status"; "errcode"; "error" ]
                Rows = [
                    for row in refused ->
                        [
                            Word(
                                match ids.TryGetValue row.Event with
                                | true, id -> id
                                | _ -> ""
                            )
                            Word(dateOf row.RefusedAt)
                            Count(int64 row.Status)
                            Word row.ErrorCode
                            Word row.Error
                        ]
                ]
            }
        }

    let show (arguments: ParseResults<ServerArguments>) : Ending =
        let server = arguments.GetResult ServerArguments.Server

        Inspected.read (arguments.TryGetResult ServerArguments.Config) (fun storage _ ->
            task {
                storage.NeedTables()
                let! failing = failing storage
                let! pending = pending storage
                let! bytes = messageBytes storage [ server ]

                let! rooms =
                    roomsTable storage (pending |> List.filter (fun row -> row.ServerName = server))

                let! refused = refusedTable storage server
                let failure = failing |> List.tryFind (fun row -> row.ServerName = server)

                Report.print (arguments.GetResult(ServerArguments.Format, Text)) {
                    Facts = [
                        "server", Word server
                        "fails", Truth failure.IsSome
                        match failure with
                        | None -> ()
                        | Some failure ->
                            "failures", Count(int64 failure.Failures)
                            "next_attempt", Word(dateOf failure.RetryAt)
                            "last_success", Word(dateOf failure.LastSuccess)
                            "last_failure", Word failure.LastFailure
                        "waiting_messages", Size(bytes.TryFind server |> Option.defaultValue 0L)
                    ]
                    Tables = [ rooms; refused ]
                }

                return Done
            })
