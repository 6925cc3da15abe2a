namespace Matrix.Core.Room.Incoming.Staging

open System
open System.Collections.Generic
open Matrix.Core.Room.Incoming.Facts

/// The shares of the peers in a room's staging, where strangers have one together (`Share`). If there is no space, the
/// share with the most makes room for others that have less, so that none can keep the others out. Events in bulk do
/// not count there: they are parts of states, which this server asked for.
[<Sealed>]
type internal StagedShares(log: UndoLog, staged: UndoableMap<string, Staged>) =

    // Of received events and of fetched ones apart: each kind has its own bounds.
    let counts = UndoableMap<struct (bool * string), int>(log, Dictionary())
    let bytes = UndoableMap<string, int64>(log, Dictionary())
    // With events in bulk: those count for the peer whose event they were fetched for, not for the one that had them.
    let allBytes = UndoableMap<string, int64>(log, Dictionary())

    let countOf (isFetched: bool) (peer: string) =
        match counts.TryFind(struct (isFetched, peer)) with
        | ValueSome count -> count
        | ValueNone -> 0

    let bytesOf peer =
        match bytes.TryFind peer with
        | ValueSome amount -> amount
        | ValueNone -> 0L

    let addToAll (peer: string) (amount: int64) =
        let before =
            match allBytes.TryFind peer with
            | ValueSome before -> before
            | ValueNone -> 0L

        match before + amount with
        | 0L -> allBytes.Remove peer |> ignore
        | after -> allBytes.Set(peer, after)

    /// The peer with the most of something; "" if there is none.
    let greatest (peers: seq<string>) (amountOf: string -> int64) : string =
        let mutable found = ""

        for peer in peers do
            let order = compare (amountOf peer) (if found = "" then 0L else amountOf found)

            if order > 0 || (order = 0 && String.CompareOrdinal(peer, found) < 0) then
                found <- peer

        found

    /// Events that were postponed, since their requests failed, go before others.
    let kindOf (s: Staged) =
        if s.PostponedUntil > 0L && s.SearchFrom = 0L then 0 else 1

    let goesBefore (s: Staged) (other: Staged) : bool =
        let order =
            if kindOf s <> kindOf other then
                compare (kindOf s) (kindOf other)
            elif s.Budget.Since <> other.Budget.Since then
                compare s.Budget.Since other.Budget.Since
            else
                DecisionOrder.comparer.Compare(s.DecisionPlace, other.DecisionPlace)

        order < 0

    /// Of a peer's events of one kind, the one that makes room first, without those to keep.
    let firstToGo (isFetched: bool) (peer: string) (kept: HashSet<string>) : Staged | null =
        let mutable first: Staged | null = null

        for s in staged.Values do
            if
                s.Share = peer
                && s.IsFetched = isFetched
                && not s.IsInBulk
                && not (kept.Contains s.Id)
            then
                match first with
                | null -> first <- s
                | other ->
                    if goesBefore s other then
                        first <- s

        first

    /// The number of staged events of an event's kind from its peer.
    member _.CountOf(s: Staged) = countOf s.IsFetched s.Share

    /// The greatest number of staged events of one kind from one peer.
    member _.GreatestCount: int =
        let mutable greatest = 0

        for count in counts.Values do
            greatest <- max greatest count

        greatest

    /// The bytes of each peer's events, and of those in bulk that were fetched for its events.
    member _.BytesByPeer: struct (string * int64)[] = [|
        for peer in allBytes.Keys -> struct (peer, ValueOption.defaultValue 0L (allBytes.TryFind peer))
    |]

    /// The bytes of one share, with those in bulk.
    member _.BytesOf(share: string) : int64 =
        ValueOption.defaultValue 0L (allBytes.TryFind share)

    member _.Add(s: Staged) : unit =
        addToAll s.ChargedTo s.Bytes

        if not s.IsInBulk then
            bytes.Set(s.Share, bytesOf s.Share + s.Bytes)
            counts.Set(struct (s.IsFetched, s.Share), countOf s.IsFetched s.Share + 1)

    member _.Remove(s: Staged) : unit =
        addToAll s.ChargedTo -s.Bytes

        if not s.IsInBulk then
            match countOf s.IsFetched s.Share with
            | 1 -> counts.Remove(struct (s.IsFetched, s.Share)) |> ignore
            | count -> counts.Set(struct (s.IsFetched, s.Share), count - 1)

            match bytesOf s.Share - s.Bytes with
            | 0L -> bytes.Remove s.Share |> ignore
            | left -> bytes.Set(s.Share, left)

    /// A staged event has so many bytes more.
    member _.Grow(s: Staged, more: int64) : unit =
        addToAll s.ChargedTo more

        if not s.IsInBulk then
            bytes.Set(s.Share, bytesOf s.Share + more)

    /// The event that makes room for another one of its kind, where their number is at its limit; null if no other peer
    /// has more of them. `kept` are events that do not make room.
    member _.FirstByCount(s: Staged, kept: HashSet<string>) : Staged | null =
        let peers =
            counts.Keys
            |> Seq.filter (fun (struct (isFetched, _)) -> isFetched = s.IsFetched)
            |> Seq.map (fun (struct (_, peer)) -> peer)

        let peer = greatest peers (countOf s.IsFetched >> int64)

        if countOf s.IsFetched peer > countOf s.IsFetched s.Share + 1 then
            firstToGo s.IsFetched peer kept
        else
            null

    /// The events that make room for `more` bytes of an event, where so many bytes are too many; none if no other peer
    /// has enough more bytes. `leaving` goes anyway; it may be null. `kept` are events that do not make room.
    member _.FirstByBytes
        (s: Staged, more: int64, tooMany: int64, leaving: Staged | null, kept: HashSet<string>)
        : Staged list =
        let peer = greatest bytes.Keys bytesOf
        let spare = bytesOf peer - bytesOf s.Share - more

        let inOrder = [
            for other in staged.Values do
                if
                    other.Share = peer
                    && not other.IsInBulk
                    && not (kept.Contains other.Id)
                    && not (obj.ReferenceEquals(other, leaving))
                then
                    other
        ]

        let rec take (found: Staged list) (freed: int64) (left: Staged list) =
            if freed >= tooMany then
                found
            else
                match left with
                | next :: rest when freed < spare -> take (next :: found) (freed + next.Bytes) rest
                | _ -> []

        let compareOrder a b =
            if goesBefore a b then -1
            elif goesBefore b a then 1
            else 0

        if spare <= 0L then
            []
        else
            inOrder |> List.sortWith compareOrder |> take [] 0L
