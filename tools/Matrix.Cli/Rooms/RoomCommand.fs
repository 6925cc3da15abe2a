namespace Matrix.Cli.Rooms

open System
open System.IO
open System.Threading
open Argu
open Matrix.Cli.Admin
open Matrix.Cli.Config
open Matrix.Cli.Output
open Matrix.Host.Rooms.Inspecting
open Matrix.Host.Storage.Tables.Events

type RoomGraphArguments =
    | [<MainCommand; ExactlyOnce>] Room of ROOM: string
    | [<Unique>] Svg of FILE: string
    | [<Unique>] Dot of FILE: string
    | [<Unique>] Events of N: int
    | [<Unique>] Config of FILE: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Room _ -> "the room's id, or a local alias of it."
            | Svg _ -> "writes an SVG picture to this file."
            | Dot _ -> "writes a Graphviz graph to this file."
            | Events _ -> "how many of the newest events. Default: 50."
            | Config _ -> "the server's configuration. Default: MATRIX_CONFIG, or homeserver.yaml in the data folder."
            | Format _ -> OutputFormat.TextByDefault

[<RequireSubcommand>]
type RoomArguments =
    | [<CliPrefix(CliPrefix.None)>] Graph of ParseResults<RoomGraphArguments>
    | [<CliPrefix(CliPrefix.None)>] List of ParseResults<PageArguments>
    | [<CliPrefix(CliPrefix.None)>] Show of ParseResults<ThingArguments>
    | [<CliPrefix(CliPrefix.None)>] Members of ParseResults<ThingArguments>
    | [<CliPrefix(CliPrefix.None)>] Media of ParseResults<ThingArguments>
    | [<CliPrefix(CliPrefix.None)>] Delete of ParseResults<RoomDeleteArguments>
    | [<CliPrefix(CliPrefix.None)>] Purge_History of ParseResults<PurgeHistoryArguments>
    | [<CliPrefix(CliPrefix.None)>] Block of ParseResults<ThingArguments>
    | [<CliPrefix(CliPrefix.None)>] Unblock of ParseResults<ThingArguments>
    | [<CliPrefix(CliPrefix.None)>] Make_Admin of ParseResults<RoomAndUserArguments>
    | [<CliPrefix(CliPrefix.None)>] Join of ParseResults<RoomAndUserArguments>

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Graph _ -> "prints or draws the newest events of a room, its extremities and its gaps."
            | List _ -> "lists the rooms."
            | Show _ -> "shows a room."
            | Members _ -> "lists the joined members of a room."
            | Media _ -> "lists the media that a room's messages name."
            | Delete _ -> "deletes a room from this server."
            | Purge_History _ -> "deletes old messages of a room."
            | Block _ -> "blocks a room: local users cannot join it."
            | Unblock _ -> "ends the block of a room."
            | Make_Admin _ -> "gives a user the power of the room's most powerful local member."
            | Join _ -> "joins a user to a room."

/// `mx room`: what the database says of a room.
module internal RoomCommand =

    [<Literal>]
    let private DefaultEvents = 50

    let private short (id: string) : string =
        if id.Length > 14 then id.Substring(0, 13) + "…" else id

    let private marksOf (graph: InspectedGraph) (event: StoredEvent) : Graph.Mark list = [
        if Deciding.has EventMarks.Rejected event then
            Graph.Mark.Rejected
        if Deciding.has EventMarks.SoftFailed event then
            Graph.Mark.SoftFailed
        if Seq.contains event.EventId graph.Extremities then
            Graph.Mark.Extremity
    ]

    let private title (event: StoredEvent) : string =
        match event.Pdu.StateKey with
        | null
        | "" -> event.Pdu.Type
        | key -> $"{event.Pdu.Type} {key}"

    /// The picture: the events and those of their previous events that are drawn too, or are missing.
    let private picture (graph: InspectedGraph) : Graph.Graph =
        let drawn = graph.Events |> Seq.map _.EventId |> Set.ofSeq
        let gaps = Set.ofSeq graph.Gaps - drawn

        let edges = [
            for event in graph.Events do
                for previous in Array.distinct event.Pdu.PrevEvents do
                    if drawn.Contains previous || gaps.Contains previous then
                        event.EventId, previous
        ]

        Graph.reduced {
            Nodes = [
                for event in graph.Events ->
                    {
                        Id = event.EventId
                        Lines = [ short event.EventId; title event; "by " + event.Pdu.Sender ]
                        Marks = marksOf graph event
                    }
                for gap in edges |> List.map snd |> List.distinct |> List.filter gaps.Contains ->
                    {
                        Id = gap
                        Lines = [ short gap ]
                        Marks = [ Graph.Mark.Missing ]
                    }
            ]
            Edges = edges
        }

    let private report (graph: InspectedGraph) : Report = {
        Facts = [
            "room_id", Word graph.RoomId
            "extremities", Count(int64 graph.Extremities.Count)
            "missing_events", Count(int64 graph.Gaps.Count)
        ]
        Tables = [
            {
                Name = "events"
                Columns = [ "event_id"; "depth"; "type"; "sender"; "marks"; "prev_events" ]
                Rows = [
                    for event in graph.Events ->
                        [
                            Word event.EventId
                            Count event.Pdu.Depth
                            Word(title event)
                            Word event.Pdu.Sender
                            Word(marksOf graph event |> List.map Graph.word |> String.concat ", ")
                            Word(String.Join(' ', event.Pdu.PrevEvents))
                        ]
                ]
            }
        ]
    }

    let private write (file: string) (text: string) : Ending =
        try
            File.WriteAllText(file, text)
            Done
        with
        | :? IOException
        | :? UnauthorizedAccessException -> Refused $"{file} cannot be written"

    let private graph (arguments: ParseResults<RoomGraphArguments>) : Ending =
        let name = arguments.GetResult RoomGraphArguments.Room
        let most = arguments.GetResult(Events, DefaultEvents)

        if most < 1 || most > 10_000 then
            Misused $"--events: expected 1 to 10000, found {most}"
        else
            Inspected.read (arguments.TryGetResult RoomGraphArguments.Config) (fun storage _ ->
                task {
                    let inspector = RoomInspector storage
                    let! room = inspector.RoomAsync(name, CancellationToken.None)

                    match room with
                    | null -> return Refused $"{name}: this server does not have this room"
                    | room ->
                        let! graph = inspector.GraphAsync(room, most, CancellationToken.None)

                        match arguments.TryGetResult Svg, arguments.TryGetResult Dot with
                        | Some _, Some _ -> return Misused "--dot, --svg: expected one of them"
                        | Some file, None -> return write file (Graph.svg (picture graph))
                        | None, Some file -> return write file (Graph.dot (picture graph))
                        | None, None ->
                            Report.print (arguments.GetResult(RoomGraphArguments.Format, Text)) (report graph)
                            return Done
                })

    let run (arguments: ParseResults<RoomArguments>) : Ending =
        match arguments.GetSubCommand() with
        | Graph arguments -> graph arguments
        | List arguments -> AdminCommands.rooms arguments
        | Show arguments -> AdminCommands.thing arguments "GET" (fun id -> AdminApi.V1 + "rooms/" + id) null
        | Members arguments ->
            AdminCommands.thing arguments "GET" (fun id -> AdminApi.V1 + "rooms/" + id + "/members") null
        | Media arguments -> AdminCommands.thing arguments "GET" (fun id -> AdminApi.V1 + "room/" + id + "/media") null
        | Delete arguments -> AdminCommands.deleteRoom arguments
        | Purge_History arguments -> AdminCommands.purgeHistory arguments
        | Block arguments -> AdminCommands.blocks true arguments
        | Unblock arguments -> AdminCommands.blocks false arguments
        | Make_Admin arguments ->
            AdminCommands.withUser (fun room -> AdminApi.V1 + "rooms/" + room + "/make_room_admin") arguments
        | Join arguments -> AdminCommands.withUser (fun room -> AdminApi.V1 + "join/" + room) arguments
