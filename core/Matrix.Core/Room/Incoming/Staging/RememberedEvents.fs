namespace Matrix.Core.Room.Incoming.Staging

open System.Collections.Generic
open Matrix.Core.Room.Incoming.Facts
open Matrix.Core.Room.Incoming.Protocol

/// A received event that lacks others which no peer had. `since` is when it came, `lacks` are the events that it lacks,
/// `searches` is how often they were searched for.
[<Sealed>]
type internal Remembered
    (
        event: ReceivedEvent,
        peer: string,
        isStranger: bool,
        since: int64,
        lacks: string[],
        searches: int,
        reason: DropReason
    ) =

    member _.Event = event
    member _.Id = event.Pdu.EventId

    /// The peer that sent it.
    member _.Peer = peer

    /// Whether that peer had no joined user in the room.
    member _.IsStranger = isStranger

    /// The share in which it counts.
    member _.Share = if isStranger then Share.ofStrangers else peer

    member _.Since = since
    member _.Lacks = lacks
    member _.Searches = searches

    /// Why it is dropped once it is forgotten.
    member _.Reason = reason

    /// Its size in memory, approximately.
    member _.Bytes = Staged.SizeOf event

/// Received events that lack others which no peer had. Nothing is requested for them; once one of the events that they
/// lack is decided, they are staged again. Their senders do not send them again, since they were acknowledged.
[<Sealed>]
type internal RememberedEvents(log: UndoLog, limits: IncomingLimits) =

    let events = UndoableMap<string, Remembered>(log, Dictionary())
    // Their ids by the ids that they lack.
    let lacking = UndoableMap<string, string list>(log, Dictionary())

    let byTime =
        UndoableMap<struct (int64 * string), Remembered>(log, SortedDictionary(TimeOrder.comparer))

    // Those to stage again.
    let due = UndoableQueue<Remembered>(log)

    let remove (r: Remembered) =
        events.Remove r.Id |> ignore
        byTime.Remove(struct (r.Since, r.Id)) |> ignore

        for id in r.Lacks do
            match lacking.TryFind id with
            | ValueSome all ->
                match List.filter (fun other -> other <> r.Id) all with
                | [] -> lacking.Remove id |> ignore
                | left -> lacking.Set(id, left)
            | ValueNone -> ()

    member _.Count = events.Count

    /// The events.
    member _.All: seq<Remembered> = byTime.Values

    /// Whether an event is remembered.
    member _.Has(eventId: string) : bool = events.ContainsKey eventId

    /// Stops remembering an event; false if it was not remembered.
    member _.Remove(eventId: string) : bool =
        match events.TryFind eventId with
        | ValueSome r ->
            remove r
            true
        | ValueNone -> false

    /// Remembers an event. If they are too many, the share with the most loses its oldest one, which is returned. A
    /// stranger's event takes the place of a stranger's.
    member _.Add(r: Remembered) : Remembered voption =
        events.Set(r.Id, r)
        byTime.Set(struct (r.Since, r.Id), r)

        for id in r.Lacks do
            match lacking.TryFind id with
            | ValueSome all -> lacking.Set(id, r.Id :: all)
            | ValueNone -> lacking.Set(id, [ r.Id ])

        if events.Count <= limits.Remembered then
            ValueNone
        else
            let share =
                if r.IsStranger then
                    r.Share
                else
                    let struct (_, most) =
                        events.Values
                        |> Seq.countBy _.Share
                        |> Seq.map (fun (share, count) -> struct (-count, share))
                        |> Seq.min

                    most

            let oldest = byTime.Values |> Seq.find (fun other -> other.Share = share)
            remove oldest
            ValueSome oldest

    /// An event is decided: those that lacked it are due.
    member _.Decided(eventId: string) : unit =
        if events.Count > 0 then
            match lacking.TryFind eventId with
            | ValueSome all ->
                for id in List.rev all do
                    match events.TryFind id with
                    | ValueSome r ->
                        remove r
                        due.Enqueue r
                    | ValueNone -> ()
            | ValueNone -> ()

    /// The next one to stage again; none if there is none.
    member _.NextDue() : Remembered voption = due.TryDequeue()

    /// The events whose time is over.
    member _.TakeForgotten(now: int64) : Remembered[] =
        let forgotten =
            byTime.Values
            |> Seq.takeWhile (fun r -> r.Since + limits.RememberedFor <= now)
            |> Seq.toArray

        Array.iter remove forgotten
        forgotten

    /// When the time of the first one is over; 0 without any.
    member _.ForgetsAt: int64 =
        if events.Count = 0 then
            0L
        else
            (Seq.head byTime.Values).Since + limits.RememberedFor
