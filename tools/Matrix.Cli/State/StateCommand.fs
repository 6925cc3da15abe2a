namespace Matrix.Cli.State

open System
open System.Collections.Generic
open Argu
open Matrix.Cli.Input
open Matrix.Cli.Output
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.State
open Matrix.Core.StateRes
open Matrix.Rules

type ResolveArguments =
    | [<Mandatory; Unique>] Room_Version of VERSION: string
    | [<Mandatory>] Pdus of FILE: string list
    | State of FILE: string
    | [<Unique>] Trust_Event_Ids
    | [<Unique>] Explain
    | [<Unique>] Dot
    | [<Unique>] Svg
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Room_Version _ -> "the room's version."
            | Pdus _ ->
                "the room's events: lists, one event per line, or servers' responses (`pdus`, `auth_chain`, `state`). \
                 - is standard input."
            | State _ ->
                "a state to resolve: event ids, entries as this command prints them, or events. May be repeated. \
                 Default: the events are replayed, and the states after the forward extremities are resolved."
            | Trust_Event_Ids -> "accepts `event_id` as given, and events without hashes or signatures."
            | Explain -> "prints the result of each step: what it found, its order and its verdicts."
            | Dot -> "prints the events as a Graphviz graph."
            | Svg -> "prints the events as an SVG picture."
            | Format _ -> "output format. Default: json."

[<RequireSubcommand>]
type StateArguments =
    | [<CliPrefix(CliPrefix.None)>] Resolve of ParseResults<ResolveArguments>

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Resolve _ -> "resolves states of a room, or replays its events, and prints the resulting state."

module internal StateCommand =

    let private shown (id: string) = if id = "" then "an event" else id

    let private unresolvable (error: ResolutionError) : Ending =
        match error with
        | ResolutionError.EventMissing id -> Misused $"--pdus: expected {id}, which is in a state"
        | ResolutionError.AuthEventMissing(citing, missing) ->
            Misused $"--pdus: expected {missing}, an auth event of {citing}"
        | ResolutionError.NotState id ->
            Misused $"--pdus: {id}: expected a state event, because it is in a state or an auth event"
        | ResolutionError.OutOfOrder(citing, cited) ->
            Misused $"--pdus: {citing}: expected auth events without a circle: {cited} has it in its auth chain"
        | ResolutionError.TooManyEvents limit -> Refused $"the resolution needs more than {limit} events"
        | ResolutionError.StateCount count ->
            Misused $"--state: expected 1 to {ResolutionLimits.states} states, found {count}"

    let private unreplayable (error: ReplayError) : Ending =
        match error with
        | ReplayError.PrevEventMissing(citing, missing) ->
            Misused $"--pdus: expected {missing}, a previous event of {citing}"
        | ReplayError.AuthEventMissing(citing, missing) ->
            unresolvable (ResolutionError.AuthEventMissing(citing, missing))
        | ReplayError.Circle id ->
            Misused $"--pdus: {shown id}: expected previous events without a circle: it is its own ancestor"
        | ReplayError.Unresolved(_, error) -> unresolvable error

    /// Replays all events, and returns the state after them.
    let private replay (version: RoomVersion) (pdus: Pdu[]) : Result<Explanation.Resolved, Ending> =
        Replay.Run(AuthRules version, pdus, ResolutionLimits.Usual)
        |> Result.mapError unreplayable
        |> Result.map (fun replay -> {
            Version = version
            Events = Dictionary(dict [ for e in replay.Events -> e.Pdu.EventId, e.Pdu ])
            States = replay.Tips
            Resolution = replay.Resolution
            State = replay.State
            Replayed = replay.Events
        })

    let private resolve
        (version: RoomVersion)
        (events: Dictionary<string, Pdu>)
        (trees: StateTree[])
        : Result<Explanation.Resolved, Ending> =
        let rules = AuthRules version

        let find (id: string) : Pdu | null =
            match events.TryGetValue id with
            | true, pdu -> pdu
            | _ -> null

        let roots =
            trees
            |> Seq.collect (fun tree -> tree.Entries())
            |> Seq.map _.EventId
            |> Seq.distinct

        let resolved =
            EventGraph.Of(rules, find, roots)
            |> Result.bind (fun graph ->
                let states = TreesToResolve.ofTrees trees

                (StateResolver.Of rules).Resolve(states, graph, ResolutionLimits.Usual)
                |> Result.map (fun resolution ->
                    resolution, TreesToResolve.resolved trees states resolution.Entries (fun _ -> 0u)))

        match resolved with
        | Error error -> Error(unresolvable error)
        | Ok(resolution, state) ->
            Ok {
                Version = version
                Events = events
                States = trees
                Resolution = resolution
                State = state
                Replayed = [||]
            }

    let private read (arguments: ParseResults<ResolveArguments>) : Result<Explanation.Resolved, Ending> =
        match RoomVersions.find (arguments.GetResult Room_Version) with
        | Error ending -> Error ending
        | Ok version ->
            let format = EventFormat version
            let trustsIds = arguments.Contains Trust_Event_Ids
            let files = List.concat (arguments.GetResults Pdus)

            match Pdus.read format trustsIds files, arguments.GetResults State with
            | _ when files.IsEmpty -> Error(Misused "--pdus: expected a file")
            | Error ending, _ -> Error ending
            | Ok pdus, [] -> replay version pdus
            | Ok pdus, files ->
                let events = Dictionary<string, Pdu>()

                for pdu in pdus do
                    events.TryAdd(pdu.EventId, pdu) |> ignore

                files
                |> Ending.all (Pdus.state format trustsIds events)
                |> Result.bind (Array.ofList >> resolve version events)

    /// The state as JSON: a sorted list.
    let private writeState (state: StateTree) =
        JsonText.ofWriting (fun json ->
            json.WriteStartArray()

            for entry in Explanation.sorted state do
                json.WriteStartObject()
                json.WriteString("type", entry.Type)
                json.WriteString("state_key", entry.StateKey)
                json.WriteString("event_id", entry.EventId)
                json.WriteEndObject()

            json.WriteEndArray())
        |> Console.Out.WriteLine

    let private resolveStates (arguments: ParseResults<ResolveArguments>) : Ending =
        if arguments.Contains Dot && arguments.Contains Svg then
            Misused "--dot, --svg: expected one of them"
        else
            match read arguments with
            | Error ending -> ending
            | Ok resolved ->
                let format = arguments.GetResult(ResolveArguments.Format, Json)

                if arguments.Contains Dot then
                    printf "%s" (Graph.dot (Explanation.graph resolved))
                elif arguments.Contains Svg then
                    printf "%s" (Graph.svg (Explanation.graph resolved))
                elif arguments.Contains Explain then
                    Report.print format (Explanation.report resolved)
                elif format = Json then
                    writeState resolved.State
                else
                    Report.print format {
                        Facts = []
                        Tables = [ Explanation.stateTable resolved.State ]
                    }

                Done

    let run (arguments: ParseResults<StateArguments>) : Ending =
        match arguments.GetSubCommand() with
        | Resolve arguments -> resolveStates arguments
