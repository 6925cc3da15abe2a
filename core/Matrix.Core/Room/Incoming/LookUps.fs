namespace Matrix.Core.Room.Incoming

open System
open System.Collections.Generic
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Core.State

/// A look-up of accepted state events that name an event in `auth_events`.
[<Sealed>]
type CitingLookUp internal (eventId: string, count: int) =

    /// The event that they name.
    member _.EventId = eventId

    /// The number of events that are needed, the newest first. More may be supplied.
    member _.Count = count

/// The signatures of an accepted third-party invite, to be verified with the public keys of states.
[<Sealed>]
type ThirdPartyLookUp internal (event: Pdu, signed: JsonObject, keys: string[]) =

    /// The membership event.
    member _.Event = event

    /// Its `third_party_invite.signed`.
    member _.Signed = signed

    /// The public keys to try, as the states' invitations write them.
    member _.Keys = keys

    /// Those of the keys by which a signature is valid. `verify`: key, message, signature.
    member _.VerifiedBy(verify: Func<byte[], byte[], byte[], bool>) : string[] =
        ThirdPartyKeys.verifiedOf verify keys signed

/// The facts of a room that the machine lacks. Nothing of the call that returned them has happened: read all of them
/// together, supply them with `RoomMachine.Supply`, and repeat the call.
[<Sealed>]
type LookUps
    internal
    (
        memory: obj,
        period: int64,
        events: string[],
        states: string[],
        citing: CitingLookUp[],
        following: string[],
        thirdParty: ThirdPartyLookUp[],
        needsServers: bool,
        strangers: string[]
    ) =

    static let none = LookUps(obj (), 0L, [||], [||], [||], [||], [||], false, [||])

    /// No look-ups.
    static member internal None = none

    /// The memory that lacks the facts.
    member internal _.Memory = memory

    /// The number of decisions that were durable when they were made.
    member internal _.Period = period

    /// Events by id.
    member _.Events = events

    /// Events after which the state is needed; before which, if they were rejected.
    member _.States = states

    /// The accepted state events that name an event in `auth_events`.
    member _.Citing = citing

    /// Events whose followers are needed: the decided events, without outliers, that name them in `prev_events`.
    member _.Following = following

    /// Signatures of third-party invites. They are verified, not read.
    member _.ThirdParty = thirdParty

    /// Whether the other servers joined in the room are needed.
    member _.NeedsServers = needsServers

    /// Servers that may be strangers: those without a joined user in the room are needed.
    member _.Strangers = strangers

    /// Whether nothing is lacking.
    member _.IsEmpty =
        events.Length = 0
        && states.Length = 0
        && citing.Length = 0
        && following.Length = 0
        && thirdParty.Length = 0
        && not needsServers
        && strangers.Length = 0

/// What the durable history of a room says about look-ups. What was looked up and is not added here does not exist.
/// More than that may be added, such as auth events of the events that were looked up. The facts must be read after the
/// look-ups were returned.
[<Sealed>]
type LookUpResults(lookUps: LookUps) =

    let events = Dictionary<string, KnownEvent>()
    let states = Dictionary<string, StateTree>()
    let citing = Dictionary<string, struct (string[] * bool)>()
    let following = Dictionary<string, string[]>()
    let verified = Dictionary<string, string[]>()
    let strangers = HashSet<string>()

    /// The look-ups.
    member _.LookUps = lookUps

    /// Adds a decided event.
    member _.AddKnown(event: KnownEvent) : unit = events[event.EventId] <- event

    /// Adds the state after an event that is no outlier; the state before it, if it was rejected.
    member _.AddStateAfter(eventId: string, state: StateTree) : unit = states[eventId] <- state

    /// Adds the accepted state events that name an event in `auth_events`, the newest first, and whether these are all.
    member _.AddCiting(eventId: string, newestFirst: IReadOnlyCollection<string>, areAll: bool) : unit =
        citing[eventId] <- struct (Seq.toArray newestFirst, areAll)

    /// Adds the decided events, without outliers, that name an event in `prev_events`.
    member _.AddFollowing(eventId: string, followers: IReadOnlyCollection<string>) : unit =
        following[eventId] <- Seq.toArray followers

    /// Adds the keys of a `ThirdPartyLookUp` by which a signature is valid.
    member _.AddVerified(lookUp: ThirdPartyLookUp, keys: string[]) : unit = verified[lookUp.Event.EventId] <- keys

    /// Adds a server that has no joined user in the room.
    member _.AddStranger(server: string) : unit = strangers.Add server |> ignore

    /// The other servers joined in the room, in the order in which they are asked.
    member val Servers: IReadOnlyList<string> = [||] with get, set

    member internal _.Events = events
    member internal _.States = states
    member internal _.Citing = citing
    member internal _.Following = following
    member internal _.Verified = verified
    member internal _.Strangers = strangers

/// Facts by event id, the least recently used first. It grows beyond its bound while an input is processed: `Trim` cuts
/// it down afterwards.
[<Sealed>]
type internal Memory<'V>(most: int) =

    let items = Dictionary<string, LinkedListNode<struct (string * 'V)>>()
    let order = LinkedList<struct (string * 'V)>()

    let remove (key: string) =
        match items.TryGetValue key with
        | true, node ->
            items.Remove key |> ignore
            order.Remove node
        | _ -> ()

    /// A result. It becomes the most recently used one.
    member _.Find(key: string) : 'V voption =
        match items.TryGetValue key with
        | true, node ->
            order.Remove node
            order.AddLast node
            let struct (_, value) = node.Value
            ValueSome value
        | _ -> ValueNone

    member _.Set(key: string, value: 'V) : unit =
        remove key
        items[key] <- order.AddLast(struct (key, value))

    member _.Remove(key: string) : unit = remove key

    /// Forgets the least recently used facts beyond the bound.
    member _.Trim() : unit =
        let isLarge = items.Count > 2 * most + 100

        while items.Count > most do
            match order.First with
            | null -> ()
            | first ->
                let struct (key, _) = first.Value
                remove key

        // A fetched state may have 200,000 entries.
        if isLarge then
            items.TrimExcess()

/// The facts that the machine knows of the durable history, and those that the present input lacks.
[<Sealed>]
type internal LookUpCache(mostEvents: int, mostStates: int) =

    // Names this memory in its look-ups.
    let identity = obj ()

    // The first look-up of citing events. Most are decided by the newest few.
    let firstCiting = 32

    let events = Memory<KnownEvent | null>(mostEvents)
    let states = Memory<StateTree | null>(mostStates)
    let citing = Memory<struct (string[] * bool)>(mostEvents)
    let following = Memory<string[]>(mostEvents)
    let mutable servers: IReadOnlyList<string> | null = null
    // Whether servers have no joined user in the room.
    let mutable strangers = Memory<bool>(mostEvents)
    // Until the present input ends, the servers are those from before it.
    let mutable areServersOld = false
    // The number of durable decisions, and the latest of them: facts that were read before may lack these.
    let mutable period = 0L
    let recent = Queue<KnownEvent>()
    let mostRecent = 128
    // Whether anything was ever looked up. In a room without other servers nothing is, and no facts are kept.
    let mutable isUsed = false

    // For each event and key: whether the key verifies. Kept for one input.
    let verified = Dictionary<struct (string * string), bool>()

    let lackingEvents = HashSet<string>()
    let lackingStates = HashSet<string>()
    let lackingCiting = Dictionary<string, int>()
    let lackingFollowing = HashSet<string>()
    let lackingVerified = Dictionary<string, ThirdPartyLookUp>()
    let mutable lacksServers = false
    let lackingStrangers = HashSet<string>()

    let fail () : 'a = raise (StepUnfinishedException())

    /// Changes the facts by a decision that became durable.
    let apply (known: KnownEvent) : unit =
        events.Set(known.EventId, known)
        states.Remove known.EventId

        for id in known.Event.Pdu.AuthEvents do
            citing.Remove id

        for id in known.Event.Pdu.PrevEvents do
            following.Remove id

    /// The event with this id, null if it does not exist; none if that is not known.
    member _.TryFind(eventId: string) : (KnownEvent | null) voption = events.Find eventId

    /// Notes that an event is lacking. The step may go on to find what else is.
    member _.LackEvent(eventId: string) : unit = lackingEvents.Add eventId |> ignore

    /// Notes that the state after an event is lacking.
    member _.LackState(eventId: string) : unit = lackingStates.Add eventId |> ignore

    /// Ends the step, after what it lacks was noted.
    member _.Fail() : unit = fail ()

    /// The event with this id; null if it does not exist.
    member _.Find(eventId: string) : KnownEvent | null =
        match events.Find eventId with
        | ValueSome known -> known
        | ValueNone ->
            lackingEvents.Add eventId |> ignore
            fail ()

    /// The state after an event, null if it is not known to the server; none if that has to be looked up.
    member _.TryState(eventId: string) : (StateTree | null) voption = states.Find eventId

    /// The state after an event; null if it is not known to the server.
    member _.State(eventId: string) : StateTree | null =
        match states.Find eventId with
        | ValueSome tree -> tree
        | ValueNone ->
            lackingStates.Add eventId |> ignore
            fail ()

    /// More than this many of the events that name an event in `auth_events`, the newest first; or all.
    member _.Citing(eventId: string, moreThan: int) : struct (string[] * bool) =
        match citing.Find eventId with
        | ValueSome(struct (ids, areAll)) when areAll || ids.Length > moreThan -> struct (ids, areAll)
        | _ ->
            lackingCiting[eventId] <- max firstCiting (8 * moreThan)
            fail ()

    /// Whether nothing is known of the events that name one in `auth_events`.
    member _.LacksCiting(eventId: string) : bool = (citing.Find eventId).IsNone

    /// Notes that the events that name one in `auth_events` are lacking.
    member _.LackCiting(eventId: string) : unit = lackingCiting[eventId] <- firstCiting

    /// The decided events, without outliers, that name an event in `prev_events`.
    member _.Following(eventId: string) : string[] =
        match following.Find eventId with
        | ValueSome ids -> ids
        | ValueNone ->
            lackingFollowing.Add eventId |> ignore
            fail ()

    /// The other servers of the room.
    member _.Servers: IReadOnlyList<string> =
        match servers with
        | null ->
            lacksServers <- true
            fail ()
        | known -> known

    /// Notes that it is lacking whether a server has no joined user in the room. The step may go on.
    member _.LackStranger(server: string) : unit =
        if (strangers.Find server).IsNone then
            lackingStrangers.Add server |> ignore

    /// Whether a server has no joined user in the room.
    member _.IsStranger(server: string) : bool =
        match strangers.Find server with
        | ValueSome is -> is
        | ValueNone ->
            lackingStrangers.Add server |> ignore
            fail ()

    /// Those of these keys that verify a signature of an accepted third-party invite.
    member _.Verified(event: Pdu, signed: JsonObject, keys: string[]) : string[] =
        let isKnown key =
            verified.ContainsKey(struct (event.EventId, key))

        if not (Array.forall isKnown keys) then
            lackingVerified[event.EventId] <- ThirdPartyLookUp(event, signed, keys)
            fail ()

        keys |> Array.filter (fun key -> verified[struct (event.EventId, key)])

    /// Whether nothing is lacking.
    member _.IsComplete =
        lackingEvents.Count = 0
        && lackingStates.Count = 0
        && lackingCiting.Count = 0
        && lackingFollowing.Count = 0
        && lackingVerified.Count = 0
        && not lacksServers
        && lackingStrangers.Count = 0

    /// What is lacking. It is forgotten then.
    member this.TakeLacking() : LookUps =
        if this.IsComplete then
            LookUps.None
        else
            isUsed <- true

            let lookUps =
                LookUps(
                    identity,
                    period,
                    Seq.toArray lackingEvents,
                    Seq.toArray lackingStates,
                    [| for KeyValue(id, count) in lackingCiting -> CitingLookUp(id, count) |],
                    Seq.toArray lackingFollowing,
                    Seq.toArray lackingVerified.Values,
                    lacksServers,
                    Seq.toArray lackingStrangers
                )

            lackingEvents.Clear()
            lackingEvents.TrimExcess()
            lackingStates.Clear()
            lackingCiting.Clear()
            lackingFollowing.Clear()
            lackingVerified.Clear()
            lacksServers <- false
            lackingStrangers.Clear()
            lookUps

    /// Takes facts. Decisions that became durable since the look-ups were made may be lacking in them, and are applied
    /// to them here. If these are too many, the facts are ignored.
    member _.Supply(results: LookUpResults) : unit =
        let lookUps = results.LookUps
        let missed = period - lookUps.Period

        if obj.ReferenceEquals(lookUps.Memory, identity) && missed <= int64 recent.Count then
            for id in lookUps.Events do
                if not (results.Events.ContainsKey id) then
                    events.Set(id, null)

            for id in lookUps.States do
                if not (results.States.ContainsKey id) then
                    states.Set(id, null)

            for lookUp in lookUps.Citing do
                if not (results.Citing.ContainsKey lookUp.EventId) then
                    citing.Set(lookUp.EventId, struct ([||], true))

            for id in lookUps.Following do
                if not (results.Following.ContainsKey id) then
                    following.Set(id, [||])

            for lookUp in lookUps.ThirdParty do
                let id = lookUp.Event.EventId

                let valid =
                    match results.Verified.TryGetValue id with
                    | true, keys -> keys
                    | _ -> [||]

                for key in lookUp.Keys do
                    verified[struct (id, key)] <- Array.contains key valid

            for KeyValue(id, known) in results.Events do
                events.Set(id, known)

            for KeyValue(id, tree) in results.States do
                states.Set(id, tree)

            for KeyValue(id, ids) in results.Citing do
                citing.Set(id, ids)

            for KeyValue(id, ids) in results.Following do
                following.Set(id, ids)

            if lookUps.NeedsServers && missed = 0L then
                servers <- results.Servers

            if missed = 0L then
                for server in lookUps.Strangers do
                    strangers.Set(server, results.Strangers.Contains server)

            recent |> Seq.skip (recent.Count - int missed) |> Seq.iter apply

    /// A decision is durable: the history has it now.
    member _.Durable(known: KnownEvent) : unit =
        if isUsed then
            period <- period + 1L

            if recent.Count = mostRecent then
                recent.Dequeue() |> ignore

            recent.Enqueue known
            apply known

    /// The current state changed: other servers may be joined now.
    member _.ForgetServers() : unit = areServersOld <- true

    /// An input has been processed: forgets the least recently used facts beyond the bounds.
    member _.Trim() : unit =
        if areServersOld then
            servers <- null
            strangers <- Memory<bool>(mostEvents)
            areServersOld <- false

        if isUsed then
            strangers.Trim()
            events.Trim()
            states.Trim()
            citing.Trim()
            following.Trim()
            verified.Clear()
