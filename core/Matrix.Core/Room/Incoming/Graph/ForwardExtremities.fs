namespace Matrix.Core.Room.Incoming.Graph

open System.Collections.Generic
open Matrix.Core.Room
open Matrix.Core.State
open Matrix.Core.Room.Incoming.Facts

/// The forward extremities as events come in: the accepted events from which no accepted event descends.
/// v1.19 server-server-api#pdus (`prev_events`), v1.19 server-server-api#rejection,
/// v1.19 server-server-api#soft-failure
[<RequireQualifiedAccess>]
module internal ForwardExtremities =

    /// The accepted events that an event descends from, through at most this many rejected and soft-failed ones that
    /// `passes` lets through.
    let below (most: int) (known: KnownEvents) (passes: KnownEvent -> bool) (prevEvents: string[]) : HashSet<string> =
        let found = HashSet<string>()
        let met = HashSet<string>()
        let pending = Stack<string>(prevEvents)

        while pending.Count > 0 && met.Count < most do
            let id = pending.Pop()

            if met.Add id then
                match known.Extremity id with
                | NonNull _ -> found.Add id |> ignore
                | _ ->
                    match known.Find id with
                    | null -> ()
                    | known when known.Status = EventStatus.Accepted -> found.Add id |> ignore
                    | known ->
                        if not known.IsOutlier && passes known then
                            for next in known.Event.Pdu.PrevEvents do
                                pending.Push next

        found

    /// Whether an accepted event descends from this one, which is decided now. At most this many of its descendants are
    /// looked at, the nearest first: whoever can build on it could make any one of them have many. Only a gap has
    /// followers.
    let isBuiltUpon (most: int) (known: KnownEvents) (gaps: RoomGaps) (eventId: string) : bool =
        let met = HashSet<string>()
        let pending = Queue<string>()

        if gaps.MayHave eventId then
            pending.Enqueue eventId

        let isExtremity id = not (isNull (known.Extremity id))
        let mutable found = false

        while not found && pending.Count > 0 do
            let followers = known.Following(pending.Dequeue())
            found <- Array.exists isExtremity followers

            if not found then
                let next = followers |> Array.filter (fun id -> met.Count < most && met.Add id)

                // They are looked up together.
                known.Require next

                for id in next do
                    match known.Find id with
                    | null -> ()
                    | follower when follower.Status = EventStatus.Accepted -> found <- true
                    | follower when not follower.IsOutlier -> pending.Enqueue id
                    | _ -> ()

        found

    /// So many extremities are tried one by one; more of them go together, or stay.
    let private mostTried = 4

    /// The extremities without those that a late event names, as far as the current state stays the same without them.
    let private without
        (staysSame: ForwardExtremity[] -> bool)
        (named: HashSet<string>)
        (before: ForwardExtremity[])
        : ForwardExtremity[] =
        let left = before |> Array.filter (fun e -> not (named.Contains e.EventId))

        if left.Length = before.Length then
            before
        elif left.Length > 0 && staysSame left then
            left
        elif before.Length - left.Length > mostTried then
            before
        else
            (before, before)
            ||> Array.fold (fun left e ->
                if left.Length > 1 && named.Contains e.EventId then
                    let others = left |> Array.filter (fun other -> not (obj.ReferenceEquals(other, e)))
                    if staysSame others then others else left
                else
                    left)

    /// The extremities that an accepted event takes the place of. Those go whose state is certainly in the state before
    /// the event: it names them, or descends from them through refused events that were computed here, and the state
    /// before it was not fetched. Others go as far as the state before the event is the same with theirs, as
    /// `hasStatesOf` says: a peer can return a state without the ban that an extremity has.
    let private replaced
        (most: int)
        (known: KnownEvents)
        (before: ForwardExtremity[])
        (event: KnownEvent)
        (isFetched: bool)
        (hasStatesOf: ForwardExtremity[] -> bool)
        : HashSet<string> =
        let below passes =
            below most known passes event.Event.Pdu.PrevEvents

        let named = below (fun _ -> true)

        if event.Provenance.IsComputed then
            named
        else
            let certain =
                if isFetched then
                    HashSet<string>()
                else
                    below _.Provenance.IsComputed

            let doubtful =
                before
                |> Array.filter (fun e -> named.Contains e.EventId && not (certain.Contains e.EventId))

            let contained =
                if doubtful.Length = 0 || hasStatesOf doubtful then
                    doubtful
                elif doubtful.Length > mostTried then
                    [||]
                else
                    ([||], doubtful)
                    ||> Array.fold (fun found e ->
                        let more = Array.append found [| e |]
                        if hasStatesOf more then more else found)

            certain.UnionWith(contained |> Seq.map _.EventId)
            certain

    /// The extremities after a decided event; `made` is the extremity that it becomes if it is accepted. At most `most`
    /// rejected and soft-failed events are walked through. `isFetched` says that the state before the event is one that
    /// a peer sent. `isBuiltUpon` says that an accepted event descends from it, so that it came after its descendants.
    /// `isOld` says that the event is older than the extremities, though the events between them are missing: it is
    /// none, and what it names stays unless an accepted event that is here descends from it. `hasStatesOf` says whether
    /// the state before the event is the same with the states of some extremities, and `staysSame` whether the current
    /// state is the same with only some of the extremities.
    let after
        (most: int)
        (known: KnownEvents)
        (before: ForwardExtremity[])
        (event: KnownEvent)
        (made: ForwardExtremity voption)
        (isFetched: bool)
        (isBuiltUpon: bool)
        (isOld: bool)
        (hasStatesOf: ForwardExtremity[] -> bool)
        (staysSame: ForwardExtremity[] -> bool)
        : ForwardExtremity[] =
        let named () =
            below most known (fun _ -> true) event.Event.Pdu.PrevEvents

        if event.IsOutlier then
            before
        elif isBuiltUpon then
            // The extremities that it names have descendants too. But the state of a
            // descendant may be one that a peer sent. Such a state may join the current state, and may not replace a
            // part of it.
            if before.Length > 1 then
                without staysSame (named ()) before
            else
                before
        elif isOld then
            // Only what a peer returned says that it is old. The peer could make up such an event, and remove all that
            // the event names.
            before
        else
            match made with
            | ValueSome made ->
                let gone = replaced most known before event isFetched hasStatesOf
                Extremities.After(before, gone, made, true)
            | ValueNone -> before
