/// A room's state: sizes of its stored form, and single cases. StateTreeProperties has the general statements.
module Matrix.Core.Tests.StateTests

open System
open System.IO
open Expecto
open Matrix.Testing
open Matrix.Core.State

let private hashId (n: int) =
    let bytes = Security.Cryptography.SHA256.HashData(BitConverter.GetBytes n)
    Matrix.Core.Ident.EventId.ofHashUrlSafe (ReadOnlySpan bytes)

let private memberEntry (user: int) (event: int) =
    StateEntry.Of("m.room.member", $"@some.user{user}:example.org", hashId event, 0x80000000u + uint32 event)

let private room (members: int) =
    StateTree.OfEntries(Array.init members (fun i -> memberEntry i i), false)

let tests =
    testList "StateTests" [
        test "The step of one member's change takes between 60 and 100 bytes" {
            let before = room 10000
            let after = before.Set(memberEntry 1234 20000)
            let step = StateStep.Between(before, after)
            Expect.isBetween (step.ToBytes().Length) (60, 100) "length"
        }

        test "The number of an event fetched from history takes as few bytes as that of a new one" {
            let step ordinal =
                StateStep
                    .Between(StateTree.Empty, StateTree.Empty.Set(StateEntry.Of("m.room.name", "", hashId 1, ordinal)))
                    .ToBytes()
                    .Length

            Expect.equal (step 0x7FFFFFFFu) (step 0x80000000u) "step"
            Expect.equal (step 0x7FFFFF00u) (step 0x800000FFu) "step"
        }

        testCase
            "A state event in a room of 10000 members costs at most 700 bytes of stored state, row overheads included"
        <| fun () ->
            // The database with the greatest overhead stores about this much beside a row's blob: headers, keys, and
            // the keys' index.
            let rowOverhead = 80
            let changes = 20000
            let random = Random 42
            let first = StateCheckpoint.Take(room 10000, null)
            let mutable tree = first.Tree
            let mutable newest = first.Header
            let mutable bytes = 0

            for i in 1..changes do
                let after = tree.Set(memberEntry (random.Next 10000) (10000 + i))
                bytes <- bytes + StateStep.Between(tree, after).ToBytes().Length + rowOverhead
                tree <- after

                if i % StateCheckpoint.MaxSteps = 0 then
                    let checkpoint = StateCheckpoint.Take(tree, newest)
                    tree <- checkpoint.Tree
                    newest <- checkpoint.Header

                    bytes <-
                        bytes
                        + checkpoint.Pack.Length
                        + checkpoint.Header.ToBytes().Length
                        + 2 * rowOverhead

            let each = bytes / changes
            stdout.WriteLine $"{each} bytes per state event"
            Expect.isLessThanOrEqual each 700 "each"

        test "A checkpoint is due after 64 steps, and where branches meet if anything changed" {
            Expect.isFalse (StateCheckpoint.IsDue(63, false)) "is due"
            Expect.isTrue (StateCheckpoint.IsDue(64, false)) "is due"
            Expect.isTrue (StateCheckpoint.IsDue(1, true)) "is due"
            Expect.isFalse (StateCheckpoint.IsDue(0, true)) "is due"
        }

        test "A checkpoint of an unchanged state stores no node" {
            let first = StateCheckpoint.Take(room 100, null)
            let second = StateCheckpoint.Take(first.Tree, first.Header)
            Expect.isEmpty second.Pack "pack"
            Expect.equal second.Header.RootNode first.Header.RootNode "root node"
            Expect.equal (StateCheckpoint.Load(second.Header, [| first.Pack |], null)) first.Tree "load"
        }

        test "Two checkpoints of one room share the same nodes in memory and on disk" {
            let first = StateCheckpoint.Take(room 2000, null)
            let second = StateCheckpoint.Take(first.Tree.Set(memberEntry 5 9999), first.Header)
            let older = StateCheckpoint.Load(first.Header, [| first.Pack |], null)

            let newer =
                StateCheckpoint.Load(second.Header, [| first.Pack; second.Pack |], older)

            Expect.isLessThan (newer.MemoryBytesBeside older) (newer.MemoryBytes / 50) "memory bytes beside"
            Expect.isLessThan (StateTree.Diff(older, newer).NodesVisited) 12 "nodes visited"
        }

        test "A checkpoint does not load without a pack that it needs" {
            let first = StateCheckpoint.Take(room 100, null)
            let second = StateCheckpoint.Take(first.Tree.Set(memberEntry 5 9999), first.Header)

            let load () =
                StateCheckpoint.Load(second.Header, [| second.Pack |], null) |> ignore

            Expect.throwsT<InvalidDataException> load "load"
        }

        test "A checkpoint of the empty state loads without packs" {
            let checkpoint = StateCheckpoint.Take(StateTree.Empty.MarkedPartial true, null)
            Expect.isEmpty checkpoint.Pack "pack"

            let loaded =
                StateCheckpoint.Load(CheckpointHeader.Parse(checkpoint.Header.ToBytes()), [||], null)

            Expect.equal loaded.Count 0 "number of loaded"
            Expect.isTrue loaded.IsPartial "is partial"
        }

        test "The empty state's root is the same in every process" {
            // SHA-256 of 33 zero bytes.
            Expect.equal
                (Convert.ToHexStringLower StateTree.Empty.Root.Span)
                "7f9c9e31ac8256ca2f258583df262dbc7d6f68f2a03043d5c99a4ae5a7396ce9"
                "to hex string lower"
        }

        test "Roots do not depend on this server's event numbers" {
            let a = StateTree.Empty.Set(StateEntry.Of("m.room.name", "", hashId 1, 7u))
            let b = StateTree.Empty.Set(StateEntry.Of("m.room.name", "", hashId 1, 8u))
            Expect.equal a b "the value"
        }

        test "The hash separates types from keys" {
            let a = StateTree.Empty.Set(StateEntry.Of("ab", "c", hashId 1, 1u))
            let b = StateTree.Empty.Set(StateEntry.Of("a", "bc", hashId 1, 1u))
            Expect.notEqual a b "the value"
        }

        test "Entries of each of a thousand types can be listed" {
            let entries = [|
                for t in 1..1000 do
                    for k in 1..3 -> StateEntry.Of($"org.example.{t}", string k, hashId (t * 3 + k), 1u)
            |]

            let tree = StateTree.OfEntries(entries, false)

            for t in 1..1000 do
                Expect.equal (tree.OfType($"org.example.{t}").Length) 3 "length"
        }
    ]
