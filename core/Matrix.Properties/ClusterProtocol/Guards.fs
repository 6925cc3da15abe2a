namespace Matrix.Properties.ClusterProtocol

/// What the protocol takes care of. The protocol of the server has all of them.
type Guards = {
    /// A flush fails if its node is fenced.
    FenceIsChecked: bool
    /// The fence is looked at once the flush has the row of the sequence, not before it waits for it.
    FenceIsAfterSequence: bool
    /// The row of a node names the start that may write, not only the node.
    FenceNamesIncarnation: bool
    /// A flush that is sent whole fails if the sequence is not where its node expects it.
    PositionIsExpected: bool
    /// Whoever takes the shard of a node fences it in the same flush.
    TakerFences: bool
    /// The writer fails a batch whose shard its node does not own.
    ShardsAreChecked: bool
    /// A shard is given once whoever is inside has left, and what they wrote has ended.
    InsideIsAwaited: bool
    /// Memory from before a shard was opened the last time is not used.
    MemoryIsDropped: bool
    /// The requests that were carried out are read again after a shard was opened.
    RequestsAreReadAgain: bool
    /// The requests that were carried out are not read while a commit of the node is in doubt.
    RequestsAreReadSettled: bool
    /// A shard that another node gave is opened when consumers have read the flush that gave it.
    OpensAfterChain: bool
    /// A shard whose owner was read from the database is opened when consumers have read as far as that.
    RestoredOpensAfterChain: bool
    /// A shard counts as given from when the flush that gives it is sent.
    GivesCountWhenSent: bool
    /// A shard that was not given after all is its node's again.
    UnkeptGivesAreUndone: bool
    /// A shard that was given and came back is found in the table, if consumers missed that it was given.
    ReturnedShardsAreFound: bool
    /// Clients are answered after the commit.
    AnswersFollowCommits: bool
    /// What became of a lost flush is read after the sequence was advanced, which waits for the lost session.
    LooksAdvanceSequence: bool
    /// Consumers get a node's own flushes in the order of the chain.
    OwnFlushesAreInOrder: bool
    /// Nobody ends a session whose commit was sent.
    CommitsAreNotEnded: bool
    /// The server ends the sessions of connections that are lost.
    LostSessionsEnd: bool
}

/// Sets of guards.
[<RequireQualifiedAccess>]
module Guards =

    /// Those of the server.
    let all: Guards = {
        FenceIsChecked = true
        FenceIsAfterSequence = true
        FenceNamesIncarnation = true
        PositionIsExpected = true
        TakerFences = true
        ShardsAreChecked = true
        InsideIsAwaited = true
        MemoryIsDropped = true
        RequestsAreReadAgain = true
        RequestsAreReadSettled = true
        OpensAfterChain = true
        RestoredOpensAfterChain = true
        GivesCountWhenSent = true
        UnkeptGivesAreUndone = true
        ReturnedShardsAreFound = true
        AnswersFollowCommits = true
        LooksAdvanceSequence = true
        OwnFlushesAreInOrder = true
        CommitsAreNotEnded = true
        LostSessionsEnd = true
    }
