namespace Matrix.Core.Room

open Matrix.Core.Json
open Matrix.Rules

/// A request to replace a room by one of another version, with checked types.
type UpgradeRequest = {
    /// The version of the new room.
    Version: RoomVersion
    /// The user who upgrades, and creates the new room.
    Upgrader: string
    /// Content of the upgrader's own join: membership and profile.
    UpgraderMember: JsonObject
    AdditionalCreators: string[]
    OldRoomId: string
    /// The last event of the old room that is known; "" for none.
    LastEventId: string
    /// The version of the old room.
    OldVersion: RoomVersion
    OldCreators: string[]
    /// Content of the old room's create event.
    OldCreate: JsonObject
    /// Content of the old room's power levels; null if it has none.
    OldLevels: JsonObject | null
    /// The aliases of the old room that move to the new one.
    MovedAliases: string[]
    /// Content of the old room's canonical alias; null if it has none.
    OldAlias: JsonObject | null
    /// The state that is copied, in order.
    Copied: InitialState[]
    /// The bans that are copied, with their contents.
    Bans: InitialInvite[]
}

/// What an upgrade makes of the old room's state. v1.19 client-server-api#room-upgrades
[<RequireQualifiedAccess>]
module Upgrade =

    /// The events of the new room, create event first. The first power levels let the upgrader send all that follows;
    /// those of the old room come last. The rules decide each event.
    val drafts: roomIdIsHash: bool -> request: UpgradeRequest -> Draft[]

    /// The state of the old room as the new one has it. A join rule that one of the versions lacks becomes `invite`;
    /// numbers that the new version does not allow become integers in its range.
    val copiedState: oldVersion: RoomVersion -> newVersion: RoomVersion -> state: InitialState -> InitialState

    /// A ban of the old room as the new one has it: the membership and the reason.
    val copiedBan: content: JsonObject -> JsonObject

    /// Whether the new room can do without this event if its rules refuse it.
    val mayLack: upgrader: string -> draft: Draft -> bool

    /// The content of the old room's canonical alias without the moved ones; null if it stays as it is.
    val keptAlias: request: UpgradeRequest -> JsonObject | null

    /// The power levels that keep the old room quiet; null if they do so already.
    val closedLevels: request: UpgradeRequest -> JsonObject | null
