using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Relations;
using static Matrix.Host.Tests.Storage.Samples;

namespace Matrix.Host.Tests.Storage;

internal sealed class RelationsTests(string kind) : StorageTests(kind)
{
    private static readonly string _root = IdOf(Live(Kitchen, 1));

    [SetUp]
    public async Task Rooms() => await Write(Room(Kitchen), Room(Garden), Event(Live(Kitchen, 1)));

    [Test]
    public async Task Related_events_are_paged_both_ways_and_chosen_by_how_and_what()
    {
        await Relates(2, "m.annotation", "m.reaction");
        await Relates(3, "m.reference", "m.room.message");
        await Relates(4, "m.annotation", "m.reaction");
        await Relates(5, "m.annotation", "org.example.other");

        Assert.That(await Places(Query()), Is.EqualTo(new uint[] { 5, 4, 3, 2 }));
        Assert.That(
            await Places(Query() with { Direction = Direction.Forward, Limit = 2 }),
            Is.EqualTo(new uint[] { 2, 3 }));
        Assert.That(await Places(Query() with { From = Live(Kitchen, 4) }), Is.EqualTo(new uint[] { 3, 2 }));
        Assert.That(await Places(Query() with { Until = Live(Kitchen, 3) }), Is.EqualTo(new uint[] { 5, 4, 3 }));
        Assert.That(
            await Places(
                Query() with { Direction = Direction.Forward, From = Live(Kitchen, 2), Until = Live(Kitchen, 4) }),
            Is.EqualTo(new uint[] { 3, 4 }));
        Assert.That(await Places(Query() with { RelType = "m.annotation" }), Is.EqualTo(new uint[] { 5, 4, 2 }));
        Assert.That(
            await Places(Query() with { RelType = "m.annotation", EventType = "m.reaction" }),
            Is.EqualTo(new uint[] { 4, 2 }));
        Assert.That(await Places(Query() with { Room = Garden }), Is.Empty);

        var row = (await Store.Relations.ChildrenAsync(Query() with { Limit = 1 }, Stop)).Single();
        Assert.That(row, Is.EqualTo(new RelationRow(
            Live(Kitchen, 5), IdOf(Live(Kitchen, 5)), _root, "m.annotation", "org.example.other", Alice, 1)));
    }

    [Test]
    public async Task Recursion_follows_relations_of_relations_to_a_depth()
    {
        await Relates(2, "m.thread", "m.room.message");
        await Relates(3, "m.annotation", "m.reaction", parent: 2);
        await Relates(4, "m.reference", "m.room.message", parent: 3);
        await Relates(5, "m.reference", "m.room.message", parent: 4);

        async Task<(uint, int)[]> At(int depth) =>
            [.. (await Store.Relations.ChildrenAsync(
                Query() with { Depth = depth, Direction = Direction.Forward },
                Stop))
                .Select(row => (row.Event.Ordinal - EventNid.FirstLiveOrdinal, row.Depth))];

        Assert.That(await At(1), Is.EqualTo(new[] { (2u, 1) }));
        Assert.That(await At(2), Is.EqualTo(new[] { (2u, 1), (3u, 2) }));
        Assert.That(await At(99), Is.EqualTo(new[] { (2u, 1), (3u, 2), (4u, 3) }));
        Assert.That(await Places(Query() with { Depth = 3, RelType = "m.reference" }), Is.EqualTo(new uint[] { 4 }));
        Assert.That(await Places(Query() with { Depth = 3, Limit = 2 }), Is.EqualTo(new uint[] { 4, 3 }));
    }

    [Test]
    public async Task The_replacement_that_counts_is_the_senders_own_latest_by_time()
    {
        await Relates(2, "m.replace", "m.room.message", ts: 50);
        await Relates(3, "m.replace", "m.room.message", ts: 90);
        await Relates(4, "m.replace", "m.room.message", ts: 70);
        await Relates(5, "m.replace", "m.room.message", ts: 99, sender: Bob);
        await Relates(6, "m.replace", "m.room.encrypted", ts: 10);

        var aggregation =
            (await Store.Relations.AggregationsAsync(Kitchen, [_root, EventId("none")], Bob, Stop))[_root];

        Assert.That(aggregation.ReplacementOf("m.room.message"), Is.EqualTo(Live(Kitchen, 3)));
        Assert.That(aggregation.ReplacementOf("m.room.encrypted"), Is.EqualTo(Live(Kitchen, 6)));
        Assert.That(aggregation.ReplacementOf("m.room.topic").IsNone);
    }

    [Test]
    public async Task Of_replacements_at_the_same_time_the_greater_event_id_counts()
    {
        var edits = Enumerable.Range(2, 12).Select(n => (uint)n).ToList();
        foreach (var n in edits) await Relates(n, "m.replace", "m.room.message", ts: 50);

        var aggregation = (await Store.Relations.AggregationsAsync(Kitchen, [_root], Alice, Stop))[_root];

        // The latest edit is the one with the greatest id as text, where `-` and digits come before letters.
        // The stored bytes of the hash have another order.
        static string Bytes(uint n) =>
            Convert.ToHexString(System.Buffers.Text.Base64Url.DecodeFromChars(IdOf(Live(Kitchen, n)).AsSpan(1)));
        var greatest = edits.MaxBy(n => IdOf(Live(Kitchen, n)), StringComparer.Ordinal);
        Assert.That(
            greatest,
            Is.Not.EqualTo(edits.MaxBy(Bytes, StringComparer.Ordinal)),
            "These ids would not show it.");
        Assert.That(aggregation.ReplacementOf("m.room.message"), Is.EqualTo(Live(Kitchen, greatest)));
    }

    [Test]
    public async Task References_are_bundled_in_order_and_bounded()
    {
        for (var n = 2u; n < 2 + Aggregation.MaxReferences + 5; n++)
        {
            await Relates(n, "m.reference", "m.room.message");
        }

        var aggregation = (await Store.Relations.AggregationsAsync(Kitchen, [_root], Alice, Stop))[_root];

        Assert.That(aggregation.References, Has.Count.EqualTo(Aggregation.MaxReferences));
        Assert.That(
            aggregation.References.Take(2),
            Is.EqualTo(new[] { IdOf(Live(Kitchen, 2)), IdOf(Live(Kitchen, 3)) }));
        Assert.That(aggregation.Thread, Is.Null);
    }

    [Test]
    public async Task Relations_in_another_room_hide_none_of_this_room()
    {
        var root = IdOf(Live(Garden, 1));
        await Write(Event(Live(Garden, 1)));
        for (var n = 2u; n < 2 + Aggregation.MaxReferences; n++)
        {
            await Write(Event(Live(Kitchen, n)).RelatedTo(root, "m.reference"));
        }

        await Write(Event(Live(Kitchen, 200)).RelatedTo(root, "m.annotation", "key"));
        await Write(Event(Live(Garden, 2)).RelatedTo(root, "m.reference"));

        var aggregation = (await Store.Relations.AggregationsAsync(Garden, [root], Alice, Stop))[root];
        Assert.That(aggregation.References, Is.EqualTo(new[] { IdOf(Live(Garden, 2)) }));
        Assert.That(
            await Store.Relations.HasAnnotationAsync(Garden, root, Alice, "m.room.message", "key", Stop),
            Is.False);
        Assert.That(
            await Store.Relations.HasAnnotationAsync(Kitchen, root, Alice, "m.room.message", "key", Stop),
            Is.True);
    }

    [Test]
    public async Task A_thread_knows_its_latest_event_its_length_and_who_took_part()
    {
        await Relates(2, "m.thread", "m.room.message", sender: Bob);
        await Relates(3, "m.thread", "m.room.message", sender: Bob);

        async Task<ThreadRow> ThreadFor(string reader) =>
            (await Store.Relations.AggregationsAsync(Kitchen, [_root], reader, Stop))[_root].Thread!;

        Assert.That(await ThreadFor(Bob), Is.EqualTo(new ThreadRow(_root, Live(Kitchen, 3), 2, true)));
        Assert.That((await ThreadFor(Alice)).Participated, Is.True, "the root is hers");
        Assert.That((await ThreadFor(Carol)).Participated, Is.False);
    }

    [Test]
    public async Task Threads_are_listed_by_their_latest_event()
    {
        await Write(Event(Live(Kitchen, 2), Bob), Event(Live(Kitchen, 3), Bob));
        await Relates(4, "m.thread", "m.room.message", parent: 2, sender: Bob);
        await Relates(5, "m.thread", "m.room.message", parent: 3, sender: Bob);
        await Relates(6, "m.thread", "m.room.message", parent: 1, sender: Bob);
        await Relates(7, "m.thread", "m.room.message", parent: 2, sender: Carol);

        async Task<string[]> Roots(EventNid? before, bool participated, int limit) =>
            [.. (await Store.Relations.ThreadsAsync(Kitchen, before, Carol, participated, limit, Stop))
                .Select(row => row.RootId)];
        string Root(uint place) => IdOf(Live(Kitchen, place));

        Assert.That(await Roots(null, false, 9), Is.EqualTo(new[] { Root(2), Root(1), Root(3) }));
        Assert.That(await Roots(null, false, 1), Is.EqualTo(new[] { Root(2) }));
        Assert.That(await Roots(Live(Kitchen, 7), false, 9), Is.EqualTo(new[] { Root(1), Root(3) }));
        Assert.That(await Roots(null, true, 9), Is.EqualTo(new[] { Root(2) }));
        Assert.That(await Store.Relations.ThreadsAsync(Garden, null, Carol, false, 9, Stop), Is.Empty);
    }

    [Test]
    public async Task A_redacted_event_leaves_its_thread_and_the_last_one_ends_it()
    {
        await Relates(2, "m.thread", "m.room.message");
        await Relates(3, "m.thread", "m.room.message");

        await Write(Redacts(Live(Kitchen, 3), Live(Kitchen, 99)));
        var shorter = (await Store.Relations.ThreadsAsync(Kitchen, null, Alice, false, 9, Stop)).Single();
        await Write(Redacts(Live(Kitchen, 2), Live(Kitchen, 99)));
        await Write(Redacts(Live(Kitchen, 2), Live(Kitchen, 99)));

        Assert.That((shorter.Latest, shorter.Count), Is.EqualTo((Live(Kitchen, 2), 1)));
        Assert.That(await Store.Relations.ThreadsAsync(Kitchen, null, Alice, false, 9, Stop), Is.Empty);
        Assert.That(await Places(Query()), Is.Empty);
    }

    [Test]
    public async Task Relations_in_another_room_change_no_thread_of_this_room()
    {
        await Relates(2, "m.thread", "m.room.message");
        await Relates(3, "m.thread", "m.room.message");
        await Write(
            Event(Live(Garden, 1), Bob).RelatedTo(_root, "m.thread"),
            Event(Live(Garden, 2), Bob).RelatedTo(_root, "m.thread"));

        await Write(Redacts(Live(Kitchen, 3), Live(Kitchen, 99)));
        await Write(Redacts(Live(Garden, 1), Live(Garden, 99)));

        Task<IReadOnlyList<ThreadRow>> ThreadsOf(RoomNid room, string reader) =>
            Store.Relations.ThreadsAsync(room, null, reader, false, 9, Stop).AsTask();
        Assert.That(
            await ThreadsOf(Kitchen, Bob),
            Is.EqualTo(new[] { new ThreadRow(_root, Live(Kitchen, 2), 1, false) }));
        Assert.That(
            await ThreadsOf(Garden, Alice),
            Is.EqualTo(new[] { new ThreadRow(_root, Live(Garden, 2), 1, false) }));
        Assert.That(
            (await Store.Relations.AggregationsAsync(Kitchen, [_root], Bob, Stop))[_root].Thread?.Count,
            Is.EqualTo(1));
    }

    [Test]
    public async Task The_same_annotation_twice_is_known()
    {
        await Relates(2, "m.annotation", "m.reaction", key: "👍");

        Task<bool> Has(string sender, string type, string key) =>
            Store.Relations.HasAnnotationAsync(Kitchen, _root, sender, type, key, Stop).AsTask();

        Assert.That(await Has(Alice, "m.reaction", "👍"), Is.True);
        Assert.That(await Has(Alice, "m.reaction", "👎"), Is.False);
        Assert.That(await Has(Bob, "m.reaction", "👍"), Is.False);
        Assert.That(await Has(Alice, "m.other", "👍"), Is.False);
    }

    private static RelationsQuery Query() => new() { Room = Kitchen, ParentId = _root };

    private async Task<uint[]> Places(RelationsQuery query) =>
        [.. (await Store.Relations.ChildrenAsync(query, Stop))
            .Select(row => row.Event.Ordinal - EventNid.FirstLiveOrdinal)];

    private async Task Relates(
        uint place,
        string relType,
        string type,
        uint parent = 1,
        long ts = 1,
        string sender = Alice,
        string? key = null) =>
        await Write((Event(Live(Kitchen, place), sender) with { Type = type, Timestamp = ts }).RelatedTo(
            IdOf(Live(Kitchen, parent)),
            relType,
            key ?? (relType == "m.annotation" ? "key" : null)));
}
