namespace Matrix.Core.Presence

open System.Runtime.InteropServices

/// The values of `presence`. The greater one wins where a user has several devices.
type PresenceState =
    | Offline = 0
    | Unavailable = 1
    | Online = 2

/// Presence states as they are written.
[<AbstractClass; Sealed>]
type PresenceStates =
    /// The state of a `presence`; false for any other text.
    static member TryParse: text: string * [<Out>] state: byref<PresenceState> -> bool

    /// The `presence` of a state.
    static member Name: state: PresenceState -> string

/// The times of presence, in milliseconds, and the most devices of a user that count.
[<Sealed>]
type PresenceLimits =
    /// An online device is idle this long after its last activity, and offline this long after its last request; a user
    /// is currently active this long after an activity. v1.19 client-server-api#idle-timeout
    new: idleAfter: int64 * offlineAfter: int64 * activeFor: int64 * devices: int -> PresenceLimits

    /// Five minutes, 30 seconds, a minute; 16 devices.
    static member Default: PresenceLimits

/// What others see of a user's presence.
[<Struct>]
type ShownPresence = {
    /// The state of all devices together.
    State: PresenceState
    /// Whether the user is online and was active recently.
    IsCurrentlyActive: bool
}

/// A local user's presence: the devices that were seen lately, and the last activity. The devices' states are merged,
/// and change by time alone. Immutable; times are in milliseconds. v1.19 client-server-api#presence
[<Sealed>]
type UserPresence =
    /// A user without devices.
    static member Absent: UserPresence

    /// A user who was seen in this state before a restart, as a device that has just sent its last request.
    static member Restored: state: PresenceState * lastActive: int64 * now: int64 -> UserPresence

    /// A user who is shown as on the server that this one replaces, as a device that has just sent its last request:
    /// nobody becomes idle while no server runs.
    static member Imported:
        state: PresenceState * isActive: bool * lastActive: int64 * now: int64 * limits: PresenceLimits -> UserPresence

    /// A device begins to sync, and is marked so while it does. With `Offline` nothing happens: the device is not
    /// marked as online, and no sync of it ends later.
    member SyncBegan: device: string * state: PresenceState * now: int64 * limits: PresenceLimits -> UserPresence

    /// A sync of a device ended that had begun with another state than `Offline`.
    member SyncEnded: device: string * now: int64 -> UserPresence

    /// The user set the state of a device.
    member Put: device: string * state: PresenceState * now: int64 * limits: PresenceLimits -> UserPresence

    /// The user did something. The devices that are connected become online, unless they are hidden (`Offline`).
    member Acted: now: int64 * limits: PresenceLimits -> UserPresence

    /// Forgets devices that are offline.
    member Pruned: now: int64 * limits: PresenceLimits -> UserPresence

    /// The time of the last activity; 0 if there was none.
    member LastActive: int64

    /// The number of devices.
    member Devices: int

    /// What others see at a time.
    member At: now: int64 * limits: PresenceLimits -> ShownPresence

    /// The next time at which `At` may change by itself; the largest number if it does not.
    member NextChange: now: int64 * limits: PresenceLimits -> int64
