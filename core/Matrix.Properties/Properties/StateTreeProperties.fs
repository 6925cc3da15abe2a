namespace Matrix.Properties.Properties

open System
open FsCheck
open FsCheck.FSharp
open Matrix.Core.State
open Matrix.Properties
open Matrix.Properties.Generators

/// A room's state as a tree.
module StateTreeProperties =

    type private Model = Map<string * string, string * uint32>

    let private model (edits: seq<StateEdit>) : Model =
        (Map.empty, edits)
        ||> Seq.fold (fun map edit ->
            match edit with
            | Put e ->
                // An event keeps its number: setting the same event again only changes the number.
                Map.add (e.Type, e.StateKey) (e.EventId, e.Ordinal) map
            | Drop(t, k) -> Map.remove (t, k) map)

    let private content (tree: StateTree) : Model =
        tree.Entries()
        |> Seq.map (fun e -> (e.Type, e.StateKey), (e.EventId, e.Ordinal))
        |> Map.ofSeq

    let private ids (map: Model) = Map.map (fun _ (id, _) -> id) map

    let private keyOf edit =
        match edit with
        | Put e -> e.Type, e.StateKey
        | Drop(t, k) -> t, k

    /// A tree behaves as a map.
    let isMap =
        Property.forAll
            "state.tree.is-a-map"
            "After any edits, a tree has the same entries and count as a map, and finds exactly its keys."
            StateGen.edits
            (fun edits ->
                let tree = StateGen.replay StateTree.Empty edits
                let map = model edits

                content tree = map
                && tree.Count = map.Count
                && tree.Entries().Length = map.Count
                && edits
                   |> List.forall (fun edit ->
                       let t, k = keyOf edit

                       match tree.Find(t, k), Map.tryFind (t, k) map with
                       | null, found -> found.IsNone
                       | e, found -> found = Some(e.EventId, e.Ordinal)))

    /// Equal content has an equal root.
    let orderOfInsertion =
        Property.forAll
            "state.tree.one-shape"
            "Equal content has an equal root and an equal shape, whatever edits led to it, in whatever order."
            (gen {
                let! edits = StateGen.edits
                let tree = StateGen.replay StateTree.Empty edits
                let! shuffled = Gen.shuffle (tree.Entries())
                let! detours = Gen.listOf StateGen.edit
                return tree, List.ofArray shuffled, detours
            })
            (fun (tree, shuffled, detours) ->
                let straight = StateGen.replay StateTree.Empty (List.map Put shuffled)
                let atOnce = StateTree.OfEntries(Seq.toArray shuffled, false)
                // Detours are made and undone.
                let detoured = StateGen.replay straight detours
                let back = detoured.Apply(StateTree.Diff(detoured, tree).Changes)

                [ straight; atOnce; back ]
                |> List.forall (fun other ->
                    other.Root.Span.SequenceEqual tree.Root.Span
                    && StateTree.AreSame(other, tree)
                    && other.Equals tree
                    && (other.Entries(), tree.Entries()) ||> Array.forall2 (fun a b -> a.Equals b)))

    /// Different content has a different root.
    let differentContent =
        Property.forAll
            "state.tree.roots-differ"
            "Trees have equal roots only if they hold the same events for the same keys."
            (Gen.zip StateGen.tree StateGen.edit)
            (fun (tree, edit) ->
                let edited = StateGen.replay tree [ edit ]
                edited.Root.Span.SequenceEqual tree.Root.Span = (ids (content edited) = ids (content tree)))

    /// A partial state never equals a full one.
    let partialIsNeverFull =
        Property.forAll
            "state.tree.partial"
            "A partial tree's root differs from that of the full tree with the same entries. A partial tree stays \
             partial after edits, and does not count as the same as any tree, not even as itself."
            (Gen.zip StateGen.tree StateGen.edits)
            (fun (tree, edits) ->
                let partial = tree.MarkedPartial true
                let edited = StateGen.replay partial edits

                not (partial.Root.Span.SequenceEqual tree.Root.Span)
                && not (partial.Equals tree)
                && not (StateTree.AreSame(partial, tree))
                && not (StateTree.AreSame(partial, partial))
                && edited.IsPartial
                && content (edited.MarkedPartial false) = content (StateGen.replay tree edits)
                && StateTree.AreSame(partial.MarkedPartial false, tree))

    /// Applying a difference leads from one state to the other.
    let diff =
        Property.forAll
            "state.diff.leads-over"
            "A difference has each differing key once, with the entry before and after; applied to the first state it \
             gives the second."
            (gen {
                let! start = StateGen.tree
                let! edits = StateGen.edits
                let! other = StateGen.tree
                let! related = Gen.elements [ true; false ]
                let! hashed = Gen.elements [ true; false ]
                let after = if related then StateGen.replay start edits else other

                if hashed then
                    start.Root |> ignore
                    after.Root |> ignore

                return start, after
            })
            (fun (before, after) ->
                let b, a = content before, content after
                let changes = StateTree.Diff(before, after).Changes

                let expected =
                    Seq.append (Map.keys b) (Map.keys a)
                    |> Seq.distinct
                    |> Seq.filter (fun k -> Option.map fst (Map.tryFind k b) <> Option.map fst (Map.tryFind k a))
                    |> Set.ofSeq

                let same (entry: StateEntry | null) (found: (string * uint32) option) =
                    match entry with
                    | null -> found.IsNone
                    | e -> found = Some(e.EventId, e.Ordinal)

                Set.ofSeq (changes |> Seq.map (fun c -> c.Type, c.StateKey)) = expected
                && changes.Length = expected.Count
                && changes
                   |> Array.forall (fun c ->
                       same c.Before (Map.tryFind (c.Type, c.StateKey) b)
                       && same c.After (Map.tryFind (c.Type, c.StateKey) a))
                && ids (content (before.Apply changes)) = ids a)

    /// A small difference is cheap to find.
    let diffCost =
        Property.forAll
            "state.diff.cost"
            "The difference between two large trees of one room that differ in a few entries visits few nodes, \
             whether one tree grew from the other or both know their hashes."
            (gen {
                let! size = Gen.choose (2000, 5000)
                let! edits = Gen.listOf StateGen.edit
                let! apart = Gen.elements [ true; false ]
                return size, List.truncate 10 edits, apart
            })
            (fun (size, edits, apart) ->
                let members = [|
                    for i in 1..size ->
                        StateEntry.Of("m.room.member", $"@m{i}:example.org", $"${i}:example.org", uint32 i)
                |]

                let before = StateTree.OfEntries(members, false)

                let after =
                    if apart then
                        let other = StateGen.replay (StateTree.OfEntries(Array.rev members, false)) edits
                        before.Root |> ignore
                        other.Root |> ignore
                        other
                    else
                        StateGen.replay before edits

                let diff = StateTree.Diff(before, after)
                // The path to an entry has three levels of types and a few of members. For trees that grew apart, all
                // slots of each branch on the path are visited.
                diff.NodesVisited <= (if apart then 100 else 10) * (edits.Length + 1))
        |> Property.atMost 100

    /// Entries can be listed by type.
    let types =
        Property.forAll
            "state.tree.by-type"
            "The entries listed for a type are exactly the entries of that type."
            (Gen.zip StateGen.tree StateGen.eventType)
            (fun (tree, eventType) ->
                tree.OfType eventType = (tree.Entries() |> Array.filter (fun e -> e.Type = eventType)))

    /// The memory of a tree is accounted for.
    let memory =
        Property.forAll
            "state.tree.memory"
            "The bytes that a tree holds beyond another tree are at most all of its bytes; beyond the empty tree, \
             all of them; beyond itself, almost none."
            (Gen.zip StateGen.tree StateGen.edits)
            (fun (tree, edits) ->
                let other = StateGen.replay tree edits

                other.MemoryBytes >= 80 * other.Count
                && other.MemoryBytesBeside tree <= other.MemoryBytes
                && other.MemoryBytesBeside StateTree.Empty = other.MemoryBytes
                && tree.MemoryBytesBeside tree = StateTree.Empty.MemoryBytes)

    /// All of these.
    let all = [
        isMap
        orderOfInsertion
        differentContent
        partialIsNeverFull
        diff
        diffCost
        types
        memory
    ]
