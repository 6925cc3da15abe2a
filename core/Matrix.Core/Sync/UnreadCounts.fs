namespace Matrix.Core.Sync

open System.Collections.Generic

/// How far a user has read a room, by event numbers; 0 if nothing is read. A thread is identified by the number of its
/// root, the main timeline by 0. v1.19 client-server-api#threaded-read-receipts
[<Sealed>]
type ReadPositions private (unthreaded: int64, threads: Dictionary<int64, int64>) =

    /// The positions of a user who joined at `since` and has read nothing later.
    static member Since(since: int64) : ReadPositions = ReadPositions(since, Dictionary())

    /// The positions after an unthreaded receipt. Of a public and a private one, the later counts.
    member _.ReadAll(through: int64) : ReadPositions =
        ReadPositions(max unthreaded through, threads)

    /// The positions after a receipt in a thread, or after an event that the user sent in it.
    member this.ReadThread(thread: int64, through: int64) : ReadPositions =
        let changed = Dictionary threads
        changed[thread] <- max (this.Of thread) through
        ReadPositions(unthreaded, changed)

    /// The last read event of a thread.
    member _.Of(thread: int64) : int64 =
        match threads.TryGetValue thread with
        | true, through -> max unthreaded through
        | _ -> unthreaded

    /// The last event up to which everything was read.
    member _.Unthreaded = unthreaded

/// The contribution of one event, or of several events of one thread, to a user's counts. The result of the server's
/// unchanged rules is one item. Where a user's own rules differ, the difference is a second item, which may be
/// negative.
[<Struct>]
type UnreadItem = {
    /// The event's number in the room. Several events in one item are all read or all unread, and one of their numbers
    /// is given.
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

/// A user's unread counts in a room. Immutable. v1.19 client-server-api#receiving-notifications
[<Sealed>]
type UnreadCounts private (threads: SortedDictionary<int64, struct (int * int)>) =

    static let none = UnreadCounts(SortedDictionary())

    let total (pick: struct (int * int) -> int) =
        let mutable sum = 0

        for entry in threads do
            // A negative thread does not reduce the others.
            sum <- sum + max 0 (pick entry.Value)

        sum

    let notifications (struct (n, _)) = n
    let highlights (struct (_, h)) = h

    /// Nothing is unread.
    static member None = none

    /// Counts the unread items.
    static member Count(items: IEnumerable<UnreadItem>, read: ReadPositions) : UnreadCounts = none.Plus(items, read)

    /// Counts more items on top of these.
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

    /// `notification_count` of the room.
    member _.Notifications = total notifications

    /// `highlight_count` of the room.
    member _.Highlights = total highlights

    /// Both counts of the main timeline, for clients that request counts by thread.
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

    /// Both counts of each thread that has unread events, in the order of the threads' roots.
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
