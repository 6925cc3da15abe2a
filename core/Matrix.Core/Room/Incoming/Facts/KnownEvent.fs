namespace Matrix.Core.Room.Incoming.Facts

open System.Collections.Generic
open Matrix.Core.Auth
open Matrix.Core.Room
open Matrix.Core.StateRes

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
