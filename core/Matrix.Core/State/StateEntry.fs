namespace Matrix.Core.State

open System

/// An entry of a room's state: the event for a type and state key.
[<Sealed>]
type StateEntry internal (eventType: string, stateKey: string, key: EventKey, ordinal: uint32, number: int) =

    /// An entry; `ordinal` is the event's number in its room, on this server only.
    static member Of(eventType: string, stateKey: string, eventId: string, ordinal: uint32) : StateEntry =
        StateEntry(WellKnownTypes.share eventType, stateKey, EventKey.ofId eventId, ordinal, 0)

    /// The event's type.
    member _.Type = eventType

    /// The event's state key.
    member _.StateKey = stateKey

    /// The event's identifier.
    member _.EventId: string = EventKey.toId key

    /// The event's number in its room, on this server. Equality of states ignores it.
    member _.Ordinal = ordinal

    member internal _.Key = key

    /// Its number in the room's stored nodes, 0 if it was never stored.
    member internal _.Number = number

    /// The same entry with a number.
    member internal _.Stored(number: int) : StateEntry =
        StateEntry(eventType, stateKey, key, ordinal, number)

    member internal this.HasKey(otherType: string, otherKey: string) =
        String.Equals(stateKey, otherKey) && String.Equals(eventType, otherType)

    /// Estimated bytes of memory: the object and its state key; types are mostly shared.
    member internal _.MemoryBytes =
        let text (s: string) = (22 + 2 * s.Length + 7) &&& ~~~7

        88
        + text stateKey
        + (if WellKnownTypes.code eventType = 0 then
               text eventType
           else
               0)
        + (match key.Text with
           | null -> 0
           | t -> text t)

    /// Whether both have the same key and event; ordinals do not count.
    override _.Equals other =
        match other with
        | :? StateEntry as o -> o.HasKey(eventType, stateKey) && key.Same o.Key
        | _ -> false

    override _.GetHashCode() =
        HashCode.Combine(eventType, stateKey, key.GetHashCode())

    override this.ToString() =
        $"({eventType}, {stateKey}) = {this.EventId} #{ordinal}"

/// A difference between two states: an entry added (`Before` is null), removed (`After` is null) or replaced.
[<Sealed>]
type StateChange internal (before: StateEntry | null, after: StateEntry | null) =

    let some: StateEntry =
        match after with
        | null ->
            match before with
            | null -> invalidArg (nameof before) "A change has an entry before it or after it."
            | entry -> entry
        | entry -> entry

    /// An entry was added.
    static member Added(after: StateEntry) = StateChange(null, after)

    /// An entry was replaced by another of the same key.
    static member Replaced(before: StateEntry, after: StateEntry) = StateChange(before, after)

    /// An entry was removed, as state resolution can do.
    static member Removed(before: StateEntry) = StateChange(before, null)

    /// The type of the entry.
    member _.Type = some.Type

    /// The state key of the entry.
    member _.StateKey = some.StateKey

    /// The entry before; null if there was none.
    member _.Before = before

    /// The entry after; null if there is none.
    member _.After = after

    override _.Equals other =
        match other with
        | :? StateChange as o -> Object.Equals(before, o.Before) && Object.Equals(after, o.After)
        | _ -> false

    override _.GetHashCode() = some.GetHashCode()

    override _.ToString() = $"{before} -> {after}"
