namespace Matrix.Properties.SmallWorlds

open System
open System.Collections.Generic
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Properties.Generators

/// A case as invariants read it: the event, the facts about it, and the state.
type ICase =
    inherit IAuthState
    abstract Version: RoomVersion
    abstract Event: Pdu
    abstract Facts: AuthFacts
    /// Whether its auth events are those that the selection names and the state has, each accepted and of this room.
    abstract IsCitedAsSelected: bool
    /// Whether nothing is missing among its auth events.
    abstract CitesAllSelected: bool

/// The case that is on a stage.
[<Sealed>]
type LoadedCase(loader: CaseLoader) =
    interface ICase with
        member _.Version = loader.Ground.Version
        member _.Event = loader.Event
        member _.Facts = loader.Facts
        member _.IsCitedAsSelected = loader.IsCitedAsSelected
        member _.CitesAllSelected = loader.CitesAllSelected

        member _.Find(eventType, stateKey) =
            (loader :> IAuthState).Find(eventType, stateKey)

/// A case by itself, such as a test vector's.
[<Sealed>]
type OnItsOwn(rules: AuthRules, case: AuthCase) =
    let state = MapState(rules, case.State) :> IAuthState

    let selected =
        AuthCase.selected rules case.Event case.State
        |> List.map _.EventId
        |> Set.ofList

    let cited = set [ for c in case.Facts.AuthEvents -> c.Event.EventId ]

    interface ICase with
        member _.Version = case.Version
        member _.Event = case.Event
        member _.Facts = case.Facts

        member _.IsCitedAsSelected =
            cited = selected
            && cited.Count = case.Facts.AuthEvents.Length
            && case.Facts.AuthEvents |> Array.forall (fun c -> not c.Rejected)

        member _.CitesAllSelected = Set.isSubset selected cited
        member _.Find(eventType, stateKey) = state.Find(eventType, stateKey)

/// A decided case as invariants read it: creators, power and levels are what `Stated` says of the version, whatever its
/// settings say. Not for several threads.
[<Sealed>]
type Scene(case: ICase) =

    let version = case.Version
    let mutable allowed = false
    let mutable clause = ""
    let mutable before: StatedLevels | null = null
    let mutable after: StatedLevels | null = null

    // Events are read once. A world shares them among its cases.
    let levelsOf = Dictionary<AuthEvent, StatedLevels>(HashIdentity.Reference)
    let creatorsOf = Dictionary<AuthEvent, string[]>(HashIdentity.Reference)
    let noLevels = StatedLevels(version, JsonObject.Empty)

    let readLevels (event: AuthEvent) : StatedLevels =
        match levelsOf.TryGetValue event with
        | true, levels -> levels
        | _ ->
            let levels = StatedLevels(version, event.Pdu.Content)
            levelsOf[event] <- levels
            levels

    let readCreators (create: AuthEvent) : string[] =
        match creatorsOf.TryGetValue create with
        | true, creators -> creators
        | _ ->
            let creators = Stated.creators version create.Pdu
            creatorsOf[create] <- creators
            creators

    /// Of the case that is on a stage.
    new(loader: CaseLoader) = Scene(LoadedCase loader :> ICase)

    /// Turns to the case at hand, and what was decided of it.
    member _.Take(decision: Decision) =
        before <- null
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
    member _.Event = case.Event
    /// What holds of it.
    member _.Facts = case.Facts

    // The event.

    /// Its sender.
    member _.Sender = case.Event.Sender

    /// Its state key.
    member _.Target: string | null = case.Event.StateKey

    /// Whether the state key is the sender.
    member _.IsOwn = String.Equals(case.Event.StateKey, case.Event.Sender)

    /// Whether it has this type.
    member _.IsOf(eventType: string) =
        String.Equals(case.Event.Type, eventType)

    /// The text of a member of its content, or null.
    member _.Text(key: string) : string | null = case.Event.Content.Text key

    /// Whether its content has this member.
    member _.Has(key: string) = case.Event.Content.Has key

    /// Whether it is a member event of this membership.
    member this.Makes(membership: string) =
        this.IsOf "m.room.member" && String.Equals(this.Text "membership", membership)

    /// Whether its only previous event is the room's create event.
    member this.IsRightAfterCreate =
        case.Event.PrevEvents.Length = 1
        && this.HasCreate
        && case.Event.PrevEvents[0] = Universe.createId

    // The state.

    /// The create event, or null.
    member _.Create: AuthEvent | null = case.Find("m.room.create", "")

    /// Whether there is a create event.
    member _.HasCreate = not (isNull (case.Find("m.room.create", "")))

    /// Whether there is a power levels event.
    member _.HasLevels = not (isNull (case.Find("m.room.power_levels", "")))

    /// The third-party invitation, or null.
    member _.Invitation: AuthEvent | null =
        case.Find("m.room.third_party_invite", Universe.token)

    /// A user's place in the room.
    member _.MembershipOf(user: string | null) : Membership =
        match case.Find("m.room.member", (if isNull user then "" else string user)) with
        | null -> Membership.Absent
        | event -> event.Membership

    /// The room's join rule as it is written.
    member _.JoinRule: string =
        match case.Find("m.room.join_rules", "") with
        | null -> "invite"
        | event -> event.JoinRule

    /// The creators of the room.
    member _.Creators: string[] =
        match case.Find("m.room.create", "") with
        | null -> [||]
        | create -> readCreators create

    /// Whether a user counts as a creator of the room.
    member this.IsCreator(user: string | null) : bool =
        match user with
        | null -> false
        | user -> Array.IndexOf(this.Creators, user) >= 0

    /// The power levels before.
    member _.Levels: StatedLevels =
        match before with
        | null ->
            let levels =
                match case.Find("m.room.power_levels", "") with
                | null -> noLevels
                | event -> readLevels event

            before <- levels
            levels
        | levels -> levels

    /// Whether the event sets the room's power levels if it is accepted.
    member this.SetsLevels: bool =
        this.IsOf "m.room.power_levels" && String.Equals(case.Event.StateKey, "")

    /// The power levels afterwards, of an accepted power levels event.
    member this.LevelsAfter: StatedLevels =
        match after with
        | null ->
            let levels =
                if this.SetsLevels then
                    StatedLevels(version, case.Event.Content)
                else
                    this.Levels

            after <- levels
            levels
        | levels -> levels

    /// A user's power before: `Int64.MaxValue` if it is above all levels.
    member this.Power(user: string | null) : int64 =
        match user with
        | null -> Int64.MinValue
        | user -> this.Levels.PowerOf(user, this.Creators, this.HasLevels)

    /// A user's power afterwards.
    member this.PowerAfter(user: string) : int64 =
        this.LevelsAfter.PowerOf(user, this.Creators, this.HasLevels || this.SetsLevels)

    /// The level that the event's type asks for.
    member this.Required: int64 = this.Levels.Required(case.Event.Type, case.Event.IsState)

    /// Whether the two are of one server.
    member _.SameServer(a: string, b: string) : bool =
        let domain (id: string) = id.Substring(id.IndexOf ':' + 1)
        a.Contains ':' && b.Contains ':' && domain a = domain b

    /// Whether a signature of this user's server is valid.
    member _.SignedFor(user: string) : bool =
        user.Contains ':'
        && Array.IndexOf(case.Facts.Signers, user.Substring(user.IndexOf ':' + 1)) >= 0

    /// Whether the server of the user in `join_authorised_via_users_server` signed the event; true without that member.
    member this.AuthorisingIsSigned: bool =
        not (this.Has "join_authorised_via_users_server")
        || (match this.Text "join_authorised_via_users_server" with
            | null -> false
            | user -> this.SignedFor user)

    /// Whether no selected event of the state is missing from its auth events.
    member _.CitesAllSelected = case.CitesAllSelected

    /// Whether `third_party_invite.signed` has this user as `mxid` and the token of the room's third-party invitation.
    member _.IsSignedFor(user: string | null) : bool =
        match case.Event.Content.TryFind "third_party_invite" with
        | ValueSome(Json.Object answer) ->
            match answer.TryFind "signed" with
            | ValueSome(Json.Object signed) -> signed.Text "mxid" = user && signed.Text "token" = Universe.token
            | _ -> false
        | _ -> false

    /// The level that a value is, if it is one.
    member _.Level(json: Json) : int64 voption = Stated.level version json

    /// The level that an object of power levels has for a key, if it has one.
    member _.LevelIn(map: string, key: string, content: JsonObject) : int64 voption =
        match content.TryFind map with
        | ValueSome(Json.Object o) -> o.TryFind key |> ValueOption.bind (Stated.level version)
        | _ -> ValueNone

    /// The level of a member of power levels, if it is a level.
    member _.LevelOf(key: string, content: JsonObject) : int64 voption =
        content.TryFind key |> ValueOption.bind (Stated.level version)

    /// What the power levels event before says.
    member _.ContentBefore: JsonObject =
        match case.Find("m.room.power_levels", "") with
        | null -> JsonObject.Empty
        | event -> event.Pdu.Content

    /// Whether its auth events are the selected ones, it has the room's id, and the sender's server may take part.
    member this.IsInOrder: bool =
        match case.Find("m.room.create", "") with
        | null -> false
        | create ->
            let cited = case.Facts.AuthEvents
            let room = create.Pdu.RoomId

            let isClosed =
                match create.Pdu.Content.TryFind "m.federate" with
                | ValueSome(Json.Bool false) -> true
                | _ -> false

            case.IsCitedAsSelected
            && case.Event.RoomId = room
            && cited |> Array.forall (fun c -> not c.Rejected && c.Event.RoomId = room)
            && (not isClosed || this.SameServer(this.Sender, create.Pdu.Sender))
