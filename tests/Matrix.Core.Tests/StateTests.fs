/// A room's state: sizes of its stored form, and single cases. StateTreeProperties has the general statements.
module Matrix.Core.Tests.StateTests

open System
open System.IO
open NUnit.Framework
open Matrix.Core.State

let private hashId (n: int) =
    let bytes = Security.Cryptography.SHA256.HashData(BitConverter.GetBytes n)
    Matrix.Core.Ident.EventId.ofHashUrlSafe (ReadOnlySpan bytes)

let private memberEntry (user: int) (event: int) =
    StateEntry.Of("m.room.member", $"@some.user{user}:example.org", hashId event, 0x80000000u + uint32 event)

let private room (members: int) =
    StateTree.OfEntries(Array.init members (fun i -> memberEntry i i), false)

[<Test>]
let ``The step of one member's change takes between 60 and 100 bytes`` () =
    let before = room 10000
    let after = before.Set(memberEntry 1234 20000)
    let step = StateStep.Between(before, after)
    Assert.That(step.ToBytes().Length, Is.InRange(60, 100))

[<Test>]
let ``The number of an event fetched from history takes as few bytes as that of a new one`` () =
    let step ordinal =
        StateStep
            .Between(StateTree.Empty, StateTree.Empty.Set(StateEntry.Of("m.room.name", "", hashId 1, ordinal)))
            .ToBytes()
            .Length

    Assert.That(step 0x7FFFFFFFu, Is.EqualTo(step 0x80000000u))
    Assert.That(step 0x7FFFFF00u, Is.EqualTo(step 0x800000FFu))

[<Test>]
let ``A state event in a room of 10000 members costs at most 700 bytes of stored state, row overheads included`` () =
    // The database with the greatest overhead stores about this much beside a row's blob: headers, keys, and the keys'
    // index.
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
    TestContext.Out.WriteLine $"{each} bytes per state event"
    Assert.That(each, Is.LessThanOrEqualTo 700)

[<Test>]
let ``A checkpoint is due after 64 steps, and where branches meet if anything changed`` () =
    Assert.That(StateCheckpoint.IsDue(63, false), Is.False)
    Assert.That(StateCheckpoint.IsDue(64, false), Is.True)
    Assert.That(StateCheckpoint.IsDue(1, true), Is.True)
    Assert.That(StateCheckpoint.IsDue(0, true), Is.False)

[<Test>]
let ``A checkpoint of an unchanged state stores no node`` () =
    let first = StateCheckpoint.Take(room 100, null)
    let second = StateCheckpoint.Take(first.Tree, first.Header)
    Assert.That(second.Pack, Is.Empty)
    Assert.That(second.Header.RootNode, Is.EqualTo first.Header.RootNode)
    Assert.That(StateCheckpoint.Load(second.Header, [| first.Pack |], null), Is.EqualTo first.Tree)

[<Test>]
let ``Two checkpoints of one room share the same nodes in memory and on disk`` () =
    let first = StateCheckpoint.Take(room 2000, null)
    let second = StateCheckpoint.Take(first.Tree.Set(memberEntry 5 9999), first.Header)
    let older = StateCheckpoint.Load(first.Header, [| first.Pack |], null)

    let newer =
        StateCheckpoint.Load(second.Header, [| first.Pack; second.Pack |], older)

    Assert.That(newer.MemoryBytesBeside older, Is.LessThan(newer.MemoryBytes / 50))
    Assert.That(StateTree.Diff(older, newer).NodesVisited, Is.LessThan 12)

[<Test>]
let ``A checkpoint does not load without a pack that it needs`` () =
    let first = StateCheckpoint.Take(room 100, null)
    let second = StateCheckpoint.Take(first.Tree.Set(memberEntry 5 9999), first.Header)

    let load () =
        StateCheckpoint.Load(second.Header, [| second.Pack |], null) |> ignore

    Assert.That(Action load, Throws.TypeOf<InvalidDataException>())

[<Test>]
let ``A checkpoint of the empty state loads without packs`` () =
    let checkpoint = StateCheckpoint.Take(StateTree.Empty.MarkedPartial true, null)
    Assert.That(checkpoint.Pack, Is.Empty)

    let loaded =
        StateCheckpoint.Load(CheckpointHeader.Parse(checkpoint.Header.ToBytes()), [||], null)

    Assert.That(loaded.Count, Is.Zero)
    Assert.That(loaded.IsPartial, Is.True)

[<Test>]
let ``The empty state's root is the same in every process`` () =
    // SHA-256 of 33 zero bytes.
    Assert.That(
        Convert.ToHexStringLower StateTree.Empty.Root.Span,
        Is.EqualTo "7f9c9e31ac8256ca2f258583df262dbc7d6f68f2a03043d5c99a4ae5a7396ce9"
    )

[<Test>]
let ``Roots do not depend on this server's event numbers`` () =
    let a = StateTree.Empty.Set(StateEntry.Of("m.room.name", "", hashId 1, 7u))
    let b = StateTree.Empty.Set(StateEntry.Of("m.room.name", "", hashId 1, 8u))
    Assert.That(a, Is.EqualTo b)

[<Test>]
let ``The hash separates types from keys`` () =
    let a = StateTree.Empty.Set(StateEntry.Of("ab", "c", hashId 1, 1u))
    let b = StateTree.Empty.Set(StateEntry.Of("a", "bc", hashId 1, 1u))
    Assert.That(a, Is.Not.EqualTo b)

[<Test>]
let ``Entries of each of a thousand types can be listed`` () =
    let entries = [|
        for t in 1..1000 do
            for k in 1..3 -> StateEntry.Of($"org.example.{t}", string k, hashId (t * 3 + k), 1u)
    |]

    let tree = StateTree.OfEntries(entries, false)

    for t in 1..1000 do
        Assert.That(tree.OfType($"org.example.{t}").Length, Is.EqualTo 3)
