namespace Matrix.Properties.Properties

open System.Collections.Generic
open System.IO
open FsCheck
open FsCheck.FSharp
open Matrix.Core.State
open Matrix.Properties
open Matrix.Properties.Generators

/// The durable form of a room's state: steps and checkpoints.
module StateStorageProperties =

    let private same (a: StateTree) (b: StateTree) =
        a.Equals b
        && Array.forall2
            (fun (x: StateEntry) (y: StateEntry) -> x.Equals y && x.Ordinal = y.Ordinal)
            (a.Entries())
            (b.Entries())

    let private stored (step: StateStep) = StateStep.Parse(step.ToBytes())

    /// Successive trees. As in a room, an event keeps its number.
    let private history (edits: StateEdit list) =
        (StateTree.Empty, edits)
        ||> List.scan (fun tree edit ->
            match edit with
            | Put e when
                (match tree.Find(e.Type, e.StateKey) with
                 | null -> false
                 | there -> there.EventId = e.EventId || there.Ordinal = e.Ordinal)
                ->
                tree
            | edit -> StateGen.replay tree [ edit ])

    /// Steps rebuild the state.
    let steps =
        Property.forAll
            "state.steps.rebuild"
            "Applying the stored steps to the empty state gives the same tree, including event numbers."
            (Gen.zip StateGen.edits (Gen.elements [ true; false ]))
            (fun (edits, isPartial) ->
                let trees = history edits |> List.map (fun t -> t.MarkedPartial isPartial)

                let rebuilt =
                    (StateTree.Empty, List.pairwise trees)
                    ||> List.fold (fun tree (before, after) -> (stored (StateStep.Between(before, after))).Apply tree)

                trees.Length = 1 || same rebuilt (List.last trees))

    /// Folded steps are a difference.
    let fold =
        Property.forAll
            "state.steps.fold"
            "Consecutive steps, folded, are the difference between the first state and the last, without changes that \
             were undone."
            StateGen.edits
            (fun edits ->
                // Folding identifies events by their numbers: each event gets its own.
                let numbered =
                    edits
                    |> List.mapi (fun i edit ->
                        match edit with
                        | Put e -> Put(StateEntry.Of(e.Type, e.StateKey, e.EventId, uint32 (i + 1)))
                        | drop -> drop)

                let trees = history numbered

                let folded =
                    List.pairwise trees
                    |> List.map (fun (before, after) -> stored (StateStep.Between(before, after)))
                    |> Seq.toArray
                    |> StateStep.Fold

                let last = List.last trees

                same (folded.Apply StateTree.Empty) last
                && folded.Changes.Count = last.Count
                && (let middle = List.item (trees.Length / 2) trees

                    let there =
                        StateStep.Fold [|
                            StateStep.Between(StateTree.Empty, middle)
                            StateStep.Between(middle, last)
                            StateStep.Between(last, middle)
                        |]

                    let nowhere =
                        StateStep.Fold [| StateStep.Between(middle, last); StateStep.Between(last, middle) |]

                    same (there.Apply StateTree.Empty) middle && nowhere.Changes.Count = 0))

    /// What a database would hold.
    type private StoredCheckpoints() =
        let packs = SortedDictionary<int, byte[]>()
        let headers = List<byte[]>()

        member val Newest: CheckpointHeader | null = null with get, set
        member _.Packs = packs
        member _.Headers = headers

        member this.Take(tree: StateTree) : StateCheckpoint =
            let checkpoint = StateCheckpoint.Take(tree, this.Newest)

            if checkpoint.Pack.Length > 0 then
                packs.Add(checkpoint.Header.FirstNode, checkpoint.Pack)

            headers.Add(checkpoint.Header.ToBytes())
            this.Newest <- CheckpointHeader.Parse(checkpoint.Header.ToBytes())
            checkpoint

        member _.Load(header: CheckpointHeader, like: StateTree | null) : StateTree =
            let needed = [|
                for pack in packs do
                    if pack.Key >= header.BaseNode && pack.Key <= header.RootNode then
                        pack.Value
            |]

            StateCheckpoint.Load(header, needed, like)

        /// Deletes the checkpoints and packs that the newest checkpoint makes unnecessary.
        member this.Compact() =
            let isOld (h: CheckpointHeader) =
                match this.Newest with
                | null -> false
                | newest -> h.BaseNode < newest.BaseNode && not h.IsWhole

            for bytes in headers.ToArray() do
                let header = CheckpointHeader.Parse bytes

                if isOld header then
                    headers.Remove bytes |> ignore
                    packs.Remove header.FirstNode |> ignore

    /// Enough entries for many small packs, so that whole checkpoints happen too.
    let private crowd = [|
        for i in 1..300 -> StateEntry.Of("m.room.member", $"@crowd{i}:example.org", $"${i}:crowd.example.org", uint32 i)
    |]

    /// Checkpoints rebuild the state, on several branches of one room, before and after compaction.
    let checkpoints =
        Property.forAll
            "state.checkpoints.rebuild"
            "Every checkpoint, taken on any of three branches of a room, loads as the state it was taken from, alone \
             or together with another."
            StateGen.branching
            (fun happenings ->
                let stored = StoredCheckpoints()
                let branches = Array.create 3 (StateTree.OfEntries(crowd, false))
                let taken = List<StateTree>()

                for branch, edits in happenings do
                    let checkpoint = stored.Take(StateGen.replay branches[branch] edits)
                    branches[branch] <- checkpoint.Tree
                    taken.Add(checkpoint.Tree)

                Seq.zip (stored.Headers.ToArray()) taken
                |> Seq.forall (fun (bytes, tree) ->
                    let header = CheckpointHeader.Parse bytes
                    let alone = stored.Load(header, null)
                    let beside = stored.Load(header, branches[0])

                    same alone tree
                    && same beside tree
                    && header.Count = tree.Count
                    && StateTree.AreSame(alone, beside)))

    /// Compaction loses nothing.
    let compaction =
        Property.forAll
            "state.checkpoints.compaction"
            "Among many checkpoints some are whole; after compaction the rest load as before, and the room continues \
             from its newest state."
            (Gen.choose (0, 1000))
            (fun seed ->
                let stored = StoredCheckpoints()
                let mutable tree = StateTree.OfEntries(crowd, false)
                let states = Dictionary<string, StateTree>()

                // Enough changes that the stored size exceeds its bound several times.
                for round in 1..250 do
                    for i in 1..20 do
                        let k = (seed + 7 * round + 13 * i) % 300 + 1
                        let id = $"${round}-{i}:example.org"

                        tree <-
                            tree.Set(
                                StateEntry.Of("m.room.member", $"@crowd{k}:example.org", id, uint32 (round * 100 + i))
                            )

                    let checkpoint = stored.Take tree
                    tree <- checkpoint.Tree
                    states[System.Convert.ToHexString(checkpoint.Header.ToBytes())] <- tree

                    if round % 50 = 0 then
                        stored.Compact()

                let loads =
                    stored.Headers
                    |> Seq.forall (fun bytes ->
                        same
                            (stored.Load(CheckpointHeader.Parse bytes, null))
                            states[System.Convert.ToHexString bytes])

                let whole =
                    stored.Headers
                    |> Seq.filter (fun bytes -> (CheckpointHeader.Parse bytes).IsWhole)
                    |> Seq.length

                loads && whole >= 3 && stored.Headers.Count < 250)
        |> Property.atMost Checking.enough

    /// Damaged storage is safe to read.
    let damage =
        Property.forAll
            "state.storage.damage"
            "A stored step or checkpoint with any byte changed or lost is either read as some state or reported; \
             reading never throws."
            (gen {
                let! tree = StateGen.tree
                let! at = Gen.choose (0, 1000000)
                let! value = Gen.choose (0, 255)
                let! cut = Gen.elements [ true; false ]
                return tree, at, byte value, cut
            })
            (fun (tree, at, value, cut) ->
                let harm (bytes: byte[]) =
                    if bytes.Length = 0 then
                        bytes
                    elif cut then
                        Array.truncate (at % bytes.Length) bytes
                    else
                        let harmed = Array.copy bytes
                        harmed[at % bytes.Length] <- value
                        harmed

                let survives (read: unit -> unit) =
                    try
                        read ()
                        true
                    with :? InvalidDataException ->
                        true

                let step = StateStep.Between(StateTree.Empty, tree)
                let checkpoint = StateCheckpoint.Take(tree, null)

                survives (fun () -> (StateStep.Parse(harm (step.ToBytes()))).Apply StateTree.Empty |> ignore)
                && survives (fun () -> CheckpointHeader.Parse(harm (checkpoint.Header.ToBytes())) |> ignore)
                && survives (fun () ->
                    StateCheckpoint.Load(checkpoint.Header, [| harm checkpoint.Pack |], null)
                    |> ignore))

    /// All of these.
    let all = [ steps; fold; checkpoints; compaction; damage ]
