namespace Matrix.Core.State

open System
open System.Collections.Generic
open System.IO
open System.Numerics

module private CheckpointFormat =
    let version = 1uy
    let partial = 1uy

    // The first byte of a node. An entry is a node of its own, stored once however often its neighbours change.
    let entryNode = 0uy
    let branchNode = 1uy

    /// The approximate size of an entry in a pack. It is used only to decide when a checkpoint is whole.
    let bytesPerEntry = 75

    /// The packs since the last whole checkpoint may be this many times as large as the state, and slightly more in
    /// small rooms.
    let slack = 3
    let smallest = 65536

[<Sealed>]
type CheckpointHeader
    internal
    (rootNode: int, firstNode: int, baseNode: int, nextNode: int, bytesSinceBase: int64, count: int, isPartial: bool) =
    member _.RootNode = rootNode
    member _.FirstNode = firstNode
    member _.BaseNode = baseNode
    member _.IsWhole = (firstNode = baseNode)
    member _.Count = count
    member _.IsPartial = isPartial

    /// The number of the next node.
    member internal _.NextNode = nextNode

    /// The size of all packs from the base on.
    member internal _.BytesSinceBase = bytesSinceBase

    member _.ToBytes() : byte[] =
        let out = BlobWriter()
        out.Byte CheckpointFormat.version
        out.Byte(if isPartial then CheckpointFormat.partial else 0uy)
        out.Number rootNode
        out.Number firstNode
        out.Number baseNode
        out.Number nextNode
        out.Number(uint64 bytesSinceBase)
        out.Number count
        out.ToArray()

    static member Parse(bytes: byte[]) : CheckpointHeader =
        let reader = BlobReader(bytes, 0)

        if reader.Byte() <> CheckpointFormat.version then
            raise (reader.Damaged())

        let isPartial = reader.Byte() &&& CheckpointFormat.partial <> 0uy
        let root = reader.Int()
        let first = reader.Int()
        let baseNode = reader.Int()
        let next = reader.Int()
        let bytesSinceBase = int64 (reader.Number())
        let count = reader.Int()

        if not reader.AtEnd || root >= next || baseNode > first || first > next then
            raise (reader.Damaged())

        CheckpointHeader(root, first, baseNode, next, bytesSinceBase, count, isPartial)

/// Numbers and writes the nodes that are new since a base.
[<Sealed>]
type private PackWriter(baseNode: int, firstNode: int) =
    let nodes = BlobWriter()
    let mutable next = firstNode

    /// Writes a node to the pack, after its length, and returns its number.
    let store (node: BlobWriter) : int =
        nodes.Number node.Length
        nodes.Bytes(node.ToArray())
        next <- next + 1
        next - 1

    let entry (e: StateEntry) : StateEntry =
        if e.Number >= baseNode then
            e
        else
            let node = BlobWriter()
            node.Byte CheckpointFormat.entryNode
            let code = WellKnownTypes.code e.Type
            node.Number((code <<< 1) ||| (if isNull e.Key.Text then 0 else 1))

            if code = 0 then
                node.Text e.Type

            node.Text e.StateKey
            node.Ordinal e.Ordinal
            node.EventKey e.Key
            e.Stored(store node)

    member _.NextNode = next

    /// The pack: the first node's number, the number of nodes, and each node after its length.
    member _.ToArray() : byte[] =
        if next = firstNode then
            [||]
        else
            let out = BlobWriter()
            out.Byte CheckpointFormat.version
            out.Number firstNode
            out.Number(next - firstNode)
            out.Bytes(nodes.ToArray())
            out.ToArray()

    /// The same branch with a number: the branch itself if it is stored at or after the base.
    member this.Branch(branch: Branch) : Branch =
        if branch.Number >= baseNode then
            branch
        else
            // Children first, so that their numbers are smaller.
            let slots =
                branch.Slots
                |> Array.map (fun slot ->
                    match slot with
                    | :? Branch as b -> this.Branch b :> obj
                    | e -> entry (e :?> StateEntry))

            let node = BlobWriter()
            node.Byte CheckpointFormat.branchNode
            node.Byte(byte branch.Bitmap)
            node.Byte(byte (branch.Bitmap >>> 8))

            for slot in slots do
                match slot with
                | :? Branch as b -> node.Number(next - b.Number)
                | e -> node.Number(next - (e :?> StateEntry).Number)

            branch.Stored(slots, store node)

/// Finds and reads nodes in packs.
[<Sealed>]
type private PackReader(packs: IReadOnlyList<byte[]>) =

    let damaged what : exn =
        InvalidDataException $"Stored room state is damaged: {what}."

    /// For each pack, the number of its first node, and the offset of each node.
    let firsts, starts =
        let firsts = Array.zeroCreate<int> packs.Count
        let starts = Array.zeroCreate<int[]> packs.Count

        for i in 0 .. packs.Count - 1 do
            let reader = BlobReader(packs[i], 0)

            if reader.Byte() <> CheckpointFormat.version then
                raise (reader.Damaged())

            firsts[i] <- reader.Int()
            let count = reader.Int()

            // A node has at least five bytes. A damaged count must not cause a large allocation.
            if count > packs[i].Length / 5 || (i > 0 && firsts[i] <= firsts[i - 1]) then
                raise (reader.Damaged())

            starts[i] <-
                Array.init count (fun _ ->
                    let length = reader.Int()
                    let start = reader.At
                    reader.Skip length
                    start)

        firsts, starts

    let locate (number: int) : struct (byte[] * int) =
        let found = Array.BinarySearch(firsts, number)
        let pack = if found >= 0 then found else ~~~found - 1

        if pack < 0 || number - firsts[pack] >= starts[pack].Length then
            raise (damaged $"node {number} is missing")

        struct (packs[pack], starts[pack][number - firsts[pack]])

    /// The entry or branch with a number.
    member this.Node(number: int, like: obj | null) : obj =
        match like with
        | :? Branch as b when b.Number = number -> b
        | :? StateEntry as e when e.Number = number -> e
        | _ ->
            let struct (pack, start) = locate number
            let reader = BlobReader(pack, start)

            match reader.Byte() with
            | tag when tag = CheckpointFormat.entryNode ->
                let first = reader.Int()
                let eventType = reader.TypeOf(first >>> 1)
                let stateKey = reader.Text()
                let ordinal = reader.Ordinal()
                StateEntry(eventType, stateKey, reader.EventKey(first &&& 1 <> 0), ordinal, number)
            | tag when tag = CheckpointFormat.branchNode -> this.BranchFrom(reader, number, like)
            | _ -> raise (reader.Damaged())

    member private this.BranchFrom(reader: BlobReader, number: int, like: obj | null) : Branch =
        let low = int (reader.Byte())
        let bitmap = low ||| (int (reader.Byte()) <<< 8)
        let mutable rest = bitmap

        let slots =
            Array.init (BitOperations.PopCount(uint32 bitmap)) (fun _ ->
                let nibble = BitOperations.TrailingZeroCount rest
                rest <- rest &&& (rest - 1)
                let child = number - reader.Int()

                // Children have smaller numbers, so that reading ends for any bytes.
                if child < 1 || child >= number then
                    raise (damaged $"node {number} refers to node {child}")

                let beside: obj | null =
                    match like with
                    | :? Branch as l -> l.At nibble
                    | _ -> null

                this.Node(child, beside))

        Branch(bitmap, slots, number)

[<Sealed>]
type StateCheckpoint private (header: CheckpointHeader, pack: byte[], tree: StateTree) =

    static member MaxSteps = 64

    static member IsDue(stepsSince: int, branchesMeet: bool) : bool =
        stepsSince >= StateCheckpoint.MaxSteps || (branchesMeet && stepsSince > 0)

    member _.Header = header
    member _.Pack = pack
    member _.Tree = tree

    static member Take(tree: StateTree, newest: CheckpointHeader | null) : StateCheckpoint =
        let first, oldBase, stored =
            match newest with
            | null -> 1, 1, 0L
            | h -> h.NextNode, h.BaseNode, h.BytesSinceBase

        // Many small packs, each with few needed nodes, make loading slow: now and then everything is stored anew.
        let bound =
            int64 (CheckpointFormat.slack * CheckpointFormat.bytesPerEntry)
            * int64 tree.Count
            + int64 CheckpointFormat.smallest

        let baseNode, stored = if stored > bound then first, 0L else oldBase, stored
        let writer = PackWriter(baseNode, first)

        let top: Branch | null =
            match tree.Top with
            | null -> null
            | t -> writer.Branch t

        let root =
            match top with
            | null -> 0
            | t -> t.Number

        let pack = writer.ToArray()

        let header =
            CheckpointHeader(
                root,
                first,
                baseNode,
                writer.NextNode,
                stored + int64 pack.Length,
                tree.Count,
                tree.IsPartial
            )

        StateCheckpoint(header, pack, StateTree(top, tree.IsPartial))

    static member Load(header: CheckpointHeader, packs: IReadOnlyList<byte[]>, like: StateTree | null) : StateTree =
        let top: Branch | null =
            if header.RootNode = 0 then
                null
            else
                let beside: obj | null =
                    match like with
                    | null -> null
                    | l -> l.Top

                match PackReader(packs).Node(header.RootNode, beside) with
                | :? Branch as top -> top
                | _ -> raise (InvalidDataException "Stored room state is damaged: an entry stands at the top.")

        let tree = StateTree(top, header.IsPartial)

        if tree.Count <> header.Count then
            raise (
                InvalidDataException
                    $"Stored room state is damaged: {header.Count} entries were stored, {tree.Count} found."
            )

        tree
