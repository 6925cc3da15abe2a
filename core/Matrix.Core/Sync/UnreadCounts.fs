namespace Matrix.Core.Sync

open System.Collections.Generic

/// How far a user has read a room: numbers of events in the room's timeline order, 0 for nothing read. Threads go by the number
/// of their root, the main timeline by 0. Client-Server API, "Threaded read receipts".
[<Sealed>]
type ReadPositions private (unthreaded: int64, threads: Dictionary<int64, int64>) =

    /// Nothing was read after `since`, where the user's time in the room begins.
    static member Since(since: int64) : ReadPositions = ReadPositions(since, Dictionary())

    /// After a receipt without a thread: public or private, whichever is ahead counts.
    member _.ReadAll(through: int64) : ReadPositions =
        ReadPositions(max unthreaded through, threads)

    /// After a receipt for one thread, or an event of one's own in it.
    member this.ReadThread(thread: int64, through: int64) : ReadPositions =
        let changed = Dictionary threads
        changed[thread] <- max (this.Of thread) through
        ReadPositions(unthreaded, changed)

    /// The last event of a thread that was read.
    member _.Of(thread: int64) : int64 =
        match threads.TryGetValue thread with
        | true, through -> max unthreaded through
        | _ -> unthreaded

    /// The last event up to which everything was read.
    member _.Unthreaded = unthreaded

/// What one event, or several of one thread, add to a user's counts. What untouched rules make of events for most readers is one
/// such item; where a user's rules make something else of an event, the difference is another, and may be negative.
[<Struct>]
type UnreadItem = {
    /// The event's number in the room; of several, any that is read or unread with all of them.
    Event: int64
    /// The number of the thread's root; 0 in the main timeline.
    Thread: int64
    Notifications: int
    Highlights: int
}

/// The unread counts of one thread.
[<Struct>]
type ThreadUnread = {
    /// The number of the thread's root.
    Thread: int64
    Notifications: int
    Highlights: int
}

/// A user's unread counts in a room. Immutable. Client-Server API, "Receiving notifications".
[<Sealed>]
type UnreadCounts private (threads: SortedDictionary<int64, struct (int * int)>) =

    static let none = UnreadCounts(SortedDictionary())

    let total (pick: struct (int * int) -> int) =
        let mutable sum = 0

        for entry in threads do
            // No thread owes another anything.
            sum <- sum + max 0 (pick entry.Value)

        sum

    let notifications (struct (n, _)) = n
    let highlights (struct (_, h)) = h

    /// Nothing is unread.
    static member None = none

    /// Counts what was not read.
    static member Count(items: IEnumerable<UnreadItem>, read: ReadPositions) : UnreadCounts = none.Plus(items, read)

    /// With more items: so that what was counted before need not be again.
    member _.Plus(items: IEnumerable<UnreadItem>, read: ReadPositions) : UnreadCounts =
        let changed = SortedDictionary threads

        for item in items do
            if item.Event > read.Of item.Thread then
                let struct (n, h) =
                    match changed.TryGetValue item.Thread with
                    | true, counts -> counts
                    | _ -> struct (0, 0)

                changed[item.Thread] <- struct (n + item.Notifications, h + item.Highlights)

        UnreadCounts changed

    /// `notification_count` of the whole room.
    member _.Notifications = total notifications

    /// `highlight_count` of the whole room.
    member _.Highlights = total highlights

    /// Both, of the main timeline alone: for clients that count by thread.
    member _.Main: ThreadUnread =
        match threads.TryGetValue 0L with
        | true, struct (n, h) -> {
            Thread = 0L
            Notifications = max 0 n
            Highlights = max 0 h
          }
        | _ -> {
            Thread = 0L
            Notifications = 0
            Highlights = 0
          }

    /// Both, of each thread that has any, in the order of their roots.
    member _.Threads: ThreadUnread[] = [|
        for entry in threads do
            let struct (n, h) = entry.Value

            if entry.Key <> 0L && (n > 0 || h > 0) then
                {
                    Thread = entry.Key
                    Notifications = max 0 n
                    Highlights = max 0 h
                }
    |]
