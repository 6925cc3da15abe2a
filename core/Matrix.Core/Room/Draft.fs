namespace Matrix.Core.Room

open Matrix.Core.Json

/// An event that a local user wants to send: the parts that do not depend on the room.
[<Sealed>]
type Draft(eventType: string, stateKey: string | null, sender: string, content: JsonObject, redacts: string | null) =

    /// The event's type.
    member _.Type = eventType

    /// The state key; null for a message event.
    member _.StateKey = stateKey

    /// The user id of the sender.
    member _.Sender = sender

    /// The content as the client gave it.
    member _.Content = content

    /// The event that this one redacts; null if none. Where it is written depends on the room version.
    member _.Redacts = redacts

    /// A state event without redaction.
    static member State(eventType: string, stateKey: string, sender: string, content: JsonObject) =
        Draft(eventType, stateKey, sender, content, null)
