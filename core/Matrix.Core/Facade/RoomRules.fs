namespace Matrix.Core.Facade

open System
open System.Collections.Generic
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Ident
open Matrix.Core.Json
open Matrix.Core.Room
open Matrix.Core.Room.Incoming
open Matrix.Core.State

/// A type and state key.
[<Struct>]
type StateKey(eventType: string, key: string) =

    /// The event's type.
    member _.Type = eventType

    /// Its state key.
    member _.Key = key

/// The state that an event is decided against: a handful of events, each read once.
[<Sealed>]
type AuthSnapshot(events: IReadOnlyList<AuthEvent>) =

    /// The event of a type and state key; null if there is none.
    member _.Find(eventType: string, stateKey: string) : AuthEvent | null =
        let mutable found: AuthEvent | null = null
        let mutable i = 0

        while isNull found && i < events.Count do
            let pdu = events[i].Pdu

            if String.Equals(pdu.StateKey, stateKey) && String.Equals(pdu.Type, eventType) then
                found <- events[i]

            i <- i + 1

        found

    /// The events.
    member _.Events = events

    interface IAuthState with
        member this.Find(eventType, stateKey) = this.Find(eventType, stateKey)

/// An event that is hashed and waits for this server's signature. Dispose it when it is signed.
[<Sealed>]
type ComposedEvent internal (unsigned: UnsignedEvent) =

    /// Its id.
    member _.EventId = unsigned.EventId

    /// Its room's id: news where the id is the hash of the create event.
    member _.RoomId = unsigned.RoomId

    /// What Ed25519 signs, until it is disposed.
    member _.BytesToSign = unsigned.BytesToSign

    /// The event with the signature of this server: 64 bytes, by the key `keyId` (`ed25519:…`).
    member _.Sign(serverName: string, keyId: string, signature: byte[]) : Outcome<Pdu> =
        let own: Signature = {
            Entity = serverName
            KeyId = keyId
            Bytes = signature
        }

        match unsigned.Sign [| own |] with
        | Ok pdu -> Outcome.Ok pdu
        | Error fault -> Outcome.Refused(Refusal(RefusalKind.Size, "", fault.ToString()))

    interface IDisposable with
        member _.Dispose() = (unsigned :> IDisposable).Dispose()

/// The rules of one room version, as the host asks for them.
[<Sealed>]
type RoomRules private (version: RoomVersion, format: EventFormat, auth: AuthRules) =

    static let known: Dictionary<string, RoomRules> =
        let byId = Dictionary()

        for v in Versions.all do
            match EventFormat.ForVersion v.Id, AuthRules.Of v.Id with
            | null, _
            | _, null -> ()
            | format, auth -> byId[v.Id] <- RoomRules(v, format, auth)

        byId

    static let ids: IReadOnlyList<string> = [| for v in Versions.all -> v.Id |]

    static let unstable: Dictionary<string, RoomRules> =
        Dictionary(dict [ for v in Versions.unstable -> v.Id, RoomRules(v, EventFormat v, AuthRules v) ])

    static let unstableIds: IReadOnlyList<string> = [| for v in Versions.unstable -> v.Id |]

    static let noParts: EventParts = {
        RoomId = ""
        EventId = ""
        Sender = ""
        Type = ""
        StateKey = null
        Content = JsonObject.Empty
        OriginServerTs = 0L
        Depth = 0L
        PrevEvents = [||]
        AuthEvents = [||]
        PrevHashes = [||]
        AuthHashes = [||]
        Redacts = null
    }

    let settings = version.Settings

    let refusedBy (fault: PduFault) =
        Refusal((if fault.IsSize then RefusalKind.Size else RefusalKind.Form), "", fault.ToString())

    /// A draft's content and what it redacts. A redaction that a client sent as any other event says that in its content: where the
    /// version has it beside the content, it is moved there. Client-Server API, "Redactions".
    let redactionOf (draft: Draft) : struct (JsonObject * (string | null)) =
        match draft.Content.TryFind "redacts" with
        | ValueSome(Json.String id) when
            format.RedactsOnTop
            && isNull draft.Redacts
            && isNull draft.StateKey
            && draft.Type = "m.room.redaction"
            ->
            let rest =
                draft.Content.Members |> Seq.filter (fun (struct (key, _)) -> key <> "redacts")

            JsonObject.OfSeq rest, id
        | _ -> draft.Content, draft.Redacts

    /// Hashes a draft: all that the draft and the version say is filled in.
    let compose (draft: Draft) (greatestDepth: int64) (parts: EventParts) : Outcome<ComposedEvent> =
        let struct (content, redacts) = redactionOf draft

        let parts = {
            parts with
                Sender = draft.Sender
                Type = draft.Type
                StateKey = draft.StateKey
                Content = content
                Depth = Extremities.Depth(greatestDepth, settings.MaximumDepth)
                Redacts = redacts
        }

        match UnsignedEvent.Prepare(format, parts) with
        | Ok unsigned -> Outcome.Ok(new ComposedEvent(unsigned))
        | Error fault -> Outcome.Refused(refusedBy fault)

    /// The rules of a version of the specification; null if it is none.
    static member Find(id: string) : RoomRules | null =
        match known.TryGetValue id with
        | true, rules -> rules
        | _ -> null

    /// The rules of a version, be it one that no server uses unless it is told to; null if there is none of that name.
    static member FindUnstable(id: string) : RoomRules | null =
        match unstable.TryGetValue id with
        | true, rules -> rules
        | _ -> RoomRules.Find id

    /// The identifiers of the versions that every server knows, oldest first.
    static member Known = ids

    /// The identifiers of the versions that a server uses only if it is told to.
    static member Unstable = unstableIds

    /// The version's identifier, such as "12".
    member _.Id = version.Id

    /// How its events are written.
    member _.Format = format

    /// Whether servers choose the ids of their events, which are cited with their hashes: `ComposeNamed` is for these versions, `Compose`
    /// for all others.
    member _.AssignsIds = format.AssignsIds

    /// Whether the room's id is known only once its create event is.
    member _.RoomIdIsHash = format.RoomIdIsHash

    /// Reads an event that this server stored.
    member _.ParseStored(eventId: string, canonical: ReadOnlyMemory<byte>) : Pdu =
        match PduFormat.ofStored format eventId (canonical.ToArray()) with
        | Ok pdu -> pdu
        | Error fault -> raise (System.IO.InvalidDataException $"The stored event {eventId} is damaged: {fault}.")

    /// What authorization reads of a state event, read once.
    member _.Prepare(pdu: Pdu) : AuthEvent = auth.Read pdu

    /// The state that a draft's auth events are taken from. Server-Server API, "Auth events selection".
    member _.AuthKeys(draft: Draft) : StateKey[] =
        auth.SelectionOf(draft.Type, draft.Sender, draft.StateKey, draft.Content)
        |> Array.map (fun struct (eventType, key) -> StateKey(eventType, key))

    /// Whether the create event is cited among the auth events, or implied by the room's id.
    member _.CitesCreate = auth.CitesCreate

    /// Hashes a draft. `greatestDepth` is that of its previous events, 0 without any.
    member _.Compose
        (roomId: string, draft: Draft, prevEvents: string[], authEvents: string[], greatestDepth: int64, originServerTs: int64)
        : Outcome<ComposedEvent> =
        compose draft greatestDepth {
            noParts with
                RoomId = roomId
                OriginServerTs = originServerTs
                PrevEvents = prevEvents
                AuthEvents = authEvents
        }

    /// Hashes a draft in a room where servers choose the ids of their events. `opaque` is the part of the id that must not repeat on this
    /// server. Room versions 1 and 2, "Event IDs" and "Event format".
    member _.ComposeNamed
        (
            roomId: string,
            draft: Draft,
            opaque: string,
            serverName: string,
            prevEvents: IReadOnlyList<Pdu>,
            authEvents: IReadOnlyList<Pdu>,
            greatestDepth: int64,
            originServerTs: int64
        ) : Outcome<ComposedEvent> =
        compose draft greatestDepth {
            noParts with
                RoomId = roomId
                EventId = EventId.ofServer opaque serverName
                OriginServerTs = originServerTs
                PrevEvents = [| for pdu in prevEvents -> pdu.EventId |]
                AuthEvents = [| for pdu in authEvents -> pdu.EventId |]
                PrevHashes = [| for pdu in prevEvents -> PduFormat.referenceHashOf format pdu |]
                AuthHashes = [| for pdu in authEvents -> PduFormat.referenceHashOf format pdu |]
        }

    /// Decides an event of this server's against the state that it was made on; null if it is allowed. `cited` are the events that it
    /// names as auth events: accepted all, for they were taken from the state.
    member _.Decide(pdu: Pdu, cited: Pdu[], state: AuthSnapshot, serverName: string) : Refusal | null =
        let facts = {
            AuthFacts.ofAccepted cited with
                Signers = [| serverName |]
        }

        match Verdicts.decide auth pdu facts state state state with
        | Verdict.Accepted -> null
        | Verdict.Rejected failure
        | Verdict.SoftFailed failure -> Refusal(RefusalKind.Rules, failure.Clause, Failures.render failure)

    /// The machine of a room of this version, made from what the room's header holds; of a new room, from nothing. See `RoomMachine`.
    member _.Machine
        (
            server: string,
            roomId: string,
            history: IRoomHistory,
            extremities: ForwardExtremity[],
            currentState: StateTree | null,
            nextOrdinal: uint32,
            limits: IncomingLimits
        ) : RoomMachine =
        RoomMachine.Of(server, roomId, auth, history, extremities, currentState, nextOrdinal, limits)

    /// A user's power, by the create event and the power levels: beyond every level for creators where they stand above all levels.
    member _.PowerOf(levels: IReadOnlyList<AuthEvent>, userId: string) : int64 =
        auth.PowerOf(AuthSnapshot levels, userId)

    /// Whether a member has the power to vouch for others in a restricted room. That they are joined is for the caller to know.
    member _.MayVouch(state: AuthSnapshot, userId: string) : bool = auth.MayVouch(state, userId)

    member private _.RefusalOf(decision: Decision) : Refusal | null =
        match decision with
        | Decision.Allowed _ -> null
        | Decision.Rejected failure -> Refusal(RefusalKind.Rules, failure.Clause, Failures.render failure)

    /// Why a redaction that a client of this server asked for, and that the authorization rules allow, is not applied to its target; null if
    /// it is. Clients may redact less than servers apply. Room versions, "Handling redactions"; Client-Server API, "Redactions".
    member this.RefusesRedaction(redaction: Pdu, target: Pdu, state: AuthSnapshot) : Refusal | null =
        match this.RefusalOf(auth.MayAsk(redaction, target.Sender, state)) with
        | null -> this.RefusalOf(auth.Applies(redaction, target.Sender, state))
        | refused -> refused

    /// Why a client of this server may not redact an event that is not here, whose sender nobody knows; null if it may.
    member this.RefusesUnseenRedaction(redaction: Pdu, state: AuthSnapshot) : Refusal | null =
        this.RefusalOf(auth.MayAsk(redaction, "", state))

    /// Whether an accepted redaction is applied to its target, whoever asked for it. Room versions, "Handling redactions".
    member _.AppliesRedaction(redaction: Pdu, target: Pdu, state: AuthSnapshot) : bool =
        match auth.Applies(redaction, target.Sender, state) with
        | Decision.Allowed _ -> true
        | Decision.Rejected _ -> false

    /// An event without what redaction removes.
    member _.Redact(pdu: Pdu) : Pdu = PduFormat.redact format pdu

    /// The rooms whose members the join rules let in; null if they do not work that way.
    member _.JoinsThrough(joinRules: AuthEvent) : IReadOnlyList<string> | null =
        if auth.LetsMembersOfRoomsIn(AuthSnapshot [| joinRules |]) then
            Joining.allowedRooms joinRules.Pdu.Content
        else
            null

    /// The first events of a new room of this version, create event first. Client-Server API, "Creation".
    member _.CreationDrafts(request: NewRoom) : IReadOnlyList<Draft> =
        Creation.drafts (request.ToRequest version)
