namespace Matrix.Properties.SmallWorlds

open System
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Json

/// A decided case, as invariants look at it: who did what in which room, and what the room is afterwards. Of one thread.
[<Sealed>]
type Scene(stage: Stage) =

    let version = stage.Ground.Version
    let settings = version.Settings
    let mutable allowed = false
    let mutable clause = ""
    let mutable after: PowerLevels | null = null

    /// Turns to the case that is on the stage, and what was decided of it.
    member _.Take(decision: Decision) =
        after <- null
        allowed <- decision.IsOk
        clause <- decision.Clause

    /// Whether it was accepted.
    member _.Allowed = allowed
    /// The clause that decided.
    member _.Clause = clause
    /// The version of the room.
    member _.Version = version
    /// The event.
    member _.Event = stage.Event
    /// What holds of it.
    member _.Facts = stage.Facts

    // The event.

    /// Who sent it.
    member _.Sender = stage.Event.Sender

    /// Whom its state key names, if it is a user of the world.
    member _.Target: string | null = stage.Event.StateKey

    /// Whether it is about its sender.
    member _.IsOwn = String.Equals(stage.Event.StateKey, stage.Event.Sender)

    /// Whether it has this type.
    member _.IsOf(eventType: string) =
        String.Equals(stage.Event.Type, eventType)

    /// The text of a member of its content, or null.
    member _.Text(key: string) : string | null = stage.Event.Content.Text key

    /// Whether its content has this member.
    member _.Has(key: string) = stage.Event.Content.Has key

    /// Whether it is a member event of this membership.
    member this.Makes(membership: string) =
        this.IsOf "m.room.member" && String.Equals(this.Text "membership", membership)

    /// Whether its only previous event is the room's create event.
    member this.IsRightAfterCreate =
        stage.Event.PrevEvents.Length = 1
        && this.HasCreate
        && stage.Event.PrevEvents[0] = Universe.createId

    // The state.

    /// The create event, or null.
    member _.Create: AuthEvent | null = stage.Slot Slot.Create

    /// Whether there is a create event.
    member _.HasCreate = not (isNull (stage.Slot Slot.Create))

    /// Whether there is a power levels event.
    member _.HasLevels = not (isNull (stage.Slot Slot.Levels))

    /// The third-party invitation, or null.
    member _.Invitation: AuthEvent | null = stage.Slot Slot.Invitation

    /// A user's place in the room.
    member _.Place(user: string | null) : Membership =
        match (stage :> IAuthState).Find("m.room.member", (if isNull user then "" else string user)) with
        | null -> Membership.Absent
        | event -> event.Membership

    /// The room's join rule as it is written.
    member _.JoinRule: string =
        match stage.Slot Slot.JoinRules with
        | null -> "invite"
        | event -> event.JoinRule

    /// Whether a user counts as a creator of the room.
    member _.IsCreator(user: string | null) : bool =
        match stage.Slot Slot.Create, user with
        | NonNull create, NonNull user -> Array.IndexOf(create.Creators, user) >= 0
        | _ -> false

    /// The power levels before.
    member _.Levels: PowerLevels =
        match stage.Slot Slot.Levels with
        | null -> PowerLevels.Absent
        | event -> event.Levels

    /// The power levels afterwards, of an accepted power levels event.
    member this.LevelsAfter: PowerLevels =
        match after with
        | null ->
            let levels =
                if this.IsOf "m.room.power_levels" && not (isNull stage.Event.StateKey) then
                    PowerLevels(settings.PowerLevelValues, stage.Event.Content)
                else
                    this.Levels

            after <- levels
            levels
        | levels -> levels

    /// A user's power before: `Int64.MaxValue` if it is above all levels.
    member this.Power(user: string | null) : int64 =
        match user with
        | null -> Int64.MinValue
        | user ->
            match settings.CreatorPower with
            | CreatorPower.Infinite when this.IsCreator user -> Int64.MaxValue
            | CreatorPower.HundredAtFirst when not this.HasLevels -> if this.IsCreator user then 100L else 0L
            | _ -> this.Levels.OfUser user

    /// A user's power afterwards.
    member this.PowerAfter(user: string) : int64 =
        match settings.CreatorPower with
        | CreatorPower.Infinite when this.IsCreator user -> Int64.MaxValue
        | _ -> this.LevelsAfter.OfUser user

    /// The level that the event's type asks for.
    member this.Required: int64 =
        this.Levels.Required(stage.Event.Type, stage.Event.IsState)

    /// Whether the two are of one server.
    member _.SameServer(a: string, b: string) : bool =
        let domain (id: string) = id.Substring(id.IndexOf ':' + 1)
        a.Contains ':' && b.Contains ':' && domain a = domain b

    /// Whether a signature of this user's server is valid.
    member _.SignedFor(user: string) : bool =
        user.Contains ':'
        && Array.IndexOf(stage.Facts.Signers, user.Substring(user.IndexOf ':' + 1)) >= 0

    /// Whether it cites all that it should of the state.
    member _.CitesAllSelected = stage.CitesAllSelected

    /// Whether what is signed in it names this user, and the room's third-party invitation.
    member _.IsSignedFor(user: string | null) : bool =
        match stage.Event.Content.TryFind "third_party_invite" with
        | ValueSome(Json.Object answer) ->
            match answer.TryFind "signed" with
            | ValueSome(Json.Object signed) -> signed.Text "mxid" = user && signed.Text "token" = Universe.token
            | _ -> false
        | _ -> false

    /// The level that an object of power levels has for a key, if it has one.
    member _.LevelIn(map: string, key: string, content: JsonObject) : int64 voption =
        match content.TryFind map with
        | ValueSome(Json.Object o) -> LevelValues.ofMember settings.PowerLevelValues o key
        | _ -> ValueNone

    /// The level that a member of power levels is, if it is one.
    member _.LevelOf(key: string, content: JsonObject) : int64 voption =
        LevelValues.ofMember settings.PowerLevelValues content key

    /// What the power levels event before says.
    member _.ContentBefore: JsonObject =
        match stage.Slot Slot.Levels with
        | null -> JsonObject.Empty
        | event -> event.Pdu.Content

    /// Whether it cites what it should and all that it should, under the name of the room, and the room is open to its sender's server.
    member this.IsInOrder: bool =
        match stage.Slot Slot.Create with
        | null -> false
        | create ->
            let cited = stage.Facts.AuthEvents
            let room = create.Pdu.RoomId

            let isClosed =
                match create.Pdu.Content.TryFind "m.federate" with
                | ValueSome(Json.Bool false) -> true
                | _ -> false

            stage.IsCitedAsSelected
            && stage.Event.RoomId = room
            && cited |> Array.forall (fun c -> not c.Rejected && c.Event.RoomId = room)
            && (not isClosed || this.SameServer(this.Sender, create.Pdu.Sender))
