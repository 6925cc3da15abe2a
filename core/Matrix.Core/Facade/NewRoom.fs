namespace Matrix.Core.Facade

open System.Collections.Generic
open Matrix.Rules
open Matrix.Core.Json
open Matrix.Core.Room

/// A request to create a room, filled in by the host. v1.19 client-server-api#post_matrixclientv3createroom
[<Sealed>]
type NewRoom(creator: string, creatorMember: JsonObject, preset: Preset) =

    let initialState = List<InitialState>()
    let invites = List<InitialInvite>()
    let invitedLater = List<string>()

    /// Content of the create event beyond what the server writes itself.
    member val CreationContent = JsonObject.Empty with get, set

    /// Overrides of the default power levels.
    member val PowerLevelOverride = JsonObject.Empty with get, set

    /// Whether the override's levels for creators are dropped where creators have infinite power. A client that did not
    /// choose such a version does not know of it.
    member val DropsCreatorLevels = false with get, set

    /// The full alias; null for none.
    member val Alias: string | null = null with get, set

    /// The room's name; null for none.
    member val Name: string | null = null with get, set

    /// The room's topic; null for none.
    member val Topic: string | null = null with get, set

    /// `is_direct` of invites.
    member val IsDirect = false with get, set

    /// The user who creates the room.
    member _.Creator = creator

    /// The invited users, in order.
    member _.Invited: IReadOnlyList<string> = [| for invite in invites -> invite.UserId |]

    /// Adds a state event.
    member _.AddState(eventType: string, stateKey: string, content: JsonObject) =
        initialState.Add {
            Type = eventType
            StateKey = stateKey
            Content = content
        }

    /// Adds an invite; `content` is that of the member event, profile included.
    member _.AddInvite(userId: string, content: JsonObject) =
        invites.Add { UserId = userId; Content = content }

    /// Adds a user of another server, who is invited once the room exists. A trusted private chat gives them power.
    member _.AddLaterInvite(userId: string) = invitedLater.Add userId

    member internal this.ToRequest(version: RoomVersion) : CreationRequest = {
        Version = version
        Creator = creator
        CreatorMember = creatorMember
        Preset = preset
        CreationContent = this.CreationContent
        PowerLevelOverride = this.PowerLevelOverride
        DropsCreatorLevels = this.DropsCreatorLevels
        Alias = this.Alias
        InitialState = initialState.ToArray()
        Name = this.Name
        Topic = this.Topic
        Invites = invites.ToArray()
        InvitedLater = invitedLater.ToArray()
        IsDirect = this.IsDirect
    }
