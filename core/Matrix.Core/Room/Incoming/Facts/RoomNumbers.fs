namespace Matrix.Core.Room.Incoming.Facts

/// The next numbers of a room's events. Live events rise from 0x80000000, in the order of the timeline; before one
/// whose previous events are missing, numbers are left free for these. History, fetched from before the first live
/// event, falls from 0x7FFFFFFF to 0x40000000. Outliers rise from 1 to 0x3FFFFFFF.
[<Sealed>]
type RoomNumbers(nextLive: uint32, nextHistory: uint32, nextOutlier: uint32) =

    static let firstLive = 0x80000000u
    static let lastHistory = 0x40000000u
    static let lastFree = 0xC0000000u
    static let first = RoomNumbers(firstLive, firstLive - 1u, 1u)

    /// The numbers of a new room.
    static member First = first

    /// The number of the next live event.
    member _.NextLive = nextLive

    /// The number of the next live event if its previous events are missing and at most `most` numbers are left free
    /// for them. The more numbers are used, the fewer are left free: a half of all numbers is for live events.
    member _.NextLiveAfterGap(most: uint32) : uint32 =
        if nextLive = firstLive then
            // History has its own numbers below the first live event.
            nextLive
        else
            nextLive + min most ((max nextLive lastFree - nextLive) / 4096u)

    /// The number of the next event of history, below those of all others.
    member _.NextHistory = nextHistory

    /// The number of the next outlier.
    member _.NextOutlier = nextOutlier

    /// The next numbers after one was given to an event.
    member internal _.After(ordinal: uint32) : RoomNumbers =
        if ordinal >= firstLive then
            RoomNumbers(max nextLive (ordinal + 1u), nextHistory, nextOutlier)
        elif ordinal >= lastHistory then
            RoomNumbers(nextLive, min nextHistory (ordinal - 1u), nextOutlier)
        else
            RoomNumbers(nextLive, nextHistory, max nextOutlier (ordinal + 1u))

    /// The lowest number of history.
    static member internal LastHistory = lastHistory

    /// Whether there is a number left for an outlier.
    member internal _.HasOutlier = nextOutlier < lastHistory
