namespace Matrix.Properties.ClusterProtocol

/// The protocol with one defect: the laws have to notice each.
type Defect = {
    /// The name by which `mx simulate cluster --without` finds it.
    Name: string
    /// What is wrong.
    Meaning: string
    Guards: Guards
    /// The world in which it is noticed, and the law.
    World: World
    Law: string
}

/// All defects.
[<RequireQualifiedAccess>]
module Defects =

    let private world (name: string) : World =
        World.all |> List.find (fun world -> world.Name = name)

    let private oneRoom = world "one-room"

    /// The smallest world in which a shard may be given and something may go wrong.
    let private oneRequest = {
        oneRoom with
            Name = "one-request"
            Requests = [| 0 |]
    }

    let private defect (name: string) (meaning: string) (world: World) (law: string) (guards: Guards) : Defect = {
        Name = name
        Meaning = meaning
        Guards = guards
        World = world
        Law = law
    }

    let private all' = Guards.all

    /// Each leaves out a guard, or two of which the second one is enough.
    let all: Defect list = [
        defect "fence" "The fence is not checked." oneRoom "cluster.fenced-writes-nothing" {
            all' with
                FenceIsChecked = false
        }
        defect
            "fence-after-sequence"
            "The fence is looked at before the transaction waits for the sequence."
            (world "two-rooms")
            "cluster.fenced-writes-nothing"
            {
                all' with
                    FenceIsAfterSequence = false
            }
        defect
            "incarnation"
            "The fence knows the node only, not which start of it."
            (world "restart")
            "cluster.fenced-writes-nothing"
            {
                all' with
                    FenceNamesIncarnation = false
            }
        defect
            "expected-position"
            "A flush does not say where it expects the sequence."
            { oneRequest with Gives = 0 }
            "cluster.once"
            { all' with PositionIsExpected = false }
        defect "taker-fences" "A taker does not fence the owner." oneRoom "cluster.fenced-writes-nothing" {
            all' with
                TakerFences = false
        }
        defect
            "inside"
            "A shard is given while somebody is inside."
            {
                world "to-and-fro" with
                    Requests = [| 0; 0 |]
            }
            "cluster.once"
            { all' with InsideIsAwaited = false }
        defect
            "inside-and-shards"
            "A shard is given while somebody is inside, and the writer does not check shards."
            oneRequest
            "cluster.owner-writes"
            {
                all' with
                    InsideIsAwaited = false
                    ShardsAreChecked = false
            }
        defect
            "memory"
            "What was known of a room before it was given is used when it comes back."
            {
                world "to-and-fro" with
                    Requests = [| 0; 0 |]
            }
            "cluster.decided-on-latest"
            { all' with MemoryIsDropped = false }
        defect
            "requests-again"
            "Which requests were carried out is not read again after a shard was opened."
            oneRequest
            "cluster.once"
            {
                all' with
                    RequestsAreReadAgain = false
            }
        defect
            "requests-settled"
            "Which requests were carried out is read while a commit is in doubt."
            { oneRequest with Gives = 0 }
            "cluster.once"
            {
                all' with
                    RequestsAreReadSettled = false
            }
        defect
            "opens-after-chain"
            "A shard is opened before consumers have read the flush that gave it."
            oneRequest
            "cluster.opened-late"
            { all' with OpensAfterChain = false }
        defect
            "restored-after-chain"
            "A shard whose owner was read from the database is opened before consumers have read as far as that."
            oneRequest
            "cluster.opened-late"
            {
                all' with
                    RestoredOpensAfterChain = false
            }
        defect
            "gives"
            "A shard does not count as given while it is in doubt whether it was."
            { oneRequest with Requests = [||] }
            "cluster.open-is-owned"
            { all' with GivesCountWhenSent = false }
        defect
            "unkept-gives"
            "A shard that was not given after all stays closed, and is not found in the table."
            { oneRequest with Requests = [||] }
            (fst Laws.servedInTheEnd)
            {
                all' with
                    UnkeptGivesAreUndone = false
                    ReturnedShardsAreFound = false
            }
        defect
            "returned"
            "A shard that was given and came back is not found, if consumers missed that it was given."
            {
                world "to-and-fro-with-faults" with
                    Requests = [||]
            }
            (fst Laws.servedInTheEnd)
            {
                all' with
                    ReturnedShardsAreFound = false
            }
        defect
            "answers"
            "Clients are answered before the commit."
            { oneRequest with Gives = 0 }
            "cluster.answered-is-stored"
            {
                all' with
                    AnswersFollowCommits = false
            }
        defect
            "looks"
            "What became of a lost flush is read without waiting for its session."
            { oneRequest with Gives = 0 }
            "cluster.once"
            {
                all' with
                    LooksAdvanceSequence = false
            }
        defect
            "own-in-order"
            "A node's consumers get its own flushes at once, before those of others that came before."
            (world "two-rooms")
            "cluster.same-sequence"
            {
                all' with
                    OwnFlushesAreInOrder = false
            }
        defect
            "commits-end"
            "A session is ended whose commit was sent, and its node takes the flush for failed."
            { oneRequest with Gives = 0 }
            "cluster.once"
            { all' with CommitsAreNotEnded = false }
        defect
            "lost-sessions"
            "The server does not end the sessions of lost connections."
            { oneRequest with Gives = 0 }
            (fst Laws.servedInTheEnd)
            { all' with LostSessionsEnd = false }
    ]

    /// Guards that the others make unnecessary. The writer's check is for what does not enter the shards that it names,
    /// and nothing here is so. A shard that was not given is found in the table, if later.
    let redundant: (string * Guards) list = [
        "the writer does not check shards", { all' with ShardsAreChecked = false }
        "a give that was not kept is not undone",
        {
            all' with
                UnkeptGivesAreUndone = false
        }
    ]
