namespace Matrix.Properties.Simulation

open System.Collections.Generic
open Matrix.Core.Room.Incoming.Protocol

/// The responses of a server to others' requests, from what it durably knows.
[<RequireQualifiedAccess>]
module Responses =

    /// The most events in one response.
    let private most = 10_000

    /// The events reached from these, without them, nearest first.
    let private reach
        (find: string -> SentEvent option)
        (next: SentEvent -> string[])
        (isEnd: string -> bool)
        limit
        (from: string list)
        =
        let seen = HashSet<string>(from)
        let pending = Queue<string>(from)
        let found = List<SentEvent>()
        let mutable starts = from.Length

        while pending.Count > 0 && found.Count < limit do
            let id = pending.Dequeue()
            starts <- starts - 1

            match find id with
            | None -> ()
            | Some event ->
                if starts < 0 then
                    found.Add event

                for other in next event do
                    if not (isEnd other) && seen.Add other then
                        pending.Enqueue other

        List.ofSeq found

    /// The auth chain of these events.
    let authChain (find: string -> SentEvent option) (ids: string list) : SentEvent list =
        reach find (fun e -> e.Pdu.AuthEvents) (fun _ -> false) most ids

    let private events (found: SentEvent list) =
        if found.IsEmpty then
            WireResponse.Nothing
        else
            WireResponse.Events found

    /// The response to a request for history: these events, and those before them.
    let history (find: string -> SentEvent option) (ids: string list) (limit: int) : WireResponse =
        let named = List.choose find ids
        let before = reach find (fun e -> e.Pdu.PrevEvents) (fun _ -> false) limit ids
        events (named @ before |> List.truncate limit)

    /// The response to a request.
    let respond (find: string -> SentEvent option) (store: Store) (request: Request) : WireResponse =
        match request with
        | Request.Events ids -> events (ids |> Seq.choose find |> List.ofSeq)
        | Request.AuthChain id -> events (authChain find [ id ])
        | Request.Missing(latest, earliest, limit) ->
            let known = HashSet<string>(earliest)
            events (reach find (fun e -> e.Pdu.PrevEvents) known.Contains limit [ latest ])
        | Request.StateBefore id ->
            match store.StateBefore id with
            | null -> WireResponse.Nothing
            | state ->
                let ids = [ for entry in state.Entries() -> entry.EventId ]
                let chain = [| for e in authChain find ids -> e.Pdu.EventId |]
                WireResponse.State(Array.ofList ids, chain)
        | Request.Keys _ -> WireResponse.Keys
