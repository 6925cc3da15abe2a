namespace Matrix.Core.Sync

open System
open Matrix.Core.Json

/// A client's filter for `/sync`. Immutable. v1.19 client-server-api#filtering
[<Sealed>]
type SyncFilter private (reader: FilterReader) =

    let fields = FieldMask.Of(reader.Texts "event_fields")

    let isFederationFormat =
        reader.OneOf("event_format", [ "client"; "federation" ]) = "federation"

    let presence = EventFilter.Read(reader.Inner "presence")
    let accountData = EventFilter.Read(reader.Inner "account_data")
    let room = reader.Inner "room"

    let rooms = Listed(room.RoomIds "rooms", room.RoomIds "not_rooms")

    let includeLeave = room.Bool "include_leave"
    let ofRoom name = EventFilter.Read(room.Inner name)
    let ephemeral = ofRoom "ephemeral"
    let state = ofRoom "state"
    let timeline = ofRoom "timeline"
    let roomAccountData = ofRoom "account_data"

    static let everything = SyncFilter(FilterReader(JsonObject.Empty, "", FilterFaults()))

    /// The filter that passes everything, for requests without one.
    static member Everything = everything

    /// The filter that passes everything, with a limit on timelines.
    static member OfTimelineLimit(limit: int) : SyncFilter =
        let inner name value =
            JsonObject.OfSeq [ struct (name, value) ]

        let filter =
            Json.Int(int64 limit)
            |> inner "limit"
            |> Json.Object
            |> inner "timeline"
            |> Json.Object
            |> inner "room"

        SyncFilter(FilterReader(filter, "", FilterFaults()))

    /// Reads a filter; unknown members are ignored.
    static member Parse(filter: JsonObject) : FilterOutcome<SyncFilter> =
        let faults = FilterFaults()
        faults.Outcome(SyncFilter(FilterReader(filter, "", faults)))

    /// The fields of events to send; null for all.
    member _.Fields: FieldMask | null = fields

    /// Whether events are wanted in federation format.
    member _.IsFederationFormat = isFederationFormat

    /// The filter of presence.
    member _.Presence = presence

    /// The filter of global account data.
    member _.AccountData = accountData

    /// Whether a room passes. Applied before the filters below.
    member _.AdmitsRoom(roomId: string) : bool = rooms.Admits roomId

    /// Whether to include rooms that the user has left.
    member _.IncludeLeave = includeLeave

    /// The filter of receipts and typing in rooms.
    member _.Ephemeral = ephemeral

    /// The filter of room state.
    member _.State = state

    /// The filter of timelines.
    member _.Timeline = timeline

    /// The filter of room account data.
    member _.RoomAccountData = roomAccountData
