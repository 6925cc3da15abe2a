namespace Matrix.Core.Sync

open System
open System.Collections.Generic
open Matrix.Core.Json

/// A list of included names and a list of excluded names. Exclusion wins.
[<Sealed>]
type internal Listed(only: string[] | null, not: string[] | null) =

    let setOf (items: string[] | null) : HashSet<string> | null =
        match items with
        | null -> null
        | items -> HashSet(items, StringComparer.Ordinal)

    let only = setOf only
    let not = setOf not

    /// Whether a name passes; null is on no list.
    member _.Admits(name: string | null) : bool =
        let isOn (set: HashSet<string>) =
            match name with
            | null -> false
            | name -> set.Contains name

        (match not with
         | null -> true
         | set -> isOn set |> Operators.not)
        && (match only with
            | null -> true
            | set -> isOn set)

    /// Whether everything passes.
    member _.IsOpen = isNull only && isNull not

/// The specification's EventFilter and RoomEventFilter as one type. Immutable. v1.19 client-server-api#filtering
[<Sealed>]
type EventFilter private (reader: FilterReader) =

    let limit = reader.Limit "limit"

    let patterns name : TypePatterns | null =
        match reader.Texts name with
        | null -> null
        | types -> TypePatterns types

    let types = patterns "types"
    let notTypes = patterns "not_types"

    let senders = Listed(reader.UserIds "senders", reader.UserIds "not_senders")

    let rooms = Listed(reader.RoomIds "rooms", reader.RoomIds "not_rooms")

    let containsUrl = reader.MaybeBool "contains_url"
    let lazyLoadMembers = reader.Bool "lazy_load_members"

    let includeRedundantMembers = reader.Bool "include_redundant_members"

    let unreadThreadNotifications = reader.Bool "unread_thread_notifications"

    static let everything = EventFilter(FilterReader(JsonObject.Empty, "", FilterFaults()))

    static member internal Read(reader: FilterReader) : EventFilter =
        if reader.IsEmpty then everything else EventFilter reader

    /// The filter that passes everything.
    static member Everything = everything

    /// Reads a filter, as in the query of `/messages` and `/context`.
    static member Parse(filter: JsonObject) : FilterOutcome<EventFilter> =
        let faults = FilterFaults()
        faults.Outcome(EventFilter.Read(FilterReader(filter, "", faults)))

    /// The filter's `limit`, `otherwise` if it has none, and at most `most`.
    member _.Limit(otherwise: int, most: int) : int =
        min most (ValueOption.defaultValue otherwise limit)

    /// Whether events of a room pass.
    member _.AdmitsRoom(roomId: string) : bool = rooms.Admits roomId

    /// Whether `Admits` reads `hasUrl`.
    member _.LooksAtUrl = containsUrl.IsSome

    /// Whether a type passes; other conditions are not checked.
    member _.AdmitsType(eventType: string) : bool =
        (match notTypes with
         | null -> true
         | patterns -> not (patterns.Match eventType))
        && (match types with
            | null -> true
            | patterns -> patterns.Match eventType)

    /// Whether an event passes, apart from its room. `sender` is null for events without one; `hasUrl` says whether the
    /// content has a member `url`.
    member this.Admits(eventType: string, sender: string | null, hasUrl: bool) : bool =
        this.AdmitsType eventType
        && senders.Admits sender
        && (containsUrl.IsNone || containsUrl.Value = hasUrl)

    /// Whether every event of an admitted room passes.
    member _.AdmitsAll =
        isNull types && isNull notTypes && senders.IsOpen && containsUrl.IsNone

    /// Whether the type alone decides whether an event of an admitted room passes.
    member _.AdmitsByType = senders.IsOpen && containsUrl.IsNone

    /// Whether to send only the memberships of the senders of the events sent.
    member _.LazyLoadMembers = lazyLoadMembers

    /// Whether to send lazy-loaded memberships that the client already has.
    member _.IncludeRedundantMembers = lazyLoadMembers && includeRedundantMembers

    /// Whether unread events are counted by thread.
    member _.UnreadThreadNotifications = unreadThreadNotifications

    /// Whether an event's content has a `url`, as `contains_url` asks.
    static member HasUrl(content: JsonObject) : bool = content.Has "url"
