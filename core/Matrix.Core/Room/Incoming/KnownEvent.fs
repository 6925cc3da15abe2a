namespace Matrix.Core.Room.Incoming

open System.Collections.Generic
open Matrix.Core.Auth
open Matrix.Core.Room
open Matrix.Core.StateRes

/// The next numbers of a room's events. Live events rise from 0x80000000, in the order of the timeline; before one
/// whose previous events are missing, numbers are left free for these. History, fetched from before the first live
/// event, falls from 0x7FFFFFFF to 0x40000000. Outliers rise from 1 to 0x3FFFFFFF.
[<Sealed>]
type RoomNumbers(nextLive: uint32, nextHistory: uint32, nextOutlier: uint32) =

    static let firstLive = 0x80000000u
    static let lastHistory = 0x40000000u
    static let lastFree = 0xC0000000u
    static let first = RoomNumbers(firstLive, firstLive - 1u, 1u)

    /// The numbers of a new room.
    static member First = first

    /// The number of the next live event.
    member _.NextLive = nextLive

    /// The number of the next live event if its previous events are missing and at most `most` numbers are left free
    /// for them. The more numbers are used, the fewer are left free: a half of all numbers is for live events.
    member _.NextLiveAfterGap(most: uint32) : uint32 =
        if nextLive = firstLive then
            // History has its own numbers below the first live event.
            nextLive
        else
            nextLive + min most ((max nextLive lastFree - nextLive) / 4096u)

    /// The number of the next event of history, below those of all others.
    member _.NextHistory = nextHistory

    /// The number of the next outlier.
    member _.NextOutlier = nextOutlier

    /// The next numbers after one was given to an event.
    member internal _.After(ordinal: uint32) : RoomNumbers =
        if ordinal >= firstLive then
            RoomNumbers(max nextLive (ordinal + 1u), nextHistory, nextOutlier)
        elif ordinal >= lastHistory then
            RoomNumbers(nextLive, min nextHistory (ordinal - 1u), nextOutlier)
        else
            RoomNumbers(nextLive, nextHistory, max nextOutlier (ordinal + 1u))

    /// The lowest number of history.
    static member internal LastHistory = lastHistory

    /// Whether there is a number left for an outlier.
    member internal _.HasOutlier = nextOutlier < lastHistory

/// The verdict on an event, without its reason.
[<RequireQualifiedAccess>]
type EventStatus =
    | Accepted
    | SoftFailed
    | Rejected

/// A decided event, with the parts that later events need. A `height` of -1 is not known yet: it is computed when state
/// resolution needs it. The state after the event is a fact of its own.
[<Sealed>]
type KnownEvent
    (event: AuthEvent, status: EventStatus, height: int, ordinal: uint32, isOutlier: bool, provenance: Provenance) =

    let mutable height = height
    let mutable sourced: SourcedEvent | null = null

    /// The event, with the parts that authorization reads.
    member _.Event = event

    /// Its identifier.
    member _.EventId = event.Pdu.EventId

    /// The verdict.
    member _.Status = status

    /// Whether it was rejected.
    member _.IsRejected = status.IsRejected

    /// One more than the greatest height among its auth events, 0 without any; -1 while it is not known.
    member _.Height = height

    /// Its number in its room, on this server.
    member _.Ordinal = ordinal

    /// Whether it is known without the state around it: an auth event, or part of a state, that a peer sent. Only its
    /// auth events were checked.
    member _.IsOutlier = isOutlier

    /// The source of the state around it; on trust for every outlier.
    member _.Provenance = provenance

    /// The height, computed from the auth events if it is not known yet. `find` returns an event by its id.
    member internal this.HeightBy(find: string -> KnownEvent | null) : int =
        if height < 0 then
            // An explicit stack: chains of events with unknown heights may be long.
            let pending = Stack<KnownEvent>()
            let met = HashSet<string>()
            pending.Push this

            while pending.Count > 0 do
                let next = pending.Peek()
                let isFirstVisit = met.Add next.EventId
                let mutable greatest = -1
                let mutable waits = false

                for id in next.Event.Pdu.AuthEvents do
                    match find id with
                    | null -> ()
                    | cited when cited.Height >= 0 -> greatest <- max greatest cited.Height
                    | cited ->
                        // An event that was met before and still has no height is in its own auth chain.
                        if isFirstVisit && not (met.Contains cited.EventId) then
                            pending.Push cited
                            waits <- true

                if not waits then
                    pending.Pop() |> ignore
                    next.SetHeight(greatest + 1)

        height

    member private _.SetHeight(known: int) : unit = height <- known

    /// The event as state resolution reads it.
    member internal this.SourcedBy(find: string -> KnownEvent | null) : SourcedEvent =
        match sourced with
        | null ->
            let made = SourcedEvent(event, status.IsRejected, this.HeightBy find)
            sourced <- made
            made
        | known -> known
