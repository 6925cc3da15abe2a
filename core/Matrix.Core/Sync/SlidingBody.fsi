namespace Matrix.Core.Sync

open System.Collections.Generic
open Matrix.Core.Json

/// What is sent of a room. Immutable.
[<Sealed>]
type RoomConfig =

    new: timelineLimit: int * requiredState: RequiredState -> RoomConfig

    /// The most events of the timeline.
    member TimelineLimit: int

    /// The state events.
    member RequiredState: RequiredState

    /// What either of the two asks for. MSC4186, "Combining room configs".
    static member Union: first: RoomConfig * second: RoomConfig -> RoomConfig

/// A list of rooms.
[<Sealed>]
type SlidingList =

    /// The name that the client gave it.
    member Name: string

    /// What is sent of its rooms.
    member Config: RoomConfig

    /// The rooms that belong to it.
    member Filter: RoomListFilter

    /// The ranges of its rooms that are sent: both ends included, in order, without overlaps.
    member Ranges: IReadOnlyList<struct (int * int)>

    /// Equal for equal lists.
    member Hash: string

/// A room that is sent whether or not a list has it.
[<Sealed>]
type SlidingSubscription =

    /// The room.
    member RoomId: string

    /// What is sent of it.
    member Config: RoomConfig

/// The settings of an extension, as far as extensions share them.
[<Sealed>]
type ExtensionRequest =

    /// The extension's name.
    member Name: string

    /// Whether the client wants it.
    member IsEnabled: bool

    /// The lists whose rooms it applies to; null for all.
    member Lists: IReadOnlyCollection<string> | null

    /// The subscriptions that it applies to, `*` for all; null for all.
    member Rooms: IReadOnlyCollection<string> | null

    /// The most entries of the response; none if the client does not say.
    member Limit: System.Nullable<int>

    /// The position to continue from; null if the client gives none.
    member Since: string | null

/// The bounds of a request.
[<Sealed>]
type SlidingLimits =

    new: lists: int * subscriptions: int -> SlidingLimits

/// The body of a request of sliding sync. Immutable. MSC4186, "Request Body".
[<Sealed>]
type SlidingBody =

    /// The connection's name, which is empty if the client gives none.
    member ConnectionId: string

    /// The client's own name of the request; null if it gives none.
    member TransactionId: string | null

    /// The position to continue from; null for a new connection. In the older format it is in the query.
    member Pos: string | null

    /// The milliseconds to wait. In the older format it is in the query.
    member Timeout: int64

    /// The lists.
    member Lists: IReadOnlyList<SlidingList>

    /// The subscriptions.
    member Subscriptions: IReadOnlyList<SlidingSubscription>

    /// The known extensions that the client named.
    member Extensions: IReadOnlyList<ExtensionRequest>

    /// Reads a body of MSC4186 as it was merged; the extensions are those known to the server.
    static member Parse:
        body: JsonObject * limits: SlidingLimits * extensions: IReadOnlyCollection<string> -> SlidingOutcome

    /// Reads a body of its unstable form, which clients send. `self` is the user.
    static member ParseUnstable:
        body: JsonObject * self: string * limits: SlidingLimits * extensions: IReadOnlyCollection<string> ->
            SlidingOutcome

/// A body, or the reason why it was refused, with status 400.
and [<Sealed>] SlidingOutcome =

    /// The body; null if it was refused.
    member Body: SlidingBody | null

    /// The error's `errcode`.
    member ErrCode: string

    /// The error's text.
    member Problem: string
