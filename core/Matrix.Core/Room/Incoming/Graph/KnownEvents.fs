namespace Matrix.Core.Room.Incoming.Graph

open System
open System.Collections.Generic
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Ident
open Matrix.Core.Room
open Matrix.Core.State
open Matrix.Core.StateRes
open Matrix.Core.Room.Incoming.Facts
open Matrix.Core.Room.Incoming.Protocol
open Matrix.Core.Room.Incoming.Staging

/// A decision that is not yet durable.
[<Struct>]
type internal Undurable = {
    Decided: DecidedEvent
    /// The frontier before it.
    Before: Frontier
    /// The undurable decision on the same event that it replaced; null if there was none.
    Previously: DecidedEvent | null
    /// The staged event, if it came from elsewhere; null if this server made it.
    Received: Staged | null
    /// The state before it that a peer sent; null if none was needed.
    Trusted: StateTree | null
}

/// The decided events: the facts known of the durable history, and on top of them the undurable decisions, in their
/// order. A member that lacks a fact ends the step (`UndoLog.Attempt`).
[<Sealed>]
type internal KnownEvents(log: UndoLog, frontier: Undoable<Frontier>, lookUpCache: LookUpCache) =

    let undurable = List<Undurable>()
    let recent = Dictionary<string, DecidedEvent>()
    // The indexes of undurable events are built when they are first needed: rooms without other servers never need
    // them.
    let citing = Dictionary<string, List<string>>()
    let following = Dictionary<string, List<string>>()
    let mutable indexed = 0

    let note (index: Dictionary<string, List<string>>) (id: string) (by: string) =
        match index.TryGetValue id with
        | true, all -> all.Add by
        | _ -> index[id] <- List [ by ]

    let forget (index: Dictionary<string, List<string>>) (id: string) (by: string) =
        match index.TryGetValue id with
        | true, all ->
            all.Remove by |> ignore

            if all.Count = 0 then
                index.Remove id |> ignore
        | _ -> ()

    let change (apply: Dictionary<string, List<string>> -> string -> string -> unit) (known: KnownEvent) =
        let pdu = known.Event.Pdu

        if pdu.IsState && not known.IsRejected then
            for id in pdu.AuthEvents do
                apply citing id pdu.EventId

        if not known.IsOutlier then
            for id in pdu.PrevEvents do
                apply following id pdu.EventId

    let index () =
        while indexed < undurable.Count do
            change note undurable[indexed].Decided.Known
            indexed <- indexed + 1

    /// The undurable entries of an index for an event, the newest first.
    let undurableOf (index: Dictionary<string, List<string>>) (id: string) : string[] =
        match index.TryGetValue id with
        | true, all -> all |> Seq.rev |> Seq.distinct |> Seq.toArray
        | _ -> [||]

    /// The entries of the history, page by page.
    let rec citingOf (id: string) (from: int) : seq<string> =
        seq {
            let struct (ids, areAll) = lookUpCache.Citing(id, from)

            for i in from .. ids.Length - 1 do
                ids[i]

            if not areAll then
                yield! citingOf id ids.Length
        }

    let takeBackLast () =
        let last = undurable.Count - 1
        let entry = undurable[last]
        let id = entry.Decided.Known.EventId

        if indexed > last then
            change forget entry.Decided.Known
            indexed <- last

        undurable.RemoveAt last

        match entry.Previously with
        // An earlier decision on the event may have become durable since: then the history has it.
        | NonNull earlier when last > 0 && earlier.Number >= undurable[0].Decided.Number -> recent[id] <- earlier
        | _ -> recent.Remove id |> ignore

    let find (eventId: string) : KnownEvent | null =
        match recent.TryGetValue eventId with
        | true, decided -> decided.Known
        | _ -> lookUpCache.Find eventId

    let isUnknown (eventId: string) : bool =
        not (recent.ContainsKey eventId) && (lookUpCache.TryFind eventId).IsNone

    /// Ends the step unless all these events can be found.
    let require (eventIds: seq<string>) : unit =
        let mutable areLacking = false

        for id in eventIds do
            if isUnknown id then
                lookUpCache.LackEvent id
                areLacking <- true

        if areLacking then
            lookUpCache.Fail()

    /// Ends the step unless the height of an event can be computed. All events that are lacking now are looked up
    /// together: chains of events with unknown heights may be long.
    let requireHeight (known: KnownEvent) : unit =
        if known.Height < 0 then
            let met = HashSet<string>()
            let pending = Stack<KnownEvent>()
            let mutable areLacking = false
            pending.Push known

            while pending.Count > 0 do
                for id in pending.Pop().Event.Pdu.AuthEvents do
                    if met.Add id then
                        if isUnknown id then
                            lookUpCache.LackEvent id
                            areLacking <- true
                        else
                            match find id with
                            | NonNull cited when cited.Height < 0 -> pending.Push cited
                            | _ -> ()

            if areLacking then
                lookUpCache.Fail()

    let extremity (eventId: string) : ForwardExtremity | null =
        match frontier.Value.Extremities |> Array.tryFind (fun e -> e.EventId = eventId) with
        | Some found -> found
        | None -> null

    /// The index of a decision among the undurable ones; -1 if it is none of them.
    let placeOf (number: int64) : int =
        let rec search low high =
            if low > high then
                -1
            else
                let middle = (low + high) / 2
                let there = undurable[middle].Decided.Number

                if there = number then middle
                elif there < number then search (middle + 1) high
                else search low (middle - 1)

        search 0 (undurable.Count - 1)

    /// Whether a peer sends an event of one of its joined users; none if the membership is lacking. Before the room's
    /// first event there are no memberships, and nobody is a stranger.
    let sendsForJoined (peer: string) (sender: string) : bool voption =
        if frontier.Value.Extremities.Length = 0 then
            ValueSome true
        elif not (String.Equals(UserId.server sender, peer)) then
            ValueSome false
        else
            match frontier.Value.CurrentState.Find(EventTypes.Member, sender) with
            | null -> ValueSome false
            | entry when isUnknown entry.EventId ->
                lookUpCache.LackEvent entry.EventId
                ValueNone
            | entry ->
                match find entry.EventId with
                | null -> ValueSome false
                | membership -> ValueSome membership.Event.Membership.IsJoin

    /// The event with this id; null if it was not decided.
    member _.Find(eventId: string) : KnownEvent | null = find eventId

    /// The undurable decision on an event; null if there is none.
    member _.FindUndurable(eventId: string) : DecidedEvent | null =
        match recent.TryGetValue eventId with
        | true, decided -> decided
        | _ -> null

    /// What is known of an event without a look-up: null also if it has to be looked up.
    member _.FindHere(eventId: string) : KnownEvent | null =
        match recent.TryGetValue eventId with
        | true, decided -> decided.Known
        | _ ->
            match lookUpCache.TryFind eventId with
            | ValueSome known -> known
            | ValueNone -> null

    /// Whether an event has to be looked up.
    member _.IsUnknown(eventId: string) : bool = isUnknown eventId

    /// Ends the step unless all these events can be found: they are looked up together.
    member _.Require(eventIds: seq<string>) : unit = require eventIds

    /// The forward extremity with this id; null if there is none. All that decisions read of it is known.
    member _.Extremity(eventId: string) : ForwardExtremity | null = extremity eventId

    /// Whether the state after an event has to be looked up.
    member _.LacksState(eventId: string) : bool =
        isNull (extremity eventId)
        && not (recent.ContainsKey eventId)
        && (lookUpCache.TryState eventId).IsNone

    /// The state after an event, before it if it was rejected; null for an outlier.
    member _.StateAfter(eventId: string) : StateTree | null =
        match extremity eventId, recent.TryGetValue eventId with
        | NonNull e, _ -> e.StateAfter
        | _, (true, decided) -> decided.StateAfter
        | _ -> lookUpCache.State eventId

    /// The decided events, without outliers, that name an event in `prev_events`. Only a gap has any in the history
    /// when it is decided.
    member _.Following(eventId: string) : string[] =
        index ()

        Array.append (undurableOf following eventId) (lookUpCache.Following eventId)
        |> Array.distinct

    /// The same among the undurable decisions.
    member _.FollowingUndurable(eventId: string) : string[] =
        index ()
        undurableOf following eventId

    /// The other servers of the room, in the order in which they are asked.
    member _.Servers: IReadOnlyList<string> = lookUpCache.Servers

    /// Notes that it is lacking whether a server is a stranger, if that is needed. The step may go on.
    member _.ScanStranger(peer: string, sender: string) : unit =
        if sendsForJoined peer sender = ValueSome false then
            lookUpCache.LackStranger peer

    /// Whether a server is a stranger: it has no joined user in the room. A server that sends events of one of its
    /// joined users is none, and nothing is looked up.
    member _.IsStranger(peer: string, sender: string) : bool =
        match sendsForJoined peer sender with
        | ValueSome true -> false
        | ValueSome false -> lookUpCache.IsStranger peer
        | ValueNone ->
            lookUpCache.Fail()
            false

    /// The number of undurable decisions.
    member _.UndurableCount = undurable.Count

    /// The numbers of undurable events in their room.
    member _.UndurableOrdinals: seq<uint32> = undurable |> Seq.map _.Decided.Ordinal

    /// Adds an undurable decision.
    member _.Add(decided: DecidedEvent, before: Frontier, received: Staged | null) : unit =
        let id = decided.Known.EventId

        let previously: DecidedEvent | null =
            match recent.TryGetValue id with
            | true, earlier -> earlier
            | _ -> null

        undurable.Add {
            Decided = decided
            Before = before
            Previously = previously
            Received = received
            Trusted =
                match received with
                | null -> null
                | s -> s.Trusted
        }

        recent[id] <- decided

        if log.IsOpen then
            log.Note takeBackLast

    /// All decisions up to this one are now in the history. Ignored if it is not among the undurable ones.
    member _.Durable(number: int64) : unit =
        let place = placeOf number

        for i in 0..place do
            let known = undurable[i].Decided.Known
            lookUpCache.Durable known

            if i < indexed then
                change forget known

            match recent.TryGetValue known.EventId with
            | true, latest when obj.ReferenceEquals(latest.Known, known) -> recent.Remove known.EventId |> ignore
            | _ -> ()

        if place >= 0 then
            undurable.RemoveRange(0, place + 1)
            indexed <- max 0 (indexed - place - 1)

    /// The same decisions for a resolution elsewhere, with facts of its own.
    member _.Copy(ownLookUps: LookUpCache) : KnownEvents =
        let ownLog = UndoLog()
        let copy = KnownEvents(ownLog, Undoable(ownLog, frontier.Value), ownLookUps)

        for entry in undurable do
            copy.Add(entry.Decided, entry.Before, null)

        copy

    /// Takes back this decision and all later ones; none if it is not among the undurable ones.
    member _.TakeBack(number: int64) : Undurable[] =
        match placeOf number with
        | -1 -> [||]
        | place ->
            let taken = undurable.GetRange(place, undurable.Count - place).ToArray()

            for _ in taken do
                takeBackLast ()

            taken

    /// Ends the step unless the events of these keys in a state can be found.
    member _.RequireOf(tree: StateTree, keys: struct (string * string)[]) : unit =
        require [
            for struct (eventType, key) in keys do
                match tree.Find(eventType, key) with
                | null -> ()
                | entry -> entry.EventId
        ]

    /// A state in the form that authorization reads. `read` returns an event by its id.
    member _.AuthStateBy (read: string -> KnownEvent | null) (tree: StateTree) : IAuthState = {
        new IAuthState with
            member _.Find(eventType, stateKey) =
                match tree.Find(eventType, stateKey) with
                | null -> null
                | entry ->
                    match read entry.EventId with
                    | null -> null
                    | known -> known.Event
    }

    /// A state in the form that authorization reads.
    member this.AuthState(tree: StateTree) : IAuthState = this.AuthStateBy find tree

    /// The accepted auth events of an event as a state, with the room's create event where it is not named.
    member _.AuthEventsState(pdu: Pdu, createId: string) : IAuthState =
        let accepted = List<AuthEvent>()

        require (
            if createId = "" then
                pdu.AuthEvents
            else
                Array.append pdu.AuthEvents [| createId |]
        )

        let take id =
            match find id with
            | null -> ()
            | known ->
                if not known.IsRejected then
                    accepted.Add known.Event

        for id in pdu.AuthEvents do
            take id

        if createId <> "" then
            take createId

        {
            new IAuthState with
                member _.Find(eventType, stateKey) =
                    let mutable found: AuthEvent | null = null
                    let mutable i = 0

                    while isNull found && i < accepted.Count do
                        let event = accepted[i].Pdu

                        if event.Type = eventType && String.Equals(event.StateKey, stateKey) then
                            found <- accepted[i]

                        i <- i + 1

                    found
        }

    /// The events as one resolution reads them. When an event is lacking, the auth events of all events that the
    /// resolution has met are looked up with it, and likewise the events that name them, so that the number of look-ups
    /// follows the depth of its walk.
    member _.Source() : IEventSource =
        let met = List<KnownEvent>()

        {
            new IEventSource with
                member _.Find eventId =
                    if isUnknown eventId then
                        lookUpCache.LackEvent eventId

                        for known in met do
                            for id in known.Event.Pdu.AuthEvents do
                                if isUnknown id then
                                    lookUpCache.LackEvent id

                        lookUpCache.Fail()

                    match find eventId with
                    | null -> null
                    | known ->
                        met.Add known
                        requireHeight known
                        known.SourcedBy find

                member _.Citing eventId =
                    index ()

                    // Events are durable in the order of their decisions: the history has none that name an undurable
                    // one.
                    let isNew =
                        match recent.TryGetValue eventId with
                        | true, decided -> not decided.WasOutlier
                        | _ -> false

                    if not isNew && lookUpCache.LacksCiting eventId then
                        for known in met do
                            if not (recent.ContainsKey known.EventId) && lookUpCache.LacksCiting known.EventId then
                                lookUpCache.LackCiting known.EventId

                        lookUpCache.LackCiting eventId
                        lookUpCache.Fail()

                    let here = undurableOf citing eventId

                    if isNew then
                        Seq.ofArray here
                    else
                        Seq.append here (citingOf eventId 0 |> Seq.filter (fun by -> Array.IndexOf(here, by) < 0))
        }
