namespace Matrix.Properties.Generators

open FsCheck
open FsCheck.FSharp
open Matrix.Core.State

/// A change to a room's state.
type StateEdit =
    | Put of StateEntry
    | Drop of eventType: string * stateKey: string

/// States of rooms, and changes to them.
[<RequireQualifiedAccess>]
module StateGen =

    /// Few enough types that keys recur, and enough that some share a part of the tree.
    let eventType: Gen<string> =
        Gen.frequency [
            6, Gen.constant "m.room.member"
            3,
            Gen.elements [
                "m.room.create"
                "m.room.name"
                "m.room.topic"
                "m.space.child"
                "m.room.power_levels"
            ]
            2, Gen.choose (0, 60) |> Gen.map (fun n -> $"org.example.type{n}")
            1, Gen.elements [ ""; "m.room.memb"; "m.room.member.x"; "тип" ]
        ]

    /// Users, the empty key, and keys that encodings could confuse.
    let stateKey: Gen<string> =
        Gen.frequency [
            6, Gen.choose (0, 80) |> Gen.map (fun n -> $"@user{n}:example.org")
            2, Gen.constant ""
            1, Gen.elements [ "é"; "e\u0301"; "😀"; "\000"; " "; "@user1:example.or"; "!room:example.org" ]
        ]

    /// Identifiers of all three forms, and some that are nearly hashes.
    let eventId: Gen<string> =
        Gen.frequency [
            8, IdentGen.hash '$'
            2, IdentGen.hash '$' |> Gen.map (fun id -> id.Replace('-', '+').Replace('_', '/'))
            1, Gen.choose (1, 50) |> Gen.map (fun n -> $"${n}:example.org")
            1, IdentGen.nearly (IdentGen.hash '$')
        ]
        |> Gen.filter (fun id -> not (Seq.exists System.Char.IsSurrogate id))

    let private ordinal =
        Gen.oneof [
            Gen.choose (-200, 200) |> Gen.map (fun n -> uint32 (0x80000000L + int64 n))
            Gen.elements [ 1u; 2u; System.UInt32.MaxValue ]
        ]

    /// One entry.
    let entry: Gen<StateEntry> =
        gen {
            let! t = eventType
            let! k = stateKey
            let! id = eventId
            let! n = ordinal
            return StateEntry.Of(t, k, id, n)
        }

    /// One edit. Sets are more frequent than removals.
    let edit: Gen<StateEdit> =
        Gen.frequency [ 4, Gen.map Put entry; 1, Gen.map2 (fun t k -> Drop(t, k)) eventType stateKey ]

    /// Successive edits.
    let edits: Gen<StateEdit list> =
        Gen.sized (fun size -> Gen.choose (0, 4 * size) |> Gen.bind (fun n -> Gen.listOfLength n edit))

    /// The tree after edits.
    let replay (tree: StateTree) (edits: seq<StateEdit>) : StateTree =
        (tree, edits)
        ||> Seq.fold (fun tree edit ->
            match edit with
            | Put e -> tree.Set e
            | Drop(t, k) -> tree.Remove(t, k))

    /// A tree.
    let tree: Gen<StateTree> = edits |> Gen.map (replay StateTree.Empty)

    /// Edits between two checkpoints, on several branches of a room.
    let branching: Gen<(int * StateEdit list) list> =
        let few = Gen.choose (0, 6) |> Gen.bind (fun n -> Gen.listOfLength n edit)

        Gen.sized (fun size ->
            Gen.choose (1, 2 + size / 4)
            |> Gen.bind (fun n -> Gen.listOfLength n (Gen.zip (Gen.choose (0, 2)) few)))
