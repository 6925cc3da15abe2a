namespace Matrix.Core.Cluster

open System.Collections.Generic

type ShardMoveKind =
    | Give = 0
    | Take = 1

[<Struct>]
type ShardMove = {
    Kind: ShardMoveKind
    Shard: int
    From: NodeIncarnation | null
    To: NodeIncarnation
}

/// `targets` has, for each shard, the index of its node in `view.Ready`. It is empty if no node is ready.
[<Sealed>]
type Placement private (view: ClusterView, targets: int[]) =

    /// Names of nodes are hashed as a kind that no authority has.
    static let noAuthority = 0uy

    /// Indexes by falling weight, and of equal weights the lower index first.
    static let byWeight (weight: int -> uint64) (indexes: int[]) : int[] =
        indexes
        |> Array.sortWith (fun a b ->
            match compare (weight b) (weight a) with
            | 0 -> compare a b
            | order -> order)

    /// The owner of each shard, by index, among nodes with these names in ordinal order. There is at least one.
    static let place (names: string[]) : int[] =
        let weights =
            names
            |> Array.map (fun name ->
                let seed = StableHash.ofName noAuthority name
                Array.init Shards.Count (StableHash.drawn seed))

        let choices =
            Array.init Shards.Count (fun shard ->
                [| 0 .. names.Length - 1 |] |> byWeight (fun node -> weights[node][shard]))

        let bound = Placement.Bound names.Length
        let loads = Array.zeroCreate<int> names.Length
        let owners = Array.zeroCreate<int> Shards.Count

        /// Admits the shards for which the node's weight is greatest. Returns the others.
        let admit (node: int, applicants: int[]) : int[] =
            let sorted = applicants |> byWeight (fun shard -> weights[node][shard])
            let admitted = min sorted.Length (bound - loads[node])

            for shard in Array.take admitted sorted do
                owners[shard] <- node

            loads[node] <- loads[node] + admitted
            Array.skip admitted sorted

        let rec apply (round: int) (applicants: int[]) : unit =
            if applicants.Length > 0 then
                applicants
                |> Array.groupBy (fun shard -> choices[shard][round])
                |> Array.collect admit
                |> apply (round + 1)

        apply 0 [| 0 .. Shards.Count - 1 |]
        owners

    static member Bound(nodes: int) : int =
        let room = Shards.Count + Shards.Count / 16

        if nodes <= 0 then
            0
        else
            min Shards.Count (room / nodes + (if room % nodes = 0 then 0 else 1))

    static member Of(view: ClusterView) : Placement =
        let names = [| for node in view.Ready -> node.Node |]
        Placement(view, (if names.Length = 0 then [||] else place names))

    member _.Owner(shard: int) : NodeIncarnation | null =
        if shard >= 0 && shard < targets.Length then
            view.Ready[targets[shard]]
        else
            null

    member _.Moves(owners: IReadOnlyList<NodeIncarnation | null>) : ShardMove[] =
        let moves = [|
            for shard in 0 .. targets.Length - 1 do
                let target = view.Ready[targets[shard]]

                let move kind owner = {
                    Kind = kind
                    Shard = shard
                    From = owner
                    To = target
                }

                match (if shard < owners.Count then owners[shard] else null) with
                | null -> move ShardMoveKind.Take null
                | owner when owner = target -> ()
                | owner when view.IsAlive owner -> move ShardMoveKind.Give owner
                | owner -> move ShardMoveKind.Take owner
        |]

        let takes, gives =
            moves |> Array.partition (fun move -> move.Kind = ShardMoveKind.Take)

        Array.append takes gives
