namespace Matrix.Core.Room.Incoming.Facts

open System
open System.Collections.Generic
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Core.State

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
