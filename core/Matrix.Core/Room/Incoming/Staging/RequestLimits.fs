namespace Matrix.Core.Room.Incoming.Staging

open System.Collections.Generic
open Matrix.Core.Room.Incoming.Facts
open Matrix.Core.Room.Incoming.Protocol

/// The time, and what may be requested now: how often each peer was asked in this minute, and the ids that no peer had
/// lately. Those in `notStored` cannot be stored here, and are as ones that no peer has.
[<Sealed>]
type internal RequestLimits(log: UndoLog, limits: IncomingLimits, notStored: IReadOnlySet<string>) =

    let now = Undoable(log, 0L)
    // Requests of the present minute.
    let requestsOf = UndoableMap<string, int>(log, Dictionary())
    // Ids that no peer had, and until when they are not requested again.
    let givenUp = UndoableMap<string, int64>(log, Dictionary())
    let givenUpOrder = UndoableQueue<string>(log)

    let countOf (peer: string) =
        match requestsOf.TryFind peer with
        | ValueSome count -> count
        | ValueNone -> 0

    /// Takes the time.
    member _.At(time: int64) : unit =
        if time / 60_000L <> now.Value / 60_000L then
            for peer in Seq.toArray requestsOf.Keys do
                requestsOf.Remove peer |> ignore

        now.Value <- max now.Value time

    /// The time; 0 while it is not known.
    member _.Now = now.Value

    /// When peers that were asked too often in this minute may be asked again.
    member _.NextMinute = (now.Value / 60_000L + 1L) * 60_000L

    /// The number of requests that a request takes: events are requested one by one, but for many of a state.
    member _.CountOf(request: Request, isOfState: bool) : int =
        match request with
        | Request.Events ids when not isOfState || ids.Length <= limits.BulkState -> ids.Length
        | _ -> 1

    /// Whether a peer may be asked in this minute: so many requests, or for the first time.
    member _.MayRequest(peer: string, requests: int) : bool =
        let before = countOf peer
        before = 0 || before + requests <= limits.RequestsPerMinute

    /// Counts requests.
    member _.Requested(peer: string, requests: int) : unit =
        requestsOf.Set(peer, countOf peer + requests)

    /// Remembers ids that no peer had.
    member _.GiveUp(ids: seq<string>) : unit =
        if now.Value > 0L then
            for id in ids do
                match givenUp.TryFind id with
                | ValueSome until when now.Value < until -> ()
                | found ->
                    if found.IsNone then
                        givenUpOrder.Enqueue id

                    givenUp.Set(id, now.Value + limits.GivenUpFor)

            while givenUpOrder.Count > limits.GivenUp do
                match givenUpOrder.TryDequeue() with
                | ValueSome oldest -> givenUp.Remove oldest |> ignore
                | ValueNone -> ()

    /// Whether the storage refused this event.
    member _.IsNotStored(eventId: string) : bool = notStored.Contains eventId

    /// Whether no peer had this event lately, or it cannot be stored.
    member _.IsGivenUp(eventId: string) : bool =
        notStored.Contains eventId
        || (match givenUp.TryFind eventId with
            | ValueSome until -> now.Value < until
            | ValueNone -> false)
