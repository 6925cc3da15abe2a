namespace Matrix.Properties.Properties

open FsCheck
open FsCheck.FSharp
open Matrix.Core.Cluster
open Matrix.Properties
open Matrix.Properties.Generators
open Matrix.Properties.Reference

/// The owner of each shard, by its number, for the ready nodes as they are listed. Without a node there are no owners.
type PlaceShards = NodeIncarnation list -> NodeIncarnation[]

/// What should change, for the ready nodes, the leaving ones, and the owners of shards.
type FindMoves = NodeIncarnation list -> NodeIncarnation list -> (NodeIncarnation | null)[] -> ShardMove[]

/// Which node should have which shard.
module PlacementProperties =

    /// The core's placement.
    let place: PlaceShards =
        fun ready ->
            let placement = Placement.Of(ClusterView(ready, []))

            [|
                for shard in 0 .. Shards.Count - 1 do
                    match placement.Owner shard with
                    | null -> ()
                    | owner -> owner
            |]

    /// The core's moves.
    let findMoves: FindMoves =
        fun ready leaving owners -> Placement.Of(ClusterView(ready, leaving)).Moves owners

    let private names (nodes: NodeIncarnation list) : string list =
        nodes |> List.map _.Node |> List.distinct

    let private shrinkPair (one: NodeIncarnation list, other: 'a) : seq<NodeIncarnation list * 'a> =
        ClusterGen.shrinkNodes one |> Seq.map (fun nodes -> nodes, other)

    /// Everything has an owner.
    let private total (place: PlaceShards) =
        Property.forAllShrink
            "placement.total"
            "Each shard has an owner among the ready nodes; without a ready node, none has one."
            ClusterGen.nodes
            ClusterGen.shrinkNodes
            (fun ready ->
                let owners = place ready

                owners.Length = (if ready.IsEmpty then 0 else Shards.Count)
                && owners |> Array.forall (fun owner -> List.contains owner ready))

    /// Nodes agree.
    let private order (place: PlaceShards) =
        Property.forAllShrink
            "placement.order"
            "In whatever order nodes are listed, and however often each, the placement is the same."
            (Gen.zip ClusterGen.nodes (ArbMap.defaults |> ArbMap.generate<int>))
            shrinkPair
            (fun (ready, number) ->
                let shuffled =
                    ready @ List.truncate 3 ready
                    |> List.indexed
                    |> List.sortBy (fun (index, node) -> hash (index, node, number))
                    |> List.map snd

                place shuffled = place ready)

    /// A restart moves nothing.
    let private restart (place: PlaceShards) =
        Property.forAllShrink
            "placement.restart"
            "A node that starts again should have the shards that it should have had before."
            ClusterGen.nodes
            ClusterGen.shrinkNodes
            (fun ready ->
                let restarted =
                    ready
                    |> List.map (fun node -> {
                        node with
                            Incarnation = -node.Incarnation
                    })

                Array.map _.Node (place restarted) = Array.map _.Node (place ready))

    /// Load is bounded.
    let private bounded (place: PlaceShards) =
        Property.forAllShrink
            "placement.bounded"
            "No node has more shards than a sixteenth above the mean, rounded up."
            ClusterGen.nodes
            ClusterGen.shrinkNodes
            (fun ready ->
                let count = (names ready).Length

                place ready
                |> Array.countBy _.Node
                |> Array.forall (fun (_, shards) -> 16 * count * (shards - 1) < 17 * Shards.Count))

    /// The placement is fixed by its words.
    let private refusals (place: PlaceShards) =
        Property.forAllShrink
            "placement.refusals"
            "A node refuses a shard only if it is full of shards that it admitted earlier, or with greater weights."
            ClusterGen.nodes
            ClusterGen.shrinkNodes
            (fun ready ->
                let bound = Placement.Bound (names ready).Length

                // Each shard's number, with its preferences up to its owner, the last of them.
                let chosen =
                    place ready
                    |> Array.zip (LiteralShards.preferences (names ready) |> Array.truncate (place ready).Length)
                    |> Array.mapi (fun shard (preferences, owner) ->
                        let rank = preferences |> List.findIndex (fun (name, _) -> name = owner.Node)
                        shard, List.truncate (rank + 1) preferences)

                let admittedBy =
                    chosen |> Array.groupBy (fun (_, choices) -> fst (List.last choices)) |> dict

                // Whether a node admitted one shard before it refused another, which applied in this round.
                let isBefore (round: int) (refused: int, refusedWeight: uint64) (admitted: int, choices) =
                    let weight = snd (List.last choices)

                    List.length choices < round
                    || (List.length choices = round
                        && (weight > refusedWeight || (weight = refusedWeight && admitted < refused)))

                let isRefused (shard: int) (round: int) (node: string, weight: uint64) =
                    match admittedBy.TryGetValue node with
                    | true, admitted ->
                        admitted.Length = bound
                        && admitted |> Array.forall (isBefore round (shard, weight))
                    | false, _ -> false

                chosen
                |> Array.forall (fun (shard, choices) ->
                    choices
                    |> List.truncate (choices.Length - 1)
                    |> List.mapi (fun index choice -> isRefused shard (index + 1) choice)
                    |> List.forall id))

    /// How many shards would be above the bound if each had its first choice.
    let private excess (names: string list) : int =
        let bound = Placement.Bound names.Length

        LiteralShards.preferences names
        |> Array.countBy (List.head >> fst)
        |> Array.sumBy (fun (_, shards) -> max 0 (shards - bound))

    /// Little moves.
    let private fewMove (place: PlaceShards) =
        Property.forAllShrink
            "placement.few-move"
            "When a node joins or leaves, at most as many other shards move as first choices exceed the bound."
            (Gen.zip ClusterGen.nodes ClusterGen.node)
            shrinkPair
            (fun (others, node) ->
                let others = others |> List.filter (fun other -> other.Node <> node.Node)

                others.IsEmpty
                || (let without = place others
                    let withNode = place (node :: others)

                    let moved =
                        [ 0 .. Shards.Count - 1 ]
                        |> List.filter (fun shard -> withNode[shard] <> without[shard] && withNode[shard] <> node)

                    moved.Length <= excess (names others) + excess (names (node :: others))))

    /// A view, and who has each shard.
    type private Ownership = {
        Ready: NodeIncarnation list
        Leaving: NodeIncarnation list
        Owners: (NodeIncarnation | null)[]
    }

    /// Owners as another view has placed them, or any: nodes of the view, other starts of them, strangers, nobody.
    let private ownership: Gen<Ownership> =
        gen {
            let! ready = ClusterGen.nodes
            let! leaving = ClusterGen.fewNodes
            let! strangers = ClusterGen.fewNodes

            let earlier =
                place (strangers @ List.truncate (ready.Length / 2) ready @ leaving)
                |> Array.map (fun owner -> owner: NodeIncarnation | null)

            let restarted =
                ready
                |> List.map (fun node -> {
                    node with
                        Incarnation = node.Incarnation + 1L
                })

            let anyone: (NodeIncarnation | null) list =
                null
                :: (ready @ leaving @ strangers @ restarted
                    |> List.map (fun owner -> owner: NodeIncarnation | null))

            let! owners =
                Gen.oneof [ Gen.constant earlier; Gen.arrayOfLength Shards.Count (Gen.elements anyone) ]

            return {
                Ready = ready
                Leaving = leaving
                Owners = owners
            }
        }

    let private shrinkOwnership (case: Ownership) : seq<Ownership> =
        seq {
            for ready in ClusterGen.shrinkNodes case.Ready -> { case with Ready = ready }
            for leaving in ClusterGen.shrinkNodes case.Leaving -> { case with Leaving = leaving }
        }

    let private ownerOf (owners: (NodeIncarnation | null)[]) (shard: int) : NodeIncarnation | null =
        if shard < owners.Length then owners[shard] else null

    /// Moves are the differences.
    let private exact (findMoves: FindMoves) =
        Property.forAllShrink
            "placement.moves"
            "A shard moves if it has not the owner that it should have. An owner that is alive gives it."
            ownership
            shrinkOwnership
            (fun case ->
                let ready =
                    case.Ready |> List.filter (fun node -> not (List.contains node case.Leaving))

                let expected = [|
                    for shard, target in Array.indexed (place ready) do
                        let owner = ownerOf case.Owners shard

                        if owner <> target then
                            {
                                Kind =
                                    match owner with
                                    | null -> ShardMoveKind.Take
                                    | owner when List.contains owner (case.Ready @ case.Leaving) -> ShardMoveKind.Give
                                    | _ -> ShardMoveKind.Take
                                Shard = shard
                                From = owner
                                To = target
                            }
                |]

                let takes, gives =
                    expected |> Array.partition (fun move -> move.Kind = ShardMoveKind.Take)

                findMoves case.Ready case.Leaving case.Owners = Array.append takes gives)

    /// Moves in steps end.
    let private steps (findMoves: FindMoves) =
        Property.forAllShrink
            "placement.steps"
            "If some moves are made at a time, the others stay as they are, until the placement is reached."
            (Gen.zip ownership (Gen.choose (1, 5)))
            (fun (case, part) -> shrinkOwnership case |> Seq.map (fun case -> case, part))
            (fun (case, part) ->
                let moves = findMoves case.Ready case.Leaving

                /// Makes each move of a part of them.
                let rec reaches (owners: (NodeIncarnation | null)[]) (due: ShardMove[]) : bool =
                    if due.Length = 0 then
                        let target = place (case.Ready |> List.except case.Leaving)

                        target
                        |> Array.indexed
                        |> Array.forall (fun (shard, node) -> owners[shard] = node)
                    else
                        let made, others =
                            due |> Array.indexed |> Array.partition (fun (index, _) -> index % part = 0)

                        let owners = Array.copy owners

                        for _, move in made do
                            owners[move.Shard] <- move.To

                        let left = moves owners
                        left = Array.map snd others && reaches owners left

                let owners = Array.init Shards.Count (ownerOf case.Owners)
                reaches owners (moves owners))

    /// A check of these takes milliseconds.
    let private checks = 100

    /// The properties of placements, for something that places shards.
    let ofPlacing (place: PlaceShards) : Property list =
        [
            total place
            order place
            restart place
            bounded place
            refusals place
            fewMove place
        ]
        |> List.map (Property.atMost checks)

    /// The properties of moves, for something that finds them.
    let ofMoves (findMoves: FindMoves) : Property list =
        [ exact findMoves; steps findMoves ] |> List.map (Property.atMost checks)

    /// All properties of placements.
    let all = ofPlacing place @ ofMoves findMoves
