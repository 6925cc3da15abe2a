namespace Matrix.Core.Room.Incoming

open System
open System.Collections.Generic
open Matrix.Core.Event
open Matrix.Core.State

/// What was fetched for the sake of one received event, and of what that led to.
[<Sealed>]
type internal FetchBudget(log: UndoLog) =
    let walked = Undoable(log, 0)
    let chain = Undoable(log, 0)
    let requests = Undoable(log, 0)

    /// Previous events.
    member _.Walked
        with get () = walked.Value
        and set count = walked.Value <- count

    /// Auth and state events.
    member _.Chain
        with get () = chain.Value
        and set count = chain.Value <- count

    /// Requests, those for keys apart.
    member _.Requests
        with get () = requests.Value
        and set count = requests.Value <- count

    /// Events that cannot be decided at all, because something that they rest on was looked for everywhere.
    member val GivenUp = UndoableSet<string>(log)

    /// Events that cannot be decided in their place, because the state before them was looked for everywhere.
    member val Stateless = UndoableSet<string>(log)

    /// What was asked of which peer. No peer is asked the same again: a hostile one could else make every missing event cost as
    /// many requests as there are paths to it.
    member val Asked = UndoableSet<struct (string * string)>(log)

    /// How many events of states that they gave the peers were asked for.
    member val OfStates = UndoableMap<string, int>(log, Dictionary())

    /// Auth events that are of another room: there is nothing to decide about them here.
    member val Foreign = UndoableMap<string, Pdu>(log, Dictionary())

    /// Whether it is known already that nothing comes of an event, with or without its place in the graph.
    member this.IsHopeless(eventId: string, withState: bool) : bool =
        this.GivenUp.Contains eventId || (withState && this.Stateless.Contains eventId)

/// The state before an event by identifiers, as a peer gave it.
[<Sealed>]
type internal FetchedState(log: UndoLog, peer: string, ids: string[], chain: string[]) =

    let chain = Undoable(log, chain)
    let unknown = Undoable<IReadOnlyList<string>>(log, ids)

    /// The peer that gave it.
    member _.Peer = peer

    /// Its events.
    member _.Ids = ids

    /// The events of its auth chain that were not looked through yet.
    member _.Chain
        with get () = chain.Value
        and set left = chain.Value <- left

    /// Those of its events that waited or were not known when last looked at.
    member _.Unknown
        with get () = unknown.Value
        and set left = unknown.Value <- left

    /// The events of the state and its auth chain that the peer was asked for.
    member val Fetched = UndoableSet<string>(log)

/// The place of an event among those that are ready: those that were decided before come first, in that order; where the graph leaves
/// it open, by depth, time and identifier.
type internal Turn = (struct (int64 * int64 * int64 * string))

/// An event that waits to be decided.
[<Sealed>]
type internal Staged
    (log: UndoLog, received: ReceivedEvent, peer: string, peers: Lazy<string[]>, budget: FetchBudget, isOutlier: bool) =

    let mostCopies = 4
    let event = Undoable<ReceivedEvent>(log, received)
    let copies = Undoable<ReceivedEvent list>(log, [])
    let keysAsked = UndoableSet<string>(log)
    let isOutlier = Undoable(log, isOutlier)
    let asked = Undoable(log, -1)
    let seekTurn = Undoable(log, 0)
    let stateTurn = Undoable(log, 0)
    let authTurn = Undoable(log, 0)
    let tooMuch = Undoable(log, false)
    let fetched = Undoable<FetchedState | null>(log, null)
    let stateFrom = Undoable<string | null>(log, null)
    let awaitsTurn = Undoable(log, false)
    let trusted = Undoable<StateTree | null>(log, null)
    let isReady = Undoable(log, false)
    let takenBack = Undoable(log, Int64.MaxValue)

    /// The event, with its signatures as far as they were checked.
    member _.Event = event.Value

    /// Its signatures were checked again.
    member _.Recheck(signatures: CheckedSignature[]) =
        let checkedAgain = {
            event.Value with
                Signatures = signatures
        }

        event.Value <- checkedAgain

    /// Another copy came while the signatures of this one are in doubt: they are no part of its identifier.
    member _.Keep(copy: ReceivedEvent) =
        if copies.Value.Length < mostCopies then
            copies.Value <- copies.Value @ [ copy ]

    /// Takes the next copy in place of one whose signatures are wrong; false if there is none.
    member _.TakeCopy() : bool =
        match copies.Value with
        | [] -> false
        | next :: rest ->
            event.Value <- next
            copies.Value <- rest
            // Its signatures were checked when it came, by the keys of that time.
            keysAsked.Clear()
            true

    member _.Id = event.Value.Pdu.EventId
    member _.Pdu = event.Value.Pdu

    /// The peer that sent it.
    member _.Peer = peer

    /// The peers to ask about it, in turn.
    member _.Peers = peers.Value

    member _.Budget = budget

    /// Whether it is wanted without the state around it.
    member _.IsOutlier
        with get () = isOutlier.Value
        and set value = isOutlier.Value <- value

    /// The servers whose keys were asked for.
    member _.KeysAsked = keysAsked

    /// The request that it waits for; -1 if it waits for none.
    member _.Asked
        with get () = asked.Value
        and set number = asked.Value <- number

    /// The turn of peers in the search for previous events.
    member _.SeekTurn
        with get () = seekTurn.Value
        and set turn = seekTurn.Value <- turn

    /// The same for the state before it.
    member _.StateTurn
        with get () = stateTurn.Value
        and set turn = stateTurn.Value <- turn

    /// The same for auth events.
    member _.AuthTurn
        with get () = authTurn.Value
        and set turn = authTurn.Value <- turn

    /// Whether something was too large to be fetched.
    member _.TooMuch
        with get () = tooMuch.Value
        and set value = tooMuch.Value <- value

    /// The state before it as a peer gave it, while it is looked through; null before and after.
    member _.Fetched
        with get () = fetched.Value
        and set (state: FetchedState | null) = fetched.Value <- state

    /// The peer that gave the state before it.
    member _.StateFrom
        with get () = stateFrom.Value
        and set (peer: string | null) = stateFrom.Value <- peer

    /// Whether an auth event of it is known to be of another room. Nothing is asked about those of a create event.
    member this.CitesForeign(eventId: string) : bool =
        this.Pdu.Type <> "m.room.create" && budget.Foreign.ContainsKey eventId

    /// Whether it waits until it may ask for the state before it.
    member _.AwaitsTurn
        with get () = awaitsTurn.Value
        and set value = awaitsTurn.Value <- value

    /// The state that a peer gave, once all of it is known; null before.
    member _.Trusted
        with get () = trusted.Value
        and set (tree: StateTree | null) = trusted.Value <- tree

    /// The events that it waits for.
    member val Awaits = UndoableSet<string>(log)

    /// Whether it only waits for its turn.
    member _.IsReady
        with get () = isReady.Value
        and set value = isReady.Value <- value

    /// The number of the decision that was taken back, if it was decided before.
    member _.TakenBack
        with get () = takenBack.Value
        and set number = takenBack.Value <- number

    /// Its place among ready events: see `Turns`.
    member this.Turn: Turn =
        struct (takenBack.Value, this.Pdu.Depth, this.Pdu.OriginServerTs, this.Pdu.EventId)

/// The order of turns.
[<RequireQualifiedAccess>]
module internal Turns =

    let order: IComparer<Turn> = {
        new IComparer<Turn> with
            member _.Compare(struct (taken, depth, time, id), struct (otherTaken, otherDepth, otherTime, otherId)) =
                if taken <> otherTaken then compare taken otherTaken
                elif depth <> otherDepth then compare depth otherDepth
                elif time <> otherTime then compare time otherTime
                else String.CompareOrdinal(id, otherId)
    }
