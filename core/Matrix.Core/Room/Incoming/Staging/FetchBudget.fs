namespace Matrix.Core.Room.Incoming.Staging

open System
open System.Collections.Generic
open Matrix.Core.Event
open Matrix.Core.Room.Incoming.Facts

/// The shares of peers in what a room keeps for them: each server has one. All strangers, which are the servers without
/// a joined user in the room, have one together: anybody may invent servers.
[<RequireQualifiedAccess>]
module internal Share =

    /// The strangers' share. No server has this name.
    let ofStrangers = "*"

/// The amounts fetched for one received event, and for the events that it led to. `peer` sent that event, which came at
/// `since`. `searches` counts the searches for what it lacks, this one included.
[<Sealed>]
type internal FetchBudget(log: UndoLog, peer: string, since: int64, searches: int, isStranger: bool) =
    let walked = Undoable(log, 0)
    let chain = Undoable(log, 0)
    let requests = Undoable(log, 0)
    let retryAt = Undoable(log, Int64.MaxValue)

    /// The peer that sent the received event.
    member _.Peer = peer

    /// Whether that peer has no joined user in the room. Then nobody else is asked, so that nobody can make the room's
    /// servers work by an invented name.
    member _.IsStranger = isStranger

    /// The share in which the events count.
    member _.Share = if isStranger then Share.ofStrangers else peer

    /// When the received event came.
    member _.Since = since

    /// The searches for what it lacks, this one included.
    member _.Searches = searches

    /// The earliest time at which a peer that was not reached may be asked again; the greatest number if all were
    /// reached.
    member _.RetryAt
        with get () = retryAt.Value
        and set (time: int64) = retryAt.Value <- time

    /// Whether a peer was not reached since the search began.
    member _.IsUnreached = retryAt.Value < Int64.MaxValue

    /// Previous events.
    member _.Walked
        with get () = walked.Value
        and set count = walked.Value <- count

    /// Auth and state events.
    member _.Chain
        with get () = chain.Value
        and set count = chain.Value <- count

    /// Requests, without those for keys.
    member _.Requests
        with get () = requests.Value
        and set count = requests.Value <- count

    /// Events that cannot be decided at all, since no peer had some auth event.
    member val GivenUp = UndoableSet<string>(log)

    /// Events that can be decided only as outliers, since no peer had the state before them.
    member val Stateless = UndoableSet<string>(log)

    /// The requests made, by peer. None is repeated: otherwise a hostile peer could make each missing event cost as
    /// many requests as there are paths to it.
    member val Requested = UndoableSet<struct (string * string)>(log)

    /// The number of events of fetched states requested from each peer.
    member val OfStates = UndoableMap<string, int>(log, Dictionary())

    /// What the events that were fetched for the received one lacked when they were dropped, since no peer had it.
    member val Lacking = UndoableSet<string>(log)

    /// Auth events of another room, which are not decided here.
    member val Foreign = UndoableMap<string, Pdu>(log, Dictionary())

    /// The search begins again: everything may be requested again. The number of requests stays.
    member this.BeginAgain() : unit =
        walked.Value <- 0
        chain.Value <- 0
        retryAt.Value <- Int64.MaxValue
        this.GivenUp.Clear()
        this.Lacking.Clear()
        this.Stateless.Clear()
        this.Requested.Clear()

        for peer in Seq.toArray this.OfStates.Keys do
            this.OfStates.Remove peer |> ignore

    /// Whether an event was given up before. With `withState`, also if it can be decided only as an outlier.
    member this.IsHopeless(eventId: string, withState: bool) : bool =
        this.GivenUp.Contains eventId || (withState && this.Stateless.Contains eventId)
