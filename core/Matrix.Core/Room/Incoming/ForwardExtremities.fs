namespace Matrix.Core.Room.Incoming

open System.Collections.Generic
open Matrix.Core.Room
open Matrix.Core.State

/// The forward extremities as events come in: the accepted events from which no accepted event descends.
/// Server-Server API, "PDUs" (`prev_events`), "Rejection" and "Soft failure".
[<RequireQualifiedAccess>]
module internal ForwardExtremities =

    /// Walks from events through at most this many rejected and soft-failed neighbours to the first accepted ones.
    let private ends
        (most: int)
        (known: KnownEvents)
        (neighbours: string -> seq<string>)
        (start: seq<string>)
        : HashSet<string> =
        let found = HashSet<string>()
        let met = HashSet<string>()
        let pending = Stack<string>(start)

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
                        if not known.IsOutlier then
                            for next in neighbours id do
                                pending.Push next

        found

    /// The accepted events that an event descends from, through rejected and soft-failed ones.
    let below (most: int) (known: KnownEvents) (prevEvents: string[]) : HashSet<string> =
        let prevOf id =
            match known.Find id with
            | null -> Seq.empty
            | known -> Seq.ofArray known.Event.Pdu.PrevEvents

        ends most known prevOf prevEvents

    /// Whether an accepted event descends from this one, which is decided now. Only a gap has followers.
    let private isBuiltUpon (most: int) (known: KnownEvents) (gaps: RoomGaps) (eventId: string) : bool =
        gaps.MayHave eventId
        && (ends most known (known.Following >> Seq.ofArray) (known.Following eventId)).Count > 0

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

    /// The extremities after a decided event; `made` is the extremity that it becomes if it is accepted. At most `most`
    /// rejected and soft-failed events are walked through. `isOld` says that the event is older than the extremities,
    /// though the events between them are missing: it is none, and what it names stays unless an accepted event that is
    /// here descends from it. `staysSame` says whether the current state is the same with only some of the extremities.
    let after
        (most: int)
        (known: KnownEvents)
        (gaps: RoomGaps)
        (before: ForwardExtremity[])
        (event: KnownEvent)
        (made: ForwardExtremity voption)
        (isOld: bool)
        (staysSame: ForwardExtremity[] -> bool)
        : ForwardExtremity[] =
        let named () =
            below most known event.Event.Pdu.PrevEvents

        if event.IsOutlier then
            before
        elif isBuiltUpon most known gaps event.EventId then
            // It came after its descendants, so the extremities that it names have descendants too. But the state of a
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
            | ValueSome made -> Extremities.After(before, named (), made, true)
            | ValueNone -> before
