namespace Matrix.Core.State

open System

/// One entry of a room's state: which event stands for a type and state key.
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

    /// The event's number in its room, on this server. No part of what makes two states equal.
    member _.Ordinal = ordinal

    member internal _.Key = key

    /// Its number in the room's stored nodes, 0 if it was never stored.
    member internal _.Number = number

    /// The same entry under a number.
    member internal _.Stored(number: int) : StateEntry =
        StateEntry(eventType, stateKey, key, ordinal, number)

    member internal this.HasKey(otherType: string, otherKey: string) =
        String.Equals(stateKey, otherKey) && String.Equals(eventType, otherType)

    /// Bytes of memory, estimated: the object and its state key; types are mostly shared.
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

    /// Whether both name the same event for the same key; ordinals do not count.
    override _.Equals other =
        match other with
        | :? StateEntry as o -> o.HasKey(eventType, stateKey) && key.Same o.Key
        | _ -> false

    override _.GetHashCode() =
        HashCode.Combine(eventType, stateKey, key.GetHashCode())

    override this.ToString() =
        $"({eventType}, {stateKey}) = {this.EventId} #{ordinal}"

/// One difference between two states: an entry that came (`Before` is null), went (`After` is null) or changed.
[<Sealed>]
type StateChange internal (before: StateEntry | null, after: StateEntry | null) =

    let some: StateEntry =
        match after with
        | null ->
            match before with
            | null -> invalidArg (nameof before) "A change has an entry before it or after it."
            | entry -> entry
        | entry -> entry

    /// The entry stands now, where none stood.
    static member Added(after: StateEntry) = StateChange(null, after)

    /// Another event stands for the same key.
    static member Replaced(before: StateEntry, after: StateEntry) = StateChange(before, after)

    /// No event stands for the key any more (state resolution can do that).
    static member Removed(before: StateEntry) = StateChange(before, null)

    /// The type that changed.
    member _.Type = some.Type

    /// The state key that changed.
    member _.StateKey = some.StateKey

    /// What stood before; null if nothing did.
    member _.Before = before

    /// What stands after; null if nothing does.
    member _.After = after

    override _.Equals other =
        match other with
        | :? StateChange as o -> Object.Equals(before, o.Before) && Object.Equals(after, o.After)
        | _ -> false

    override _.GetHashCode() = some.GetHashCode()

    override _.ToString() = $"{before} -> {after}"
