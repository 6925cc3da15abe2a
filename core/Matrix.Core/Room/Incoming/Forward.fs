namespace Matrix.Core.Room.Incoming

open System.Collections.Generic
open Matrix.Core.Room

/// The forward extremities as events come in: the accepted events from which no accepted event descends.
/// Server-Server API, "PDUs" (`prev_events`), "Rejection" and "Soft failure".
[<RequireQualifiedAccess>]
module internal Forward =

    /// Walks from an event through neighbours that may not be built upon, at most so many, and answers those at the ends that may.
    let private ends (most: int) (ledger: Ledger) (neighbours: string -> seq<string>) (start: seq<string>) : HashSet<string> =
        let found = HashSet<string>()
        let met = HashSet<string>()
        let pending = Stack<string>(start)

        while pending.Count > 0 && met.Count < most do
            let id = pending.Pop()

            if met.Add id then
                match ledger.Find id with
                | null -> ()
                | known when known.Standing = Standing.Accepted -> found.Add id |> ignore
                | known ->
                    if not known.IsOutlier then
                        for next in neighbours id do
                            pending.Push next

        found

    /// The accepted events that an event descends from, through what may not be built upon.
    let below (most: int) (ledger: Ledger) (prevEvents: string[]) : HashSet<string> =
        let prevOf id =
            match ledger.Find id with
            | null -> Seq.empty
            | known -> Seq.ofArray known.Event.Pdu.PrevEvents

        ends most ledger prevOf prevEvents

    /// Whether an accepted event descends from this one.
    let isBuiltUpon (most: int) (ledger: Ledger) (eventId: string) : bool =
        (ends most ledger ledger.Following (ledger.Following eventId)).Count > 0

    /// The extremities once an event is decided, and in the ledger. `most` events that may not be built upon are looked through.
    let after (most: int) (ledger: Ledger) (before: ForwardExtremity[]) (known: KnownEvent) : ForwardExtremity[] =
        if known.IsOutlier then
            before
        elif isBuiltUpon most ledger known.EventId then
            // It came after what descends from it, and shows what that descends from in turn.
            let named = below most ledger known.Event.Pdu.PrevEvents
            before |> Array.filter (fun e -> not (named.Contains e.EventId))
        elif known.Standing = Standing.Accepted then
            let named = below most ledger known.Event.Pdu.PrevEvents
            Extremities.After(before, named, ForwardExtremity(known.Ordinal, known.EventId), true)
        else
            before
