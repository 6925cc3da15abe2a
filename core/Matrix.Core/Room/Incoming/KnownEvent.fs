namespace Matrix.Core.Room.Incoming

open System.Collections.Generic
open Matrix.Core.Auth
open Matrix.Core.State
open Matrix.Core.StateRes

/// What became of an event that was decided.
[<RequireQualifiedAccess>]
type Standing =
    | Accepted
    | SoftFailed
    | Rejected

/// Where the state around an event comes from.
[<RequireQualifiedAccess>]
type Provenance =
    /// This server decided the event and all of its ancestry, previous events and auth events, back to the create event.
    | Computed
    /// Something in its ancestry was taken from a peer's answer: a state, or an auth event whose own past is not known.
    | OnTrust

/// An event that was decided: all that later events ask about it.
[<Sealed>]
type KnownEvent
    (event: AuthEvent, standing: Standing, height: int, ordinal: uint32, stateAfter: StateTree | null, provenance: Provenance) =

    let sourced = SourcedEvent(event, standing.IsRejected, height)

    /// The event, with what authorization reads of it.
    member _.Event = event

    /// Its identifier.
    member _.EventId = event.Pdu.EventId

    /// What became of it.
    member _.Standing = standing

    /// Whether it was rejected.
    member _.IsRejected = standing.IsRejected

    /// One more than the greatest height among its auth events, 0 without any.
    member _.Height = height

    /// Its number in its room, on this server.
    member _.Ordinal = ordinal

    /// The state after it: of a rejected event, the state before it. Null of an outlier.
    member _.StateAfter = stateAfter

    /// Whether it is known without the state around it: an auth event, or part of a state, that a peer told.
    /// It passed the rules by its auth events alone.
    member _.IsOutlier = isNull stateAfter

    /// Where the state around it comes from; on trust for every outlier.
    member _.Provenance = provenance

    /// The event as state resolution sees it.
    member _.Sourced = sourced

/// What a server durably knows of one room. Asked about few events at a time; a cache behind it pays.
type IRoomHistory =
    /// The event of that identifier; null if it was never decided.
    abstract Known: eventId: string -> KnownEvent | null

    /// The accepted state events that cite an event among their auth events, the newest first.
    abstract Citing: eventId: string -> seq<string>

    /// The decided events, outliers excepted, that name an event among their previous events.
    abstract Following: eventId: string -> seq<string>

    /// The other servers joined in the room, in an order of this server's choice: those asked first stand first.
    abstract Servers: unit -> IReadOnlyList<string>
