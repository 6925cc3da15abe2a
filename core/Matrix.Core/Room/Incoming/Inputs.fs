namespace Matrix.Core.Room.Incoming

open Matrix.Core.Event
open Matrix.Core.Room.Incoming.Facts
open Matrix.Core.Room.Incoming.Protocol
open Matrix.Core.Room.Incoming.Deciding

/// An input of the machine.
[<RequireQualifiedAccess>]
type Input =
    /// The time: milliseconds since the epoch. Without it, nothing is bounded by time.
    | At of now: int64
    /// This peer sent an event in a transaction.
    | Received of peer: string * event: ReceivedEvent
    /// The same for an event that was staged before the machine was made: when it came, and from when on it may be
    /// searched for what it lacks, in milliseconds. After a restart there may be many.
    | Resumed of peer: string * event: ReceivedEvent * since: int64 * searchFrom: int64
    /// This peer waits for the decision about an event, as of `PUT /send_join`: if the event lacks others, it is
    /// dropped.
    | Decide of peer: string * event: ReceivedEvent
    /// No more events of strangers may wait: over all rooms, too many do. Those that come in the same call, and lack
    /// others, are dropped.
    | NoSpaceForStrangers
    /// A peer that was not reached may be asked again, before the time that the response named.
    | Reached of peer: string
    /// This peer sent an event as part of older history (`GET /backfill/{roomId}`). It is no extremity, and is never
    /// soft-failed if an accepted event descends from it. Its previous events are not fetched: if one is missing, the
    /// state before the event is fetched instead. The events of one call get numbers of history in the order of the
    /// graph.
    | History of peer: string * event: ReceivedEvent
    /// The events of history in the same call get the highest numbers between these two, which no other event may have
    /// or get. Without this input they get numbers below all others.
    | HistoryPlace of after: uint32 * before: uint32
    /// This peer sent an event that does not have the format of its room version.
    | Malformed of peer: string * fault: PduFault
    /// A request got its response. The response to a request that is no longer outstanding is ignored.
    | Responded of number: int * response: Response
    /// A resolution of `Output.Resolve` has ended. One that is no longer needed is ignored.
    | Resolved of resolution: RoomResolution

/// The results of inputs, in order. If `LookUps` is not empty, nothing has happened yet.
type Output = {
    /// The facts that the inputs need and that the machine lacks.
    LookUps: LookUps
    /// New requests.
    Requests: PeerRequest[]
    /// The room's outstanding resolution, if it is new: states that are too many, or cost too much, to resolve inside
    /// of a call. Events wait for it. Null if there is none.
    Resolve: RoomResolution | null
    Decided: DecidedEvent[]
    /// Events that are no longer staged, with the reason; "" for a malformed event without an id.
    Dropped: struct (string * DropReason)[]
    /// Events that are no longer staged because no peer had what they lack, and that are remembered.
    Remembered: struct (string * DropReason)[]
    /// When the machine needs the time again: staged events wait for peers that were not reached, or remembered ones
    /// are forgotten. 0 if it does not.
    RetryAt: int64
    /// Whether events could be decided that `IncomingLimits.Work` leaves to a further call, which needs no input.
    HasMore: bool
} with

    /// Nothing but an outstanding resolution.
    static member Of(resolution: RoomResolution) : Output = {
        LookUps = LookUps.None
        Requests = [||]
        Resolve = resolution
        Decided = [||]
        Dropped = [||]
        Remembered = [||]
        RetryAt = 0L
        HasMore = false
    }
