namespace Matrix.Core.Facade

open System.Collections.Generic
open Matrix.Rules
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Core.Room

/// A room that is replaced by one of another version, filled in by the host. v1.19 client-server-api#room-upgrades
[<Sealed>]
type ReplacedRoom(roomId: string, upgrader: string, upgraderMember: JsonObject) =

    static let copiedTypes = [|
        EventTypes.ServerAcl
        EventTypes.Encryption
        EventTypes.Name
        EventTypes.Avatar
        EventTypes.Topic
        EventTypes.GuestAccess
        EventTypes.HistoryVisibility
        EventTypes.JoinRules
    |]

    let copied = List<InitialState>()
    let bans = List<InitialInvite>()

    /// The types of state with an empty state key that are copied. A join rule that one of the versions lacks becomes
    /// `invite`; all else is copied as it is.
    static member CopiedTypes: IReadOnlyList<string> = copiedTypes

    /// The room's id.
    member _.RoomId = roomId

    /// The user who upgrades it.
    member _.Upgrader = upgrader

    /// The last event that is known; "" for none.
    member val LastEventId = "" with get, set

    /// The creators of the new room besides the upgrader, where the version has them.
    member val AdditionalCreators: IReadOnlyList<string> = [||] with get, set

    /// The creators of the old room.
    member val Creators: IReadOnlyList<string> = [||] with get, set

    /// Content of the create event.
    member val Create = JsonObject.Empty with get, set

    /// Content of the power levels; null for none.
    member val Levels: JsonObject | null = null with get, set

    /// Content of the canonical alias; null for none.
    member val CanonicalAlias: JsonObject | null = null with get, set

    /// The aliases that move to the new room.
    member val MovedAliases: IReadOnlyList<string> = [||] with get, set

    /// Adds a state event that is copied.
    member _.AddState(eventType: string, stateKey: string, content: JsonObject) =
        copied.Add {
            Type = eventType
            StateKey = stateKey
            Content = content
        }

    /// Adds a banned user. Of the content, only the membership and the reason are copied.
    member _.AddBan(userId: string, content: JsonObject) =
        bans.Add {
            UserId = userId
            Content = ReplacedRoom.CopiedBan content
        }

    /// The content of a ban as the new room has it.
    static member CopiedBan(content: JsonObject) : JsonObject = Upgrade.copiedBan content

    /// Whether the new room can do without this event if its rules refuse it.
    member _.MayLack(draft: Draft) : bool = Upgrade.mayLack upgrader draft

    member internal this.ToRequest(oldVersion: RoomVersion, newVersion: RoomVersion) : UpgradeRequest = {
        Version = newVersion
        Upgrader = upgrader
        UpgraderMember = upgraderMember
        AdditionalCreators = Seq.toArray this.AdditionalCreators
        OldRoomId = roomId
        LastEventId = this.LastEventId
        OldVersion = oldVersion
        OldCreators = Seq.toArray this.Creators
        OldCreate = this.Create
        OldLevels = this.Levels
        MovedAliases = Seq.toArray this.MovedAliases
        OldAlias = this.CanonicalAlias
        Copied = copied.ToArray() |> Array.map (Upgrade.copiedState oldVersion newVersion)
        Bans = bans.ToArray()
    }
