namespace Matrix.Core.Room.Incoming.Staging

open System.Collections.Generic
open Matrix.Core.Room.Incoming.Facts
open Matrix.Core.Room.Incoming.Protocol

/// The staged events, and the space that there is for others. Events in bulk are bounded in bytes alone.
[<Sealed>]
type internal StagedEvents(log: UndoLog, staged: UndoableMap<string, Staged>, limits: IncomingLimits) =

    let bytes = Undoable(log, 0L)
    // Those that came in transactions, and those that were fetched; without events in bulk.
    let received = Undoable(log, 0)
    let fetched = Undoable(log, 0)
    let shares = StagedShares(log, staged)

    // The staged events by the events that they name in `prev_events`, when that was first needed in a call. Those that
    // are no longer staged stay in it.
    let mutable followers: Dictionary<string, List<Staged>> | null = null

    let indexFollowers () : Dictionary<string, List<Staged>> =
        match followers with
        | null ->
            let index = Dictionary<string, List<Staged>>()

            for s in staged.Values do
                for id in Array.distinct s.Pdu.PrevEvents do
                    match index.TryGetValue id with
                    | true, all -> all.Add s
                    | _ -> index[id] <- List [ s ]

            followers <- index
            index
        | index -> index

    let countOf (s: Staged) =
        if s.IsFetched then fetched.Value else received.Value

    let count (s: Staged) (more: int) =
        if s.IsFetched then
            fetched.Value <- fetched.Value + more
        elif not s.IsInBulk then
            received.Value <- received.Value + more

    /// The most bytes with a further event. A quarter is kept for what is fetched: without it, staged events would go
    /// on waiting.
    let mostBytes (s: Staged) =
        match s.Arrival with
        | Arrival.Received -> limits.StagedBytes / 4 * 3
        | _ -> limits.StagedBytes

    /// Whether strangers' events would have more than a quarter of the bytes with so many more, which counts what is
    /// fetched for them: that makes no room for others.
    let isTooMuchOfStrangers (s: Staged) (more: int64) =
        s.IsStranger
        && shares.BytesOf Share.ofStrangers + more > int64 (limits.StagedBytes / 4)

    let isCounted (s: Staged) =
        s.Arrival = Arrival.Received || s.IsFetched

    let isOverShare (s: Staged) =
        isCounted s && shares.CountOf s >= limits.StagedOfPeer

    member _.Count = staged.Count

    /// Their bytes.
    member _.Bytes = bytes.Value

    /// Their bytes by the share in which they count.
    member _.BytesByPeer = shares.BytesByPeer

    /// The events, in the order of decisions.
    member _.All: Staged[] = DecisionOrder.sort staged.Values

    /// The event with this id; null if there is none.
    member _.Find(eventId: string) : Staged | null =
        match staged.TryFind eventId with
        | ValueSome s -> s
        | ValueNone -> null

    /// Whether an event is still staged.
    member this.Holds(s: Staged) = obj.ReferenceEquals(s, this.Find s.Id)

    /// The events, without outliers, that name an event in `prev_events`.
    member this.Following(eventId: string) : seq<Staged> =
        match indexFollowers().TryGetValue eventId with
        | true, all -> all |> Seq.filter (fun s -> this.Holds s && not s.IsOutlier)
        | _ -> Seq.empty

    /// A call ends. What a later one changes, or what is undone, makes the index of followers untrue.
    member _.ForgetFollowers() : unit = followers <- null

    /// Whether there may be no space for so many further events of so many bytes.
    member _.MayLackSpace(events: int, size: int64) : bool =
        max received.Value fetched.Value + events > limits.Staged
        || shares.GreatestCount + events > limits.StagedOfPeer
        || bytes.Value + size > int64 (limits.StagedBytes / 4 * 3)

    /// The events of the peer that has the most that make room for another one; none if there would be no space then
    /// either. Those that `decidable` returns are decided when their turn comes, and stay. Strangers' events make no
    /// others go.
    member _.LeavingFor(s: Staged, decidable: unit -> HashSet<string>) : struct (Staged * DropReason) list =
        if not (isCounted s) || isOverShare s || s.IsStranger then
            []
        else
            let isFull = countOf s >= limits.Staged
            let kept = lazy decidable ()

            // After a restart there may be more than the limit. They become fewer as they are decided.
            let first =
                if countOf s = limits.Staged then
                    shares.FirstByCount(s, kept.Value)
                else
                    null

            let freed =
                match first with
                | null -> 0L
                | first -> first.Bytes

            let tooMany = bytes.Value + s.Bytes - freed - int64 (mostBytes s)

            let others =
                if tooMany > 0L then
                    shares.FirstByBytes(s, s.Bytes, tooMany, first, kept.Value)
                else
                    []

            if (isFull && isNull first) || (tooMany > 0L && others.IsEmpty) then
                []
            else
                [
                    match first with
                    | null -> ()
                    | first -> struct (first, DropReason.StagingFull limits.Staged)
                    for other in others do
                        struct (other, DropReason.StagingFull(mostBytes s))
                ]

    /// The reason why there is no space for an event; none if there is space.
    member _.NoSpaceFor(s: Staged) : DropReason voption =
        if isOverShare s then
            ValueSome(DropReason.StagingFull limits.StagedOfPeer)
        elif isCounted s && countOf s >= limits.Staged then
            ValueSome(DropReason.StagingFull limits.Staged)
        elif s.Arrival <> Arrival.Resumed && bytes.Value + s.Bytes > int64 (mostBytes s) then
            ValueSome(DropReason.StagingFull(mostBytes s))
        elif s.Arrival <> Arrival.Resumed && isTooMuchOfStrangers s s.Bytes then
            ValueSome(DropReason.StagingFull(limits.StagedBytes / 4))
        else
            ValueNone

    /// Stages an event, whatever space there is.
    member _.Insert(s: Staged) : unit =
        followers <- null
        staged.Set(s.Id, s)
        bytes.Value <- bytes.Value + s.Bytes
        shares.Add s
        count s 1

    /// An event is no longer staged.
    member _.Remove(s: Staged) : unit =
        if staged.Remove s.Id then
            bytes.Value <- bytes.Value - s.Bytes
            shares.Remove s
            count s -1

    /// The events that make room for so many more bytes of a staged event.
    member _.LeavingForGrowth(s: Staged, more: int64, decidable: unit -> HashSet<string>) : Staged list =
        let tooMany = bytes.Value + more - int64 limits.StagedBytes

        if tooMany > 0L && not s.IsInBulk && not s.IsStranger then
            shares.FirstByBytes(s, more, tooMany, null, decidable ())
        else
            []

    /// Whether there is space for so many more bytes of a staged event.
    member _.MayGrow(s: Staged, more: int64) : bool =
        bytes.Value + more <= int64 limits.StagedBytes
        && not (isTooMuchOfStrangers s more)

    /// Changes the copies of a staged event, and counts its bytes again.
    member _.Recount(s: Staged, change: unit -> 'a) : 'a =
        let before = s.Bytes
        let result = change ()
        let more = s.Bytes - before
        bytes.Value <- bytes.Value + more
        shares.Grow(s, more)
        result

    /// Moves an event to the share of another search.
    member _.TakeOver(s: Staged, by: FetchBudget) : unit =
        shares.Remove s
        s.TakenOver by
        shares.Add s
