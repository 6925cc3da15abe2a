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
open Matrix.Core.Room.Incoming.Protocol
open Matrix.Core.Room.Incoming.Graph
open Matrix.Core.State

/// A type and state key.
[<Struct>]
type StateKey(eventType: string, key: string) =

    /// The event's type.
    member _.Type = eventType

    /// Its state key.
    member _.Key = key

/// The part of a state that an event is decided against: a few events, each read once. `rejected` are those of them
/// that came as outliers and were rejected since, by the state before them.
[<Sealed>]
type AuthSnapshot(events: IReadOnlyList<AuthEvent>, rejected: IReadOnlyList<AuthEvent>) =

    /// Events of which none was rejected.
    new(events: IReadOnlyList<AuthEvent>) = AuthSnapshot(events, [||])

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

    /// What an event may name of it: an event with a rejected auth event is rejected.
    /// v1.19 server-server-api#rejection
    member this.Nameable: AuthSnapshot =
        if rejected.Count = 0 then
            this
        else
            AuthSnapshot [|
                for event in events do
                    if not (Seq.contains event rejected) then
                        event
            |]

    interface IAuthState with
        member this.Find(eventType, stateKey) = this.Find(eventType, stateKey)

/// The rules of one room version, for the host.
[<Sealed>]
type RoomRules private (version: RoomVersion, format: EventFormat, auth: AuthRules) =

    static let byId: Dictionary<string, RoomRules> =
        Versions.derive (fun v ->
            match EventFormat.ForVersion v.Id, AuthRules.Of v.Id with
            | NonNull format, NonNull auth -> RoomRules(v, format, auth)
            | _ -> RoomRules(v, EventFormat v, AuthRules v))

    static let ids: IReadOnlyList<string> = [| for v in Versions.all -> v.Id |]
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

    /// The keys of the invitation in a state by which a signature in `third_party_invite.signed` is valid.
    let thirdPartyKeysOf verify (pdu: Pdu) (state: AuthSnapshot) =
        if pdu.Type <> EventTypes.Member then
            [||]
        else
            match ThirdPartyKeys.signedOf pdu with
            | null -> [||]
            | signed ->
                match signed.TryFind "token" with
                | ValueSome(Json.String token) ->
                    match state.Find(EventTypes.ThirdPartyInvite, token) with
                    | null -> [||]
                    | invitation -> ThirdPartyKeys.verified verify invitation.Pdu signed
                | _ -> [||]

    /// A draft's content, and the event that it redacts. Clients may name that event in the content; where the version
    /// has it beside the content, it is moved there. v1.19 client-server-api#redactions
    let redactionOf (draft: Draft) : struct (JsonObject * (string | null)) =
        match draft.Content.TryFind "redacts" with
        | ValueSome(Json.String id) when
            format.RedactsOnTop
            && isNull draft.Redacts
            && isNull draft.StateKey
            && draft.Type = EventTypes.Redaction
            ->
            let rest =
                draft.Content.Members |> Seq.filter (fun (struct (key, _)) -> key <> "redacts")

            JsonObject.OfSeq rest, id
        | _ -> draft.Content, draft.Redacts

    /// Hashes a draft, with the members that the version determines.
    let compose (draft: Draft) (greatestDepth: int64) (parts: EventParts) : Outcome<UnsignedEvent> =
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
        | Ok unsigned -> Outcome.Ok unsigned
        | Error fault -> Outcome.Refused(refusedBy fault)

    /// The rules of a version, unstable ones included; null if there is none of that name.
    static member FindUnstable(id: string) : RoomRules | null =
        match byId.TryGetValue id with
        | true, rules -> rules
        | _ -> null

    /// The rules of a version of the specification; null for any other.
    static member Find(id: string) : RoomRules | null =
        if Versions.isKnown id then
            RoomRules.FindUnstable id
        else
            null

    /// The identifiers of the specification's versions, oldest first.
    static member Known = ids

    /// The identifiers of unstable versions. They are off unless the configuration enables them.
    static member Unstable = unstableIds

    /// The version of a room whose creator names none, unless the server is configured otherwise.
    static member Recommended = Versions.recommended.Id

    /// The version's identifier, such as "12".
    member _.Id = version.Id

    /// Its event format.
    member _.Format = format

    /// Whether servers assign event ids, and references carry hashes: `ComposeNamed` is for these versions, `Compose`
    /// for all others.
    member _.AssignsIds = format.AssignsIds

    /// Whether a key must have been valid at an event's `origin_server_ts` to verify it.
    /// v1.19 rooms/v5#signing-key-validity-period
    member _.EnforcesKeyValidity = settings.KeyValidity = KeyValidity.Enforced

    /// Whether the room's id is the hash of its create event.
    member _.RoomIdIsHash = format.RoomIdIsHash

    /// Reads a stored event.
    member _.ParseStored(eventId: string, canonical: ReadOnlyMemory<byte>) : Pdu =
        match PduFormat.ofStored format eventId (canonical.ToArray()) with
        | Ok pdu -> pdu
        | Error fault -> raise (System.IO.InvalidDataException $"The stored event {eventId} is damaged: {fault}.")

    /// A state event prepared for authorization.
    member _.Prepare(pdu: Pdu) : AuthEvent = auth.Read pdu

    /// The types and state keys of a draft's auth events. v1.19 server-server-api#auth-events-selection
    member _.AuthKeys(draft: Draft) : StateKey[] =
        auth.SelectionOf(draft.Type, draft.Sender, draft.StateKey, draft.Content)
        |> Array.map (fun struct (eventType, key) -> StateKey(eventType, key))

    /// Whether the create event is among the auth events, rather than implied by the room's id.
    member _.AuthEventsIncludeCreate = auth.AuthEventsIncludeCreate

    /// Hashes a draft. `greatestDepth` is the greatest depth of its previous events, or 0.
    member _.Compose
        (
            roomId: string,
            draft: Draft,
            prevEvents: string[],
            authEvents: string[],
            greatestDepth: int64,
            originServerTs: int64
        ) : Outcome<UnsignedEvent> =
        compose draft greatestDepth {
            noParts with
                RoomId = roomId
                OriginServerTs = originServerTs
                PrevEvents = prevEvents
                AuthEvents = authEvents
        }

    /// Hashes a draft in a room where servers assign event ids. `opaque` is the part of the id that must be unique on
    /// this server. v1.19 rooms/v1#event-ids, v1.19 rooms/v1#event-format
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
        ) : Outcome<UnsignedEvent> =
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

    /// Hashes a membership event of a local user on a template that a resident server prepared. Only the template's
    /// previous events, auth events and depth are used. `opaque` is as for `ComposeNamed`.
    /// v1.19 server-server-api#joining-rooms
    member _.ComposeMembership
        (
            roomId: string,
            userId: string,
            content: JsonObject,
            template: JsonObject,
            opaque: string,
            serverName: string,
            originServerTs: int64
        ) : Outcome<UnsignedEvent> =
        let prepare depth struct (prevIds, prevHashes) struct (authIds, authHashes) =
            UnsignedEvent.Prepare(
                format,
                {
                    noParts with
                        RoomId = roomId
                        EventId =
                            if format.AssignsIds then
                                EventId.ofServer opaque serverName
                            else
                                ""
                        Sender = userId
                        Type = EventTypes.Member
                        StateKey = userId
                        Content = content
                        OriginServerTs = originServerTs
                        Depth = depth
                        PrevEvents = prevIds
                        AuthEvents = authIds
                        PrevHashes = prevHashes
                        AuthHashes = authHashes
                }
            )

        let composed =
            match
                template.TryFind "depth",
                UnsignedEvent.References(format, template, "prev_events"),
                UnsignedEvent.References(format, template, "auth_events")
            with
            | ValueSome(Json.Int depth), Ok prev, Ok auth -> prepare depth prev auth
            | _, Error fault, _
            | _, _, Error fault -> Error fault
            | ValueSome _, _, _ -> Error(PduFault.WrongType("depth", "an integer"))
            | ValueNone, _, _ -> Error(PduFault.Missing "depth")

        match composed with
        | Ok unsigned -> Outcome.Ok unsigned
        | Error fault -> Outcome.Refused(refusedBy fault)

    /// The event signed by this server: `signature` has 64 bytes, by the key `keyId` (`ed25519:…`).
    member _.Sign(event: UnsignedEvent, serverName: string, keyId: string, signature: byte[]) : Outcome<Pdu> =
        let own: Signature = {
            Entity = serverName
            KeyId = keyId
            Bytes = signature
        }

        match event.Sign [| own |] with
        | Ok pdu -> Outcome.Ok pdu
        | Error fault -> Outcome.Refused(Refusal(RefusalKind.Size, "", fault.ToString()))

    /// Decides an event of this server; null if it is allowed. `cited` are its auth events, none of them rejected;
    /// `nameable` has these and the create event; `state` is the state before it, or the current one. `verify`: key,
    /// message, signature, for third-party invites.
    member _.Decide
        (
            pdu: Pdu,
            cited: Pdu[],
            nameable: AuthSnapshot,
            state: AuthSnapshot,
            serverName: string,
            verify: Func<byte[], byte[], byte[], bool>
        ) : Refusal | null =
        let facts = {
            AuthFacts.OfAccepted cited with
                Signers = [| serverName |]
                ThirdPartyKeys = thirdPartyKeysOf verify pdu state
        }

        match Verdicts.decide auth pdu facts nameable state state with
        | Verdict.Accepted -> null
        | Verdict.Rejected failure
        | Verdict.SoftFailed failure -> Refusal(RefusalKind.Rules, failure.Clause, Failures.render failure)

    /// Decides a stored event again, by one state; null if it is allowed. `stored` is its stored form: the servers that
    /// signed it are those that verified signatures when it came. `rejected` has the ids of those of `cited`, its auth
    /// events, that were rejected.
    member _.DecideAgain
        (
            pdu: Pdu,
            stored: JsonObject,
            cited: IReadOnlyList<Pdu>,
            rejected: IReadOnlySet<string>,
            state: AuthSnapshot,
            verify: Func<byte[], byte[], byte[], bool>
        ) : Refusal | null =
        let facts = {
            AuthEvents = [|
                for event in cited ->
                    {
                        Event = event
                        Rejected = rejected.Contains event.EventId
                    }
            |]
            Signers =
                match stored.TryFind "signatures" with
                | ValueSome(Json.Object all) -> [| for i in 0 .. all.Count - 1 -> all.Key i |]
                | _ -> [||]
            ThirdPartyKeys = thirdPartyKeysOf verify pdu state
            HasRoomId = pdu.Type = EventTypes.Create && (stored.TryFind "room_id").IsSome
        }

        match auth.Decide(pdu, state, facts) with
        | Decision.Allowed _ -> null
        | Decision.Rejected failure -> Refusal(RefusalKind.Rules, failure.Clause, Failures.render failure)

    /// The machine of a room of this version, made from the room's header. See `RoomMachine`.
    member _.Machine(server: string, start: RoomStart, limits: IncomingLimits) : RoomMachine =
        RoomMachine.Of(server, auth, start, limits)

    /// A user's power, by the create event and the power levels; above every level for creators with infinite power.
    member _.PowerOf(levels: IReadOnlyList<AuthEvent>, userId: string) : int64 =
        auth.PowerOf(AuthSnapshot levels, userId)

    /// Whether a user has the power to authorise a restricted join. The caller checks that the user is joined.
    member _.MayAuthorise(state: AuthSnapshot, userId: string) : bool = auth.MayAuthorise(state, userId)

    member private _.RefusalOf(decision: Decision) : Refusal | null =
        match decision with
        | Decision.Allowed _ -> null
        | Decision.Rejected failure -> Refusal(RefusalKind.Rules, failure.Clause, Failures.render failure)

    /// The reason why a client's redaction is not applied to its target, although the authorization rules allow it;
    /// null if it is applied. Clients may redact less than servers apply. v1.19 rooms/v3#handling-redactions;
    /// v1.19 client-server-api#redactions
    member this.RefusesRedaction(redaction: Pdu, target: Pdu, state: AuthSnapshot) : Refusal | null =
        match this.RefusalOf(auth.MayRedact(redaction, target.Sender, state)) with
        | null -> this.RefusalOf(auth.Applies(redaction, target.Sender, state))
        | refused -> refused

    /// The reason why a client may not redact an event that this server does not have; null if the client may.
    member this.RefusesUnseenRedaction(redaction: Pdu, state: AuthSnapshot) : Refusal | null =
        this.RefusalOf(auth.MayRedact(redaction, "", state))

    /// Whether an accepted redaction is applied to its target. v1.19 rooms/v3#handling-redactions
    member _.AppliesRedaction(redaction: Pdu, target: Pdu, state: AuthSnapshot) : bool =
        match auth.Applies(redaction, target.Sender, state) with
        | Decision.Allowed _ -> true
        | Decision.Rejected _ -> false

    /// An event of another server, if it has the format of this version.
    /// v1.19 server-server-api#checks-performed-on-receipt-of-a-pdu
    member _.ReadReceived(utf8: ReadOnlyMemory<byte>) : Outcome<ReceivedPdu> =
        match PduFormat.ofBytes format utf8.Span with
        | Ok received -> Outcome.Ok received
        | Error fault -> Outcome.Refused(refusedBy fault)

    /// The same, of an event in a response of `GET /backfill/{roomId}`, which may have any number of references.
    member _.ReadHistory(utf8: ReadOnlyMemory<byte>) : Outcome<ReceivedPdu> =
        match PduFormat.ofHistory format utf8.Span with
        | Ok received -> Outcome.Ok received
        | Error fault -> Outcome.Refused(refusedBy fault)

    /// The same, of JSON that was parsed leniently.
    member _.ReadReceived(event: JsonObject) : Outcome<ReceivedPdu> =
        match PduFormat.ofJson format event with
        | Ok received -> Outcome.Ok received
        | Error fault -> Outcome.Refused(refusedBy fault)

    /// The id of an event that was parsed leniently and may be malformed; null if it has none.
    member _.EventIdOf(event: JsonObject) : string | null =
        match PduFormat.eventId format event with
        | Ok eventId -> eventId
        | Error _ -> null

    /// The redacted event.
    member _.Redact(pdu: Pdu) : Pdu = PduFormat.redact format pdu

    /// The rooms whose members may join by these join rules; null if the rules are not restricted ones.
    member _.JoinsThrough(joinRules: AuthEvent) : IReadOnlyList<string> | null =
        if auth.AllowsRestrictedJoins(AuthSnapshot [| joinRules |]) then
            AllowedRooms.ofJoinRules joinRules.Pdu.Content
        else
            null

    /// Whether this version has a join rule of this name. A room with any other is open to nobody new.
    member _.HasJoinRule(name: string) : bool = Settings.hasJoinRule name settings

    /// The first events of a new room of this version, create event first. v1.19 client-server-api#creation
    member _.CreationDrafts(request: NewRoom) : IReadOnlyList<Draft> =
        Creation.drafts (request.ToRequest version)

    member internal _.Version = version

    /// The first events of the room of this version that replaces a room, create event first.
    /// v1.19 client-server-api#room-upgrades
    member _.UpgradeDrafts(replaced: ReplacedRoom, old: RoomRules) : IReadOnlyList<Draft> =
        Upgrade.drafts format.RoomIdIsHash (replaced.ToRequest(old.Version, version))

    /// The canonical alias of a replaced room of this version, without the aliases that moved; null if it stays.
    member _.KeptAlias(replaced: ReplacedRoom) : JsonObject | null =
        Upgrade.keptAlias (replaced.ToRequest(version, version))

    /// The power levels that keep a replaced room of this version quiet; null if its levels do so already.
    member _.ClosedLevels(replaced: ReplacedRoom) : JsonObject | null =
        Upgrade.closedLevels (replaced.ToRequest(version, version))
