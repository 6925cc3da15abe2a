namespace Matrix.Core.Room.Incoming.Staging

open System
open System.Collections.Generic
open Matrix.Core.Room.Incoming.Facts
open Matrix.Core.Room.Incoming.Protocol

/// The events that hold a fetched state, or have requested one, and those that are queued to do so. Fetched states are
/// large: only a few are held at a time. Strangers hold a quarter of them together.
[<Sealed>]
type internal HeldStates(log: UndoLog, limits: IncomingLimits) =

    let holding =
        UndoableMap<string, Staged>(log, SortedDictionary(StringComparer.Ordinal))

    // Events that no longer wait stay in the queues, and are skipped.
    let queue = UndoableQueue<Staged>(log)
    let queueOfStrangers = UndoableQueue<Staged>(log)
    let queuedCount = Undoable(log, 0)

    let mostOfStrangers = max 1 (limits.States / 4)

    let isFull () = holding.Count >= limits.States

    let isFullOfStrangers () =
        holding.Values |> Seq.filter _.IsStranger |> Seq.length >= mostOfStrangers

    /// An event is no longer queued.
    member _.LeaveQueue(s: Staged) : unit =
        if s.IsQueued then
            s.IsQueued <- false
            queuedCount.Value <- queuedCount.Value - 1

    /// The next queued event, if it may request a state; else null.
    member this.Next() : Staged | null =
        let rec next (queue: UndoableQueue<Staged>) : Staged | null =
            match queue.TryDequeue() with
            | ValueNone -> null
            | ValueSome s when s.IsQueued ->
                this.LeaveQueue s
                s
            | ValueSome _ -> next queue

        if isFull () || queuedCount.Value = 0 then
            null
        else
            match next queue with
            | null when not (isFullOfStrangers ()) -> next queueOfStrangers
            | found -> found

    /// Whether no state may be requested for an event, a stranger's or another, because others hold states.
    member _.IsFull(isStranger: bool) : bool =
        isFull () || (isStranger && isFullOfStrangers ())

    /// Whether an event may now request the state before it. If not, it is queued.
    member this.TryHold(s: Staged) : bool =
        if holding.ContainsKey s.Id then
            true
        elif not (this.IsFull s.IsStranger) then
            holding.Set(s.Id, s)
            true
        else
            if not s.IsQueued then
                s.IsQueued <- true
                queuedCount.Value <- queuedCount.Value + 1
                (if s.IsStranger then queueOfStrangers else queue).Enqueue s

            false

    /// An event holds a state whose decision was taken back.
    member _.Hold(s: Staged) : unit = holding.Set(s.Id, s)

    /// An event gives up its fetched state.
    member _.Release(s: Staged) : unit =
        s.Trusted <- null
        holding.Remove s.Id |> ignore

    /// The events that hold a fetched state, or have requested one.
    member _.All: Staged[] = Seq.toArray holding.Values

    /// Looks up the events of fetched states again, since some of them may have been taken back.
    member this.LookThroughAgain() : unit =
        for s in this.All do
            match s.Trusted, s.StateFrom with
            | NonNull tree, NonNull peer ->
                s.Trusted <- null
                s.Fetched <- FetchedState(log, peer, [| for entry in tree.Entries() -> entry.EventId |], [||])
            | _ ->
                match s.Fetched with
                | null -> ()
                | state -> state.Unknown <- state.Ids
