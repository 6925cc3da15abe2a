namespace Matrix.Core.Event

open System.Collections.Generic
open Matrix.Core.Json
open Matrix.Rules

/// A room version's event format, prepared once for reading, hashing, signing, redacting and showing events.
[<Sealed>]
type EventFormat(version: RoomVersion) =

    static let known: Dictionary<string, EventFormat> = Versions.derive EventFormat

    let redactor = Redactor version.Redaction
    let settings = version.Settings

    /// The room version.
    member _.Version = version

    /// The room version's identifier, such as "12".
    member _.VersionId = version.Id

    /// Its redaction table.
    member _.Redactor = redactor

    /// How its events are read.
    member _.Reading =
        match settings.Json with
        | JsonStrictness.Strict -> Reading.Strict
        | JsonStrictness.Lenient -> Reading.Lenient

    /// Whether events carry an `event_id` that the sender's server chose.
    member _.AssignsIds = settings.EventIds = EventIdForm.Assigned

    /// Whether the room's id is the hash of its create event.
    member _.RoomIdIsHash = settings.RoomIds = RoomIdForm.HashOfCreate

    /// Whether `redacts` stands beside `content`, rather than in it.
    member _.RedactsOnTop = settings.Redacts = RedactsPlace.TopLevel

    /// Whether events are referenced with their hashes.
    member _.ReferencesCarryHashes = settings.References = EventReferences.IdsWithHashes

    /// The format of a room version, unstable ones included; null if there is none of that name.
    static member ForVersion(id: string) : EventFormat | null =
        match known.TryGetValue id with
        | true, format -> format
        | _ -> null
