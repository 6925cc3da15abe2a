namespace Matrix.Core.Event

open Matrix.Core.Json

/// A parsed persistent data unit in the format of its room version: the input of every later step. Only
/// `Matrix.Core.Event.PduFormat` (from bytes) and `Matrix.Core.Room` (from a draft) build it.
/// v1.19 server-server-api#pdus, v1.19 rooms/v12#event-format-1
[<Sealed>]
type Pdu
    (
        roomVersion: string,
        eventId: string,
        roomId: string,
        sender: string,
        eventType: string,
        stateKey: string | null,
        originServerTs: int64,
        depth: int64,
        content: JsonObject,
        prevEvents: string[],
        authEvents: string[],
        redacts: string | null,
        canonical: byte[]
    ) =

    /// Identifier of the room version, such as "12".
    member _.RoomVersion = roomVersion

    /// `$…`: with a domain in room versions 1 and 2, a reference hash since.
    member _.EventId = eventId

    /// `!…`. For the create event of a room of version 12 or later, derived from the event id.
    member _.RoomId = roomId

    /// The user id of the sender.
    member _.Sender = sender

    /// The event's type.
    member _.Type = eventType

    /// The state key; null if this is not a state event.
    member _.StateKey = stateKey

    /// Whether this is a state event.
    member _.IsState = not (isNull stateKey)

    /// `origin_server_ts`: milliseconds since the epoch, as the sender's server claims.
    member _.OriginServerTs = originServerTs

    /// One more than the greatest depth of the previous events, capped at the version's limit.
    member _.Depth = depth

    /// The event's content.
    member _.Content = content

    /// `prev_events`: the forward extremities that the sender's server saw.
    member _.PrevEvents = prevEvents

    /// `auth_events`: the events that authorise this one.
    member _.AuthEvents = authEvents

    /// The id of the event that this one redacts, wherever its room version puts it; null if there is none.
    member _.Redacts = redacts

    /// The canonical bytes, without `unsigned` (and without `event_id` since room version 3): what is stored and sent.
    member _.Canonical: System.ReadOnlyMemory<byte> = System.ReadOnlyMemory<byte> canonical

    override _.Equals other =
        match other with
        | :? Pdu as o -> System.String.Equals(o.EventId, eventId)
        | _ -> false

    override _.GetHashCode() = eventId.GetHashCode()
