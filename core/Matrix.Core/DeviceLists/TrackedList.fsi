namespace Matrix.Core.DeviceLists

open Matrix.Core.Federation

/// Whether local users are told that a list changed.
type Announcement =
    | None = 0
    /// Only if the fetched list, or the key, differs from the cached one.
    | IfDifferent = 1
    | Always = 2

/// What is kept of a list, so that its tracking continues after a restart.
[<Struct>]
type StoredList = {
    /// The `stream_id` of the response that the list was fetched by.
    FetchedId: int64
    /// The ids of the updates that came since.
    ReceivedIds: int64[]
    /// Whether an update was missed, and the list has to be fetched again.
    IsStale: bool
}

/// Follows the device list of one user of another server. It performs no input or output: each input gives the next
/// state, and what the host does. v1.19 server-server-api#device-management.
///
/// A list that is fetched stays current by its updates, each of which names the updates that it follows. An update that
/// follows an unknown one makes the list stale: it is fetched again. Updates that come while it is fetched are held,
/// because the response may be older or newer than they are. The ids of a server rise, so a response with an id
/// contains all updates up to that id.
[<Sealed>]
type TrackedList =

    /// The list of a user that is not cached.
    static member Untracked: pauses: BackoffPauses -> TrackedList

    /// A list as it was stored. A stale one is fetched as soon as the host can.
    static member Restore: pauses: BackoffPauses * stored: StoredList -> TrackedList

    /// Whether the cached list is the user's list, as far as is known.
    member IsCurrent: bool

    /// Whether a list is cached, current or stale.
    member IsCached: bool

    /// Whether the list is being fetched.
    member IsFetching: bool

    /// Whether the list has to be fetched, and when, in milliseconds.
    member FetchAt: System.Nullable<int64>

    /// What is to be stored. Only for a cached list.
    member Stored: StoredList

    /// An update came. The caller has checked that its server may send it, and that a local user shares a room with its
    /// user.
    member Received: update: DeviceListUpdate * now: int64 -> TrackingStep

    /// A local client needs the list, and the user shares an encrypted room with a local user.
    member Wanted: now: int64 -> TrackingStep

    /// No local user shares a room with the user any more, or none did for some time: updates may have been missed.
    member Lost: unit -> TrackingStep

    /// The host sends the request for the list.
    member Fetching: unit -> TrackingStep

    /// The response came, with this `stream_id`. The host replaces the cached list by it before it applies updates.
    member Fetched: streamId: int64 * now: int64 -> TrackingStep

    /// The request failed. A list that was never fetched is given up: the next client that needs it is the next
    /// attempt.
    member FetchFailed: now: int64 * askedPause: int64 -> TrackingStep

    /// The server has no such list, or one beyond the bounds. The cached one is dropped: clients ask the server itself.
    member FetchRefused: unit -> TrackingStep

/// The next state, and what the host does, in the order of the members.
and [<Sealed>] TrackingStep =

    member Next: TrackedList

    /// Delete the cached list.
    member Drops: bool

    /// Updates to apply to the cached list, in order.
    member Applied: DeviceListUpdate[]

    /// Whether to tell local users.
    member Announcement: Announcement
