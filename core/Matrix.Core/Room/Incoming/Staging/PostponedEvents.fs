namespace Matrix.Core.Room.Incoming.Staging

open System.Collections.Generic
open Matrix.Core.Room.Incoming.Facts

/// The events that wait for peers that were not reached, by the time at which their search begins again.
[<Sealed>]
type internal PostponedEvents(log: UndoLog) =

    let byTime =
        UndoableMap<struct (int64 * string), Staged>(log, SortedDictionary(TimeOrder.comparer))

    /// An event waits no longer.
    member _.Remove(s: Staged) : unit =
        if s.PostponedUntil > 0L then
            byTime.Remove(struct (s.PostponedUntil, s.Id)) |> ignore
            s.PostponedUntil <- 0L

    /// An event waits until this time.
    member _.Add(s: Staged, until: int64) : unit =
        s.PostponedUntil <- until
        byTime.Set(struct (until, s.Id), s)

    /// The number of events.
    member _.Count = byTime.Count

    /// The events.
    member _.All: seq<Staged> = byTime.Values

    /// The events whose search begins again at this time.
    member this.TakeDue(now: int64) : Staged[] =
        let due =
            byTime.Values |> Seq.takeWhile (fun s -> s.PostponedUntil <= now) |> Seq.toArray

        Array.iter this.Remove due
        due

    /// The events that wait for this peer, whose search begins again now.
    member this.TakeWaitingFor(peer: string) : Staged[] =
        let found = byTime.Values |> Seq.filter _.Unreached.Contains(peer) |> Seq.toArray

        Array.iter this.Remove found
        found

    /// When the first search begins again; 0 if there is none.
    member _.RetryAt: int64 =
        if byTime.Count = 0 then
            0L
        else
            (Seq.head byTime.Values).PostponedUntil
