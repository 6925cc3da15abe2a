namespace Matrix.Core.Room.Incoming.Staging

open System
open System.Collections.Generic
open Matrix.Core.Event
open Matrix.Core.State
open Matrix.Core.Room.Incoming.Facts
open Matrix.Core.Room.Incoming.Protocol

/// The state before an event as a peer sent it: identifiers.
[<Sealed>]
type internal FetchedState(log: UndoLog, peer: string, ids: string[], chain: string[]) =

    let chain = Undoable(log, chain)
    let unknown = Undoable<IReadOnlyList<string>>(log, ids)

    /// The peer that sent it.
    member _.Peer = peer

    /// Its events.
    member _.Ids = ids

    /// Events of its auth chain, until they have been looked up.
    member _.Chain
        with get () = chain.Value
        and set left = chain.Value <- left

    /// The events of the state that were staged or unknown at the last look-up.
    member _.Unknown
        with get () = unknown.Value
        and set left = unknown.Value <- left

    /// The staged events of the state at the last look-up. It is not looked through again before all are decided or
    /// dropped: there may be thousands.
    member val Awaited = UndoableSet<string>(log)

    /// The events of the state and its auth chain that were requested.
    member val Fetched = UndoableSet<string>(log)

/// The position of an event among the ready ones: those that were decided before come first, in their former order;
/// otherwise by depth, time and id.
type internal DecisionPlace = (struct (int64 * int64 * int64 * string))

/// How a staged event came, which decides the bounds that it counts for.
[<RequireQualifiedAccess>]
type internal Arrival =
    /// In a transaction.
    | Received
    /// In a transaction before a restart: there was space for it then, and its sender knows that it is here.
    | Resumed
    /// As a previous event of a staged one, or as history. Without it, others would go on waiting.
    | Fetched
    /// As an auth event or part of a state. Such events may be many: they are bounded by the budget of the event that
    /// they were fetched for, and in bytes.
    | InBulk

/// An event that waits to be decided.
[<Sealed>]
type internal Staged
    (log: UndoLog, received: ReceivedEvent, peer: string, peers: Lazy<string[]>, budget: FetchBudget, arrival: Arrival)
    =

    let mostCopies = 4
    let peers = Undoable(log, peers)
    let share = Undoable(log, (if budget.IsStranger then Share.ofStrangers else peer))
    let budget = Undoable(log, budget)
    let isReceived = Undoable(log, false)
    let rounds = Undoable(log, 0)
    let postponedUntil = Undoable(log, 0L)
    let searchFrom = Undoable(log, 0L)
    let previousReached = Undoable(log, false)
    let event = Undoable<ReceivedEvent>(log, received)
    let copies = Undoable<ReceivedEvent list>(log, [])
    let keysRequested = UndoableSet<string>(log)
    let isOutlier = Undoable(log, (arrival = Arrival.InBulk))
    let requestNumber = Undoable(log, -1)
    let previousPeer = Undoable(log, 0)
    let statePeer = Undoable(log, 0)
    let authPeer = Undoable(log, 0)
    let tooMuch = Undoable(log, false)
    let fetched = Undoable<FetchedState | null>(log, null)
    let stateFrom = Undoable<string | null>(log, null)
    let isQueued = Undoable(log, false)
    let trusted = Undoable<StateTree | null>(log, null)
    let isReady = Undoable(log, false)
    let takenBack = Undoable(log, Int64.MaxValue)
    let requestedWhole = Undoable(log, false)
    let historyOrdinal = Undoable(log, 0u)

    /// How it came first.
    member _.Arrival = arrival

    /// Whether it was fetched as an auth event or part of a state.
    member _.IsInBulk = (arrival = Arrival.InBulk)

    /// Whether it was fetched as a previous event or as history.
    member _.IsFetched = (arrival = Arrival.Fetched)

    /// Its size in memory with its copies, approximately.
    member _.Bytes: int64 =
        copies.Value |> List.sumBy Staged.SizeOf |> (+) (Staged.SizeOf event.Value)

    /// The size of one copy of an event in memory, approximately.
    static member SizeOf(copy: ReceivedEvent) : int64 =
        int64 copy.Pdu.Canonical.Length + 1_000L

    /// The event, with its signatures as far as they are checked.
    member _.Event = event.Value

    /// Takes the results of a new check of its signatures.
    member _.Recheck(signatures: CheckedSignature[]) =
        let checkedAgain = {
            event.Value with
                Signatures = signatures
        }

        event.Value <- checkedAgain

    /// Whether another copy says something new, and there is a place for it.
    member _.MayKeep(copy: ReceivedEvent) : bool =
        let isSame (other: ReceivedEvent) =
            other.Signatures = copy.Signatures
            && other.Pdu.Canonical.Span.SequenceEqual copy.Pdu.Canonical.Span

        copies.Value.Length < mostCopies
        && not (isSame event.Value)
        && not (List.exists isSame copies.Value)

    /// Keeps another copy: see `Staging.Keep`.
    member _.Keep(copy: ReceivedEvent) : unit = copies.Value <- copies.Value @ [ copy ]

    /// Takes the next copy in place of one whose signatures are wrong; false if there is none: see `Staging.TakeCopy`.
    member _.TakeCopy() : bool =
        match copies.Value with
        | [] -> false
        | next :: rest ->
            event.Value <- next
            copies.Value <- rest
            // Its signatures were checked when it came, with the keys of that time.
            keysRequested.Clear()
            true

    /// Whether a copy with the right content hash was requested.
    member _.RequestedWhole
        with get () = requestedWhole.Value
        and set (asked: bool) = requestedWhole.Value <- asked

    /// Takes a validly signed copy with the right content hash: see `Staging.TakeWhole`.
    member _.TakeWhole(copy: ReceivedEvent) : unit = event.Value <- copy

    member _.Id = event.Value.Pdu.EventId
    member _.Pdu = event.Value.Pdu

    /// The peer that sent it.
    member _.Peer = peer

    /// The share in which it counts.
    member _.Share = share.Value

    /// The peer that is asked first about it: the one that sent it, or whose event needs it.
    member this.AskedFirst = if this.IsStranger then peer else share.Value

    /// Whether it is a stranger's.
    member _.IsStranger = budget.Value.IsStranger

    /// The share in which its bytes count. A peer may be asked for thousands of events because of one that another peer
    /// sent.
    member this.ChargedTo = if this.IsInBulk then budget.Value.Share else share.Value

    /// Takes a stranger's event over into the search for another one: see `Staging.TakeOver`.
    member _.TakenOver(by: FetchBudget) : unit =
        budget.Value <- by
        share.Value <- by.Share

    /// The peers to ask about it, in order.
    member _.Peers = peers.Value.Value

    member _.Budget = budget.Value

    /// Whether it came in a transaction, so that its sender knows that it is here. Others were fetched.
    member _.IsReceived
        with get () = isReceived.Value
        and set (received: bool) = isReceived.Value <- received

    /// How often the search for what it lacks began again.
    member _.Rounds = rounds.Value

    /// When that search begins again; 0 if it is not postponed.
    member _.PostponedUntil
        with get () = postponedUntil.Value
        and set (time: int64) = postponedUntil.Value <- time

    /// From when on it is searched for what it lacks; 0 if that began, or may begin.
    member _.SearchFrom
        with get () = searchFrom.Value
        and set (time: int64) = searchFrom.Value <- time

    /// The peers that were not reached since the search began, or could not be asked in that minute.
    member val Unreached = UndoableSet<string>(log)

    /// The servers whose keys could not be fetched since the search began.
    member val WithoutKeys = UndoableSet<string>(log)

    /// Whether a peer that was asked for previous events was reached since the search began.
    member _.PreviousReached
        with get () = previousReached.Value
        and set (reached: bool) = previousReached.Value <- reached

    /// Whether it is decided by its auth events alone.
    member _.IsOutlier
        with get () = isOutlier.Value
        and set value = isOutlier.Value <- value

    /// Its number if it is decided as history; else 0.
    member _.HistoryOrdinal
        with get () = historyOrdinal.Value
        and set (ordinal: uint32) = historyOrdinal.Value <- ordinal

    /// Whether it is decided as history.
    member _.IsHistory = historyOrdinal.Value > 0u

    /// The servers whose keys were requested.
    member _.KeysRequested = keysRequested

    /// The number of the request that it waits for; -1 if there is none.
    member _.RequestNumber
        with get () = requestNumber.Value
        and set number = requestNumber.Value <- number

    /// The index of the next peer to ask for previous events.
    member _.PreviousPeer
        with get () = previousPeer.Value
        and set turn = previousPeer.Value <- turn

    /// The same for the state before it.
    member _.StatePeer
        with get () = statePeer.Value
        and set turn = statePeer.Value <- turn

    /// The same for auth events.
    member _.AuthPeer
        with get () = authPeer.Value
        and set turn = authPeer.Value <- turn

    /// Whether something was too large to fetch.
    member _.TooMuch
        with get () = tooMuch.Value
        and set value = tooMuch.Value <- value

    /// The state before it as a peer sent it, until all its events are known; then null.
    member _.Fetched
        with get () = fetched.Value
        and set (state: FetchedState | null) = fetched.Value <- state

    /// The peer that sent the state before it.
    member _.StateFrom
        with get () = stateFrom.Value
        and set (peer: string | null) = stateFrom.Value <- peer

    /// The search for what it lacks begins again, with these peers.
    member this.BeginAgain(others: Lazy<string[]>) : unit =
        peers.Value <- others
        rounds.Value <- rounds.Value + 1
        previousPeer.Value <- 0
        statePeer.Value <- 0
        authPeer.Value <- 0
        tooMuch.Value <- false
        previousReached.Value <- false
        keysRequested.Clear()
        this.Unreached.Clear()
        this.WithoutKeys.Clear()

    /// Whether an event of another room is among its auth events. Those of a create event do not matter.
    member this.HasForeignAuthEvent(eventId: string) : bool =
        this.Pdu.Type <> EventTypes.Create && budget.Value.Foreign.ContainsKey eventId

    /// Whether it is queued to request the state before it.
    member _.IsQueued
        with get () = isQueued.Value
        and set value = isQueued.Value <- value

    /// The state before it that a peer sent, once all its events are known; null before.
    member _.Trusted
        with get () = trusted.Value
        and set (tree: StateTree | null) = trusted.Value <- tree

    /// The events that it waits for.
    member val Awaits = UndoableSet<string>(log)

    /// Whether it can be decided.
    member _.IsReady
        with get () = isReady.Value
        and set value = isReady.Value <- value

    /// The number of the decision that was taken back, if it was decided before.
    member _.TakenBack
        with get () = takenBack.Value
        and set number = takenBack.Value <- number

    /// Its position among ready events: see `DecisionOrder`.
    member this.DecisionPlace: DecisionPlace =
        struct (takenBack.Value, this.Pdu.Depth, this.Pdu.OriginServerTs, this.Pdu.EventId)

/// The order of decisions.
[<RequireQualifiedAccess>]
module internal DecisionOrder =

    let comparer: IComparer<DecisionPlace> = {
        new IComparer<DecisionPlace> with
            member _.Compare(struct (taken, depth, time, id), struct (otherTaken, otherDepth, otherTime, otherId)) =
                if taken <> otherTaken then compare taken otherTaken
                elif depth <> otherDepth then compare depth otherDepth
                elif time <> otherTime then compare time otherTime
                else String.CompareOrdinal(id, otherId)
    }

    /// Events in the order of decisions.
    let sort (events: seq<Staged>) : Staged[] =
        let all = Seq.toArray events
        Array.Sort(all |> Array.map _.DecisionPlace, all, comparer)
        all

/// The order of times, and of the ids of events at one time.
[<RequireQualifiedAccess>]
module internal TimeOrder =

    let comparer: IComparer<struct (int64 * string)> = {
        new IComparer<struct (int64 * string)> with
            member _.Compare(struct (time, id), struct (otherTime, otherId)) =
                if time <> otherTime then
                    compare time otherTime
                else
                    String.CompareOrdinal(id, otherId)
    }
