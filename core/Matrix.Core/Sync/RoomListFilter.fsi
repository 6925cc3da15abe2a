namespace Matrix.Core.Sync

open System.Collections.Generic
open Matrix.Core.Json

/// What a filter of rooms looks at.
[<Sealed>]
type FilteredRoom =

    /// The facts of a room. `isEncrypted` has no value, and `knowsType` is false, if the server does not know, as with
    /// invites to rooms of other servers.
    new:
        isDirect: bool *
        isInvited: bool *
        isEncrypted: System.Nullable<bool> *
        knowsType: bool *
        roomType: string | null *
        tags: IReadOnlyCollection<string> ->
            FilteredRoom

/// A client's filter for a list of rooms. Immutable. MSC4186, "SlidingRoomFilter".
[<Sealed>]
type RoomListFilter =

    /// The filter that every room passes.
    static member Everything: RoomListFilter

    /// Whether a room passes, given that it is in one of the spaces if there are any.
    member Admits: room: FilteredRoom -> bool

    /// The spaces of which rooms must be children; null for no such condition.
    member Spaces: IReadOnlyCollection<string> | null

    /// Whether the state of rooms is looked at.
    member LooksAtState: bool

    /// Equal for equal filters, whatever unknown members they have.
    member Hash: string

    /// The bytes of the known members as canonical JSON.
    member Size: int

    /// The largest size.
    static member MaxSize: int

    static member internal Read: reader: FilterReader * faults: FilterFaults -> RoomListFilter
