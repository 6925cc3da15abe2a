namespace Matrix.Rules

/// Whether a member of an event is required.
[<RequireQualifiedAccess>]
type Presence =
    | Always
    | Optional
    /// Required in every event except the create event, which must not have it.
    | ExceptCreate

/// The value of a member of an event.
[<RequireQualifiedAccess>]
type FieldShape =
    | String
    /// A string of at most this many bytes of UTF-8.
    | ShortString of bytes: int
    | UserId
    | RoomIdWithDomain
    | RoomIdHash
    | EventIdWithDomain
    | Integer
    | IntegerUpTo of int64
    | Object
    /// An object with a string `sha256`.
    | Hashes
    /// Signatures as strings, by server and key.
    | Signatures
    | References of EventReferences * most: int

/// A member of an event as servers exchange it.
type Field = {
    Key: string
    Presence: Presence
    Shape: FieldShape
    Text: string
}

/// The members of an event. v1.19 rooms/v12#event-format-1
[<RequireQualifiedAccess>]
module Fields =

    let private field key presence shape text = {
        Key = key
        Presence = presence
        Shape = shape
        Text = text
    }

    /// The members that the page of a version with these settings describes, by name.
    let ofSettings (settings: Settings) : Field list = [
        field
            "auth_events"
            Presence.Always
            (FieldShape.References(settings.References, Limits.AuthEvents))
            "The events that allow this one."
        field "content" Presence.Always FieldShape.Object "The event's content."
        field
            "depth"
            Presence.Always
            (FieldShape.IntegerUpTo settings.MaximumDepth)
            "One more than the greatest depth among the previous events, or the limit once that is reached."
        if settings.EventIds = EventIdForm.Assigned then
            field "event_id" Presence.Always FieldShape.EventIdWithDomain "The event's own id."
        field "hashes" Presence.Always FieldShape.Hashes "The content hash."
        field
            "origin_server_ts"
            Presence.Always
            FieldShape.Integer
            "The time at which it was made, by its server's clock, in milliseconds."
        field
            "prev_events"
            Presence.Always
            (FieldShape.References(settings.References, Limits.PrevEvents))
            "The newest events that its server knew of when it was made."
        if settings.Redacts = RedactsPlace.TopLevel then
            field "redacts" Presence.Optional FieldShape.String "The event that a redaction redacts."
        match settings.RoomIds with
        | RoomIdForm.WithDomain -> field "room_id" Presence.Always FieldShape.RoomIdWithDomain "The room."
        | RoomIdForm.HashOfCreate ->
            field
                "room_id"
                Presence.ExceptCreate
                FieldShape.RoomIdHash
                "The room. The create event has none, since its own id determines the room's."
        field "sender" Presence.Always FieldShape.UserId "The user who sent it."
        field "signatures" Presence.Always FieldShape.Signatures "Signatures, by server and key."
        field
            "state_key"
            Presence.Optional
            (FieldShape.ShortString Limits.KeyBytes)
            "If present, the event is state, and replaces the state of its type and this key."
        field "type" Presence.Always (FieldShape.ShortString Limits.KeyBytes) "The event's type."
        field "unsigned" Presence.Optional FieldShape.Object "Data that servers add, outside of hashes and signatures."
    ]

    /// The presence, in words.
    let presenceWords (presence: Presence) : string =
        match presence with
        | Presence.Always -> "required"
        | Presence.Optional -> "optional"
        | Presence.ExceptCreate -> "required, except in the create event"

    /// The value, in words.
    let shapeWords (shape: FieldShape) : string =
        match shape with
        | FieldShape.String -> "a string"
        | FieldShape.ShortString bytes -> "a string of at most " + string bytes + " bytes"
        | FieldShape.UserId -> "a user id, @localpart:domain"
        | FieldShape.RoomIdWithDomain -> "a room id, !opaque:domain"
        | FieldShape.RoomIdHash -> "a room id, ! and a hash"
        | FieldShape.EventIdWithDomain -> "an event id, $opaque:domain"
        | FieldShape.Integer -> "an integer"
        | FieldShape.IntegerUpTo most -> "an integer, at most " + string most
        | FieldShape.Object -> "an object"
        | FieldShape.Hashes -> "an object with sha256, unpadded Base64"
        | FieldShape.Signatures -> "an object of objects of strings"
        | FieldShape.References(EventReferences.IdsWithHashes, most) ->
            "a list of at most " + string most + " pairs of an event id and its hashes"
        | FieldShape.References(EventReferences.Ids, most) -> "a list of at most " + string most + " event ids"
