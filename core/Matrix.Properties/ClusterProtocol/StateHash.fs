namespace Matrix.Properties.ClusterProtocol

open System.Collections.Generic

/// Hashes of states. Equality is structural; a hash only has to differ mostly, and to be quick: an exploration does
/// little else.
module internal StateHash =

    let private mix (hash: uint64) (value: int) : uint64 =
        let mixed = (hash ^^^ uint64 (uint32 value)) * 0x9E3779B97F4A7C15UL
        mixed ^^^ (mixed >>> 29)

    let private flag (hash: uint64) (value: bool) : uint64 = mix hash (if value then 1 else 0)

    let private maybe (hash: uint64) (value: int option) : uint64 =
        match value with
        | Some value -> mix hash value
        | None -> mix hash (-2)

    let private batch (hash: uint64) (batch: Batch) : uint64 =
        match batch with
        | Batch.Event(room, request, after) -> mix (mix (mix hash (100 + room)) request) after
        | Batch.Give(room, taker) -> mix (mix hash (200 + room)) taker
        | Batch.Take(room, from) -> mix (mix hash (300 + room)) from

    let private entry (hash: uint64) (entry: Entry) : uint64 =
        let hash = flag (mix hash entry.By) entry.HasRow

        match entry.Content with
        | Content.Advanced -> mix hash 400
        | Content.Began -> mix hash 401
        | Content.Wrote written -> batch hash written

    let private session (hash: uint64) (session: Session) : uint64 =
        let hash = maybe (batch (mix hash session.Node) session.Batch) session.Expected
        let hash = flag (flag hash session.IsCommitSent) session.IsConnected

        match session.Stage with
        | Stage.Waiting -> mix hash 500
        | Stage.Holding -> mix hash 501
        | Stage.Replied(Reply.Committed position) -> mix (mix hash 502) position
        | Stage.Replied Reply.Moved -> mix hash 503
        | Stage.Replied Reply.Fenced -> mix hash 504
        | Stage.Replied Reply.Refused -> mix hash 505
        | Stage.Replied Reply.SessionEnded -> mix hash 506

    let private shard (hash: uint64) (shard: Shard) : uint64 =
        let hash = flag (flag hash shard.IsOpen) shard.IsOwned
        let hash = maybe (maybe hash shard.Memory) shard.Cached
        let hash = mix (mix hash shard.Owner) shard.Since

        let hash =
            match shard.Requests with
            | Some requests -> List.fold mix (mix hash 600) requests
            | None -> mix hash 601

        match shard.Draft with
        | Some(request, after) -> mix (mix hash request) after
        | None -> mix hash 602

    let private node (hash: uint64) (node: Node) : uint64 =
        let hash =
            match node.Status with
            | Status.Absent -> mix hash 700
            | Status.Running -> mix hash 701
            | Status.Ended -> mix hash 702

        let hash = List.fold batch (flag (mix hash node.Position) node.HasMoved) node.Queue

        let hash =
            match node.Writer with
            | Writer.Idle -> mix hash 703
            | Writer.Sending -> mix hash 704
            | Writer.Lost(lost, last) -> maybe (batch (mix hash 705) lost) last
            | Writer.InDoubt(lost, last) -> mix (batch (mix hash 706) lost) last

        let hash =
            match node.Giving with
            | Some(room, taker) -> mix (mix hash room) taker
            | None -> mix hash 707

        let hash =
            node.Handed
            |> List.fold (fun hash (position, isAnswered) -> flag (mix hash position) isAnswered) hash

        Array.fold shard (maybe (mix hash node.Seen.Length) node.Restoring) node.Shards

    let private hash (state: State) : int =
        let hash = Array.fold entry 1UL state.Log
        let hash = List.fold session (mix hash 800) state.Sessions
        let hash = Array.fold node (mix hash 801) state.Nodes
        let hash = Array.fold flag (Array.fold mix hash state.Owners) state.Declared
        let hash = Array.fold flag hash state.Answered
        int (mix (mix hash state.FaultsLeft) state.GivesLeft)

    /// Compares states.
    let comparer: IEqualityComparer<State> =
        HashIdentity.FromFunctions hash (fun (one: State) (other: State) -> one.Equals(other))
