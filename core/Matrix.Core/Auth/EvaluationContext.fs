namespace Matrix.Core.Auth

open System
open Matrix.Rules
open Matrix.Core.Event
open Matrix.Core.Json

/// The inputs of one decision: the event, the state and the facts. The state events that most rules read are looked up
/// once. A context is reused, so that a decision allocates nothing.
[<Sealed>]
type internal EvaluationContext() =

    let mutable settings = Root.settings
    let mutable state: IAuthState = Unchecked.defaultof<IAuthState>
    let mutable create: AuthEvent | null = null
    let mutable createRead = false
    let mutable levels: AuthEvent | null = null
    let mutable levelsRead = false
    let mutable sender: AuthEvent | null = null
    let mutable senderRead = false
    let mutable senderPower = 0L
    let mutable senderPowerRead = false

    static let token = [| "third_party_invite"; "signed"; "token" |]

    /// The value of a power that does not exist.
    static member NoPower = Int64.MinValue

    /// A power above every level.
    static member Infinite = Int64.MaxValue

    /// The settings of the room version.
    member _.Settings
        with get () = settings
        and set (value: Settings) = settings <- value

    member val Type = "" with get, set
    member val Sender = "" with get, set
    member val StateKey: string | null = null with get, set
    member val Content = JsonObject.Empty with get, set
    member val RoomId = "" with get, set
    member val EventId = "" with get, set
    member val Redacts: string | null = null with get, set
    member val PrevEvents: string[] = [||] with get, set
    member val Facts = Unchecked.defaultof<AuthFacts> with get, set
    /// The sender of the redacted event; null outside of the handling of redactions.
    member val RedactedSender: string | null = null with get, set
    // The current entry, inside ForEach.
    member val EntryKey: string | null = null with get, set
    member val Old = EvaluationContext.NoPower with get, set
    member val New = EvaluationContext.NoPower with get, set
    /// Whether the new value exists but is no level; then `New` is `NoPower`.
    member val NewIsNoLevel = false with get, set

    /// Loads an event.
    member this.Load(pdu: Pdu, against: IAuthState, facts: AuthFacts) =
        this.Type <- pdu.Type
        this.Sender <- pdu.Sender
        this.StateKey <- pdu.StateKey
        this.Content <- pdu.Content
        this.RoomId <- pdu.RoomId
        this.EventId <- pdu.EventId
        this.Redacts <- pdu.Redacts
        this.PrevEvents <- pdu.PrevEvents
        this.Facts <- facts
        this.RedactedSender <- null
        this.EntryKey <- null
        this.Old <- EvaluationContext.NoPower
        this.New <- EvaluationContext.NoPower
        this.NewIsNoLevel <- false
        state <- against
        this.Forget()

    /// Loads an event that is yet to be built. Only the event itself may be read.
    member this.LoadDraft(eventType: string, by: string, stateKey: string | null, content: JsonObject) =
        this.Type <- eventType
        this.Sender <- by
        this.StateKey <- stateKey
        this.Content <- content

    /// Loads a state. Only the state may be read.
    member this.LoadState(against: IAuthState) =
        this.Sender <- ""
        state <- against
        this.Forget()

    /// Forgets the looked-up events.
    member private _.Forget() =
        create <- null
        createRead <- false
        levels <- null
        levelsRead <- false
        sender <- null
        senderRead <- false
        senderPowerRead <- false

    /// Drops all references, so that a spare context keeps no room in memory.
    member this.Clear() =
        this.Content <- JsonObject.Empty
        this.PrevEvents <- [||]
        this.Facts <- Unchecked.defaultof<AuthFacts>
        this.RedactedSender <- null
        state <- Unchecked.defaultof<IAuthState>
        this.Forget()

    member _.Find(eventType: string, stateKey: string) : AuthEvent | null = state.Find(eventType, stateKey)

    member _.Create: AuthEvent | null =
        if not createRead then
            create <- state.Find(EventTypes.Create, "")
            createRead <- true

        create

    /// The power levels event in the state.
    member _.LevelsEvent: AuthEvent | null =
        if not levelsRead then
            levels <- state.Find(EventTypes.PowerLevels, "")
            levelsRead <- true

        levels

    member this.Levels: PowerLevels =
        match this.LevelsEvent with
        | null -> PowerLevels.Absent
        | event -> event.Levels

    /// The string at a path of the content.
    member this.Text(path: string[]) : string | null =
        match Content.find this.Content path 0 with
        | ValueSome(Json.String s) -> s
        | _ -> null

    /// The token in the content that names a third-party invitation, or null.
    member this.ThirdPartyToken: string | null = this.Text token

    /// The third-party invitation with the token in the content.
    member this.ThirdPartyInvite: AuthEvent | null =
        match this.ThirdPartyToken with
        | null -> null
        | token -> state.Find(EventTypes.ThirdPartyInvite, token)

    member this.IsCreator(userId: string) : bool =
        match this.Create with
        | null -> false
        | create -> Array.IndexOf(create.Creators, userId) >= 0

    member this.MembershipOf(userId: string | null) : Membership =
        match userId with
        | null -> Membership.Absent
        | userId when Object.ReferenceEquals(userId, this.Sender) ->
            if not senderRead then
                sender <- state.Find(EventTypes.Member, userId)
                senderRead <- true

            match sender with
            | null -> Membership.Absent
            | event -> event.Membership
        | userId ->
            match state.Find(EventTypes.Member, userId) with
            | null -> Membership.Absent
            | event -> event.Membership

    member private this.ReadPower(userId: string) : int64 =
        match settings.CreatorPower with
        | CreatorPower.Infinite when this.IsCreator userId -> EvaluationContext.Infinite
        | CreatorPower.HundredAtFirst when isNull this.LevelsEvent ->
            if this.IsCreator userId then
                DefaultLevels.CreatorAtFirst
            else
                DefaultLevels.Users
        | _ -> this.Levels.OfUser userId

    member this.PowerOf(userId: string | null) : int64 =
        match userId with
        | null -> EvaluationContext.NoPower
        | userId when Object.ReferenceEquals(userId, this.Sender) ->
            if not senderPowerRead then
                senderPower <- this.ReadPower userId
                senderPowerRead <- true

            senderPower
        | userId -> this.ReadPower userId

    /// The room's join rule as written.
    member _.JoinRule: string =
        match state.Find(EventTypes.JoinRules, "") with
        | null -> "invite"
        | event -> event.JoinRule
