using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Searching;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Migrations;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Search;
using Matrix.Host.Storage.Tables.UserDirectory;
using Matrix.Host.Tests.Storage;
using static Matrix.Host.Tests.Storage.Samples;

namespace Matrix.Host.Tests.Search;

/// <summary>The index behind the commits: an upgrade, history, kills.</summary>
internal sealed class SearchTableTests(string kind) : StorageTests(kind)
{
    private const int All = 7;

    [Test]
    public async Task Events_from_before_the_index_are_indexed_in_steps_and_new_ones_too()
    {
        await Store.DisposeAsync();
        await using var database = await TestDatabase.CreateAsync(Kind, isNew: true);
        var options = Options() with { Url = database.Url, DataDir = database.Folder };
        Migration[] before = [.. Migration.All.TakeWhile(each => each.Name != "search")];
        Store = await StorageEngine.OpenAsync(options, before, Stop);
        await Write(Room(Kitchen), Room(Garden));
        for (uint i = 1; i <= 15; i++)
        {
            await Write(Says(Live(Kitchen, i), "kitchen before"), Says(Live(Garden, i), "garden before"));
        }

        await Store.DisposeAsync();
        Store = await StorageEngine.OpenAsync(options, Migration.All, Stop);
        await Write(Says(Live(Garden, 50), "garden after"));

        // Each indexer ends after a step, as if it were killed.
        for (var i = 0; i < 20; i++) await StepAsync();
        var (old, late) = (await Found("before"), await Found("after"));
        var pending = await Store.Search.PendingAsync(10, Stop);
        await Store.DisposeAsync();
        Store = await OpenAsync();

        Assert.That(old, Has.Length.EqualTo(30));
        Assert.That(late, Is.EqualTo(new[] { Live(Garden, 50) }));
        Assert.That(pending, Is.Empty);
    }

    [Test]
    public async Task Fetched_history_is_indexed()
    {
        await Write(Room(Kitchen), Says(Live(Kitchen, 1), "live words"));
        var old = EventNid.Of(Kitchen, EventNid.FirstLiveOrdinal - 5);
        await Write(Says(old, "old words", EventMarks.Backfilled));
        for (var i = 0; i < 5; i++) await StepAsync();

        Assert.That(await Found("words"), Is.EquivalentTo(new[] { old, Live(Kitchen, 1) }));
    }

    [Test]
    public async Task Fetched_history_is_indexed_though_each_step_has_new_events()
    {
        await Write(Room(Kitchen), Says(Live(Kitchen, 1), "live words"));
        EventNid[] old = [.. new uint[] { 5, 4, 3 }.Select(i => EventNid.Of(Kitchen, EventNid.FirstLiveOrdinal - i))];
        foreach (var nid in old) await Write(Says(nid, "old words", EventMarks.Backfilled));
        for (uint i = 2; i <= 4; i++)
        {
            await Write(Says(Live(Kitchen, i), "live words"));
            await StepAsync();
        }

        Assert.That(await Found("old"), Is.EquivalentTo(old));
        Assert.That(await Found("live"), Has.Length.EqualTo(4));
    }

    [Test]
    public async Task A_redaction_deletes_words_at_once_and_none_come_after_it()
    {
        await Write(Room(Kitchen), Says(Live(Kitchen, 1), "secret"), Says(Live(Kitchen, 2), "other"));
        await Write(Indexed(Live(Kitchen, 1), "secret"));
        Assert.That(await Found("secret"), Has.Length.EqualTo(1));

        await Write(Redacts(Live(Kitchen, 1), Live(Kitchen, 2)));
        Assert.That(await Found("secret"), Is.Empty);
        await Write(Indexed(Live(Kitchen, 1), "secret"));
        Assert.That(await Found("secret"), Is.Empty);
    }

    [Test]
    public async Task An_event_whose_edit_was_redacted_meanwhile_is_indexed_again()
    {
        await Write(Room(Kitchen), Says(Live(Kitchen, 1), "original"), Says(Live(Kitchen, 2), "edited"));
        await Write(Indexed(Live(Kitchen, 1), "original"), Says(Live(Kitchen, 3), "redaction"));
        await Write(Redacts(Live(Kitchen, 2), Live(Kitchen, 3)));

        await Write(Indexed(Live(Kitchen, 1), "edited") with { Text = Live(Kitchen, 2) });
        Assert.That(await Found("edited"), Is.Empty);
        var pending = await Store.Search.PendingAsync(10, Stop);
        Assert.That(pending.Select(each => (each.First, each.Last)), Has.Member((Live(Kitchen, 1), Live(Kitchen, 1))));
        for (var i = 0; i < 5; i++) await StepAsync();
        Assert.That(await Found("original"), Is.EqualTo(new[] { Live(Kitchen, 1) }));
    }

    [Test]
    public async Task No_words_of_a_deleted_event_come_to_the_index()
    {
        await Write(Room(Kitchen), Says(Live(Kitchen, 1), "one"), Says(Live(Kitchen, 2), "two"));
        await Write(Says(Live(Kitchen, 3), "three"), Says(Live(Kitchen, 4), "edit"));
        await Write(new EventsPurged(Kitchen, [Live(Kitchen, 1), Live(Kitchen, 2), Live(Kitchen, 4)]));

        // An indexer that read the events before they were deleted.
        await Write(
            Indexed(Live(Kitchen, 1), "word"),
            Indexed(Live(Kitchen, 2), "word") with { IsNew = true },
            Indexed(Live(Kitchen, 3), "word") with { Text = Live(Kitchen, 4) });
        Assert.That(await Found("word"), Is.Empty);
        Assert.That(await Store.RoomRows.AnyAsync("search_events", Kitchen, Stop), Is.False);
        for (var i = 0; i < 5; i++) await StepAsync();
        Assert.That(await Found("three"), Is.EqualTo(new[] { Live(Kitchen, 3) }), "what the edit had replaced");
    }

    [Test]
    public void A_room_loses_its_words_after_its_events() =>
        Assert.That(
            Store.RoomRows.Tables.SkipWhile(table => table != "events"),
            Is.SupersetOf(new[] { "search_events", "search_pending" }));

    [Test]
    public async Task A_new_event_is_indexed_once_whatever_came_before_it()
    {
        await Write(Room(Kitchen), Says(Live(Kitchen, 1), "one"), Says(Live(Kitchen, 2), "two"));
        await Write(Says(Live(Kitchen, 3), "three"), Says(Live(Kitchen, 4), "four"));
        await Write(Indexed(Live(Kitchen, 1), "edited"));
        await Write(Redacts(Live(Kitchen, 3), Live(Kitchen, 4)));

        await Write([.. new uint[] { 1, 2, 3, 4 }
            .Select(i => Indexed(Live(Kitchen, i), $"word n{i}") with { IsNew = true, Count = 2 })]);
        Assert.That(await Found("word"), Is.EquivalentTo(new[] { Live(Kitchen, 2), Live(Kitchen, 4) }));
        Assert.That(await Found("n2 word"), Is.EqualTo(new[] { Live(Kitchen, 2) }));
        Assert.That(await Found("edited"), Is.EqualTo(new[] { Live(Kitchen, 1) }), "what it has stays");

        await Write(Indexed(Live(Kitchen, 2), "other"));
        Assert.That(await Found("n2"), Is.Empty);
        var row = (await Store.Search.FindAsync(new SearchWordsQuery("n4", All), 9, Stop)).Single();
        Assert.That((row.Text, row.Ts, row.Words), Is.EqualTo((Live(Kitchen, 4), 1000L, 2)));
    }

    [Test]
    public async Task A_range_that_comes_again_while_it_is_indexed_is_indexed_again()
    {
        await Write(Room(Kitchen));
        await Write(Says(EventNid.Of(Kitchen, 0x7000_0000), "one", EventMarks.Backfilled));
        var range = (await Store.Search.PendingAsync(10, Stop)).Single();
        await Write(Says(EventNid.Of(Kitchen, 0x7000_0001), "two", EventMarks.Backfilled));
        Assert.That(await Store.Search.PendingAsync(10, Stop), Has.Count.EqualTo(2));

        await Write(new RangeIndexed(range with { Position = range.Position - 1 }, EventNid.None));
        Assert.That(await Store.Search.PendingAsync(10, Stop), Has.Count.EqualTo(2));
        await Write(new RangeIndexed(range, EventNid.None));
        Assert.That(await Store.Search.PendingAsync(10, Stop), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task Many_ranges_of_a_room_become_one_and_all_events_are_indexed()
    {
        await Write(Room(Kitchen), Room(Garden));
        foreach (var ordinal in new uint[] { 5, 7, 6 })
        {
            await Write(Says(EventNid.Of(Kitchen, 0x7000_0000 + ordinal), "many words", EventMarks.Backfilled));
        }

        var alone = EventNid.Of(Garden, 0x7000_0000);
        await Write(Says(alone, "alone words", EventMarks.Backfilled));

        await Write(new PendingRangesJoined());
        Assert.That(
            (await Store.Search.PendingAsync(10, Stop)).Select(static range => (range.First, range.Last)),
            Is.EquivalentTo(new[]
            {
                (EventNid.Of(Kitchen, 0x7000_0005), EventNid.Of(Kitchen, 0x7000_0007)), (alone, alone),
            }));
        await StepAsync();
        Assert.That((await Found("many")).Length, Is.EqualTo(3));
        Assert.That(await Found("alone"), Is.EqualTo(new[] { alone }));
        Assert.That(await Store.Search.PendingAsync(10, Stop), Is.Empty);
    }

    [Test]
    public async Task The_newest_hits_of_each_room_are_read()
    {
        await Write(Room(Kitchen), Room(Garden));
        for (uint i = 1; i <= 5; i++)
        {
            await Write(Says(Live(Kitchen, i), "word"), Says(Live(Garden, i), "word"));
            await Write(Indexed(Live(Kitchen, i), "word"), Indexed(Live(Garden, i), i == 5 ? "other" : "word"));
        }

        var rows = await Store.Search.NewestAsync([Kitchen, Garden], new SearchWordsQuery("word", All), 2, Stop);
        Assert.That(
            rows.Select(row => row.Event),
            Is.EquivalentTo(new[] { Live(Kitchen, 5), Live(Kitchen, 4), Live(Garden, 4), Live(Garden, 3) }));
        var prefix = await Store.Search.NewestAsync([Garden], new SearchWordsQuery("oth*", All), 2, Stop);
        Assert.That(prefix.Single().Event, Is.EqualTo(Live(Garden, 5)));
        Assert.That(await Store.Search.FindAsync(new SearchWordsQuery("word", 2), 9, Stop), Is.Empty, "other keys");
    }

    [Test]
    public async Task Names_and_topics_are_found_by_their_keys()
    {
        await Write(Room(Kitchen), Room(Garden), Event(Live(Garden, 1)));
        await Write(Event(Live(Kitchen, 1)), Event(Live(Kitchen, 2)));
        await Write(
            Indexed(Live(Kitchen, 1), "word"),
            Indexed(Live(Kitchen, 2), "word") with { Kind = 1 },
            Indexed(Live(Garden, 1), "word more") with { Kind = 2, IsNew = true });
        (int Kinds, EventNid[] Events)[] expected =
        [
            (1, [Live(Kitchen, 1)]),
            (2, [Live(Kitchen, 2)]),
            (4, [Live(Garden, 1)]),
            (6, [Live(Kitchen, 2), Live(Garden, 1)]),
            (All, [Live(Kitchen, 1), Live(Kitchen, 2), Live(Garden, 1)]),
        ];
        foreach (var (kinds, events) in expected)
        {
            var query = new SearchWordsQuery("wor*", kinds);
            var found = await Store.Search.FindAsync(query, 9, Stop);
            var newest = await Store.Search.NewestAsync([Kitchen, Garden], query, 9, Stop);
            Assert.That(found.Select(row => row.Event), Is.EquivalentTo(events));
            Assert.That(newest.Select(row => row.Event), Is.EquivalentTo(events));
        }

        await Write(Indexed(Live(Kitchen, 2), "other") with { Kind = 1 });
        Assert.That(await Store.Search.FindAsync(new SearchWordsQuery("word", 2), 9, Stop), Is.Empty);
    }

    [Test]
    public async Task Names_that_were_indexed_before_they_had_a_word_of_their_own_are_found()
    {
        await Store.DisposeAsync();
        await using var database = await TestDatabase.CreateAsync(Kind, isNew: true);
        var options = Options() with { Url = database.Url, DataDir = database.Folder };
        Migration[] before = [.. Migration.All.TakeWhile(each => each.Name != "words_of_names")];
        Store = await StorageEngine.OpenAsync(options, before, Stop);
        await Write(Room(Kitchen), Event(Live(Kitchen, 1)), Event(Live(Kitchen, 2)));
        await Write(Indexed(Live(Kitchen, 1), "word"), Indexed(Live(Kitchen, 2), "word"));
        await Store.DisposeAsync();

        // A row of a name as it was then.
        var name = new Migration(
            before.Length + 1,
            "name",
            $"UPDATE search_events SET kind = 1 WHERE event_nid = {Live(Kitchen, 2).Value};");
        var words = Migration.All[before.Length] with { Number = before.Length + 2 };
        Store = await StorageEngine.OpenAsync(options, [.. before, name, words], Stop);
        var found = await Store.Search.FindAsync(new SearchWordsQuery("word", 2), 9, Stop);
        var all = await Store.Search.FindAsync(new SearchWordsQuery("word", All), 9, Stop);
        await Store.DisposeAsync();
        Store = await OpenAsync();

        Assert.That(found.Select(row => row.Event), Is.EqualTo(new[] { Live(Kitchen, 2) }));
        Assert.That(all, Has.Count.EqualTo(2));
    }

    [Test]
    public async Task Events_and_users_that_are_indexed_by_former_words_are_indexed_again()
    {
        await Store.DisposeAsync();
        await using var database = await TestDatabase.CreateAsync(Kind, isNew: true);
        var options = Options() with { Url = database.Url, DataDir = database.Folder };
        Migration[] before = [.. Migration.All.TakeWhile(each => each.Name != "words_by_parts")];
        Store = await StorageEngine.OpenAsync(options, before, Stop);
        await Write(Room(Kitchen), Says(Live(Kitchen, 1), "학교에서"));
        await StepAsync();
        await Write(Indexed(Live(Kitchen, 1), "학교에서"));
        foreach (var range in await Store.Search.PendingAsync(10, Stop))
        {
            await Write(new RangeIndexed(range, EventNid.None));
        }

        await Write(new DirectoryEntryPut(
            new PendingUser(Alice, 0), "김철수", null, true, true, ["김철수"]));
        await Store.DisposeAsync();
        Store = await StorageEngine.OpenAsync(options, Migration.All, Stop);
        var users = await Store.UserDirectory.PendingAsync(long.MaxValue, 10, Stop);
        var early = await Found("학교");
        for (var i = 0; i < 3; i++) await StepAsync();
        var late = await Found("학교");
        await Store.DisposeAsync();
        Store = await OpenAsync();

        Assert.That(early, Is.Empty);
        Assert.That(late, Is.EqualTo(new[] { Live(Kitchen, 1) }));
        Assert.That(users.Select(user => user.UserId), Does.Contain(Alice));
    }

    [Test]
    public async Task The_segments_of_SQLite_are_merged_and_hits_stay()
    {
        using var indexer = Indexer(new SearchOptions { MergedPages = 2 });
        await Write(Room(Kitchen));
        for (uint i = 1; i <= 90; i++)
        {
            await Write(Says(Live(Kitchen, i), "word"));
            await Write(Indexed(Live(Kitchen, i), $"word n{i}") with { IsNew = true });
        }

        var before = await Store.Search.SegmentPagesAsync(Stop);
        var steps = 0;
        while (await indexer.TidyAsync(Stop)) steps++;
        Assert.That(before, IsSqlite ? Has.Count.GreaterThan(2) : Is.Empty);
        Assert.That(await Store.Search.SegmentPagesAsync(Stop), Has.Count.EqualTo(IsSqlite ? 1 : 0));
        Assert.That(steps, IsSqlite ? Is.InRange(1, 90) : Is.Zero);
        Assert.That(await Found("word"), Has.Length.EqualTo(90));

        // What comes later is found and deleted as before, and is too little to merge again.
        await Write(Says(Live(Kitchen, 91), "word"), Redacts(Live(Kitchen, 7), Live(Kitchen, 91)));
        await Write(Indexed(Live(Kitchen, 91), "word n91") with { IsNew = true });
        using var usual = Indexer(new SearchOptions());
        Assert.That(await usual.TidyAsync(Stop), Is.False);
        Assert.That(await Found("n7"), Is.Empty);
        Assert.That(await Found("word"), Has.Length.EqualTo(90).And.Member(Live(Kitchen, 91)));
    }

    [Test]
    public async Task Segments_are_merged_when_they_are_an_eighth_of_the_largest()
    {
        using var indexer = Indexer(new SearchOptions { MergedPages = 1 });
        await Write(Room(Kitchen));
        var next = 0u;
        await IndexAsync(2000);
        if (!IsSqlite)
        {
            Assert.That(await indexer.TidyAsync(Stop), Is.False, "PostgreSQL has no segments");
            return;
        }

        while (await indexer.TidyAsync(Stop))
        {
        }

        var whole = (await Store.Search.SegmentPagesAsync(Stop)).Single();
        await IndexAsync(1);
        Assert.That(whole, Is.GreaterThan(16));
        Assert.That(await Store.Search.SegmentPagesAsync(Stop), Has.Count.EqualTo(2));
        Assert.That(await indexer.TidyAsync(Stop), Is.False, "one page is too little");

        await IndexAsync(1000);
        Assert.That(await indexer.TidyAsync(Stop), Is.True);

        async Task IndexAsync(int events)
        {
            for (var left = events; left > 0; left -= 100)
            {
                EventNid[] nids = [.. Enumerable.Range(0, Math.Min(left, 100)).Select(_ => Live(Kitchen, ++next))];
                await Write([.. nids.Select(nid => Says(nid, "word"))]);
                await Write([.. nids.Select(nid => Indexed(
                    nid, string.Join(' ', Enumerable.Range(0, 20).Select(i => $"n{nid.Ordinal}x{i}"))) with
                {
                    IsNew = true,
                })]);
            }
        }
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task The_times_of_a_rooms_rows_follow_their_numbers(bool atOnce)
    {
        EventNid[] old = [.. new uint[] { 2, 1 }.Select(i => EventNid.Of(Kitchen, EventNid.FirstLiveOrdinal - i))];
        await Write(Room(Kitchen), Room(Garden), Event(Live(Garden, 1)));
        foreach (var nid in old) await Write(Event(nid) with { Marks = EventMarks.Backfilled });
        for (uint i = 1; i <= 6; i++) await Write(Event(Live(Kitchen, i)));
        EventIndexed At(EventNid nid, long ts) => Indexed(nid, "word") with { Ts = ts, IsNew = true };
        EventIndexed[] rows =
        [
            At(Live(Kitchen, 1), 50), At(Live(Kitchen, 2), 1), At(Live(Garden, 1), 7), At(Live(Kitchen, 3), 90),
            At(Live(Kitchen, 4), 60), At(Live(Kitchen, 5), -3), At(Live(Kitchen, 6), 95),
        ];
        if (atOnce) await Write(rows);
        else foreach (var row in rows) await Write(row);
        Assert.That(await TimesAsync(Kitchen), Is.EqualTo(new[] { 50, 50, 90, 90, 90, 95 }));
        Assert.That(await TimesAsync(Garden), Is.EqualTo(new[] { 7 }));

        // An edit, and history below the oldest row.
        await Write(Indexed(Live(Kitchen, 4), "word") with { Ts = 92 });
        await Write(Indexed(old[0], "word") with { Ts = 40 });
        await Write(Indexed(old[1], "word") with { Ts = 99 });
        Assert.That(await TimesAsync(Kitchen), Is.EqualTo(new[] { 40, 50, 50, 50, 90, 90, 90, 95 }));

        var query = new SearchWordsQuery("word", All, 90) { Before = Live(Kitchen, 5) };
        var newest = await Store.Search.NewestAsync([Kitchen], query, 2, Stop);
        Assert.That(newest.Select(row => row.Event), Is.EqualTo(new[] { Live(Kitchen, 4), Live(Kitchen, 3) }));
    }

    private async Task<long[]> TimesAsync(RoomNid room) =>
    [
        .. (await Store.Search.NewestAsync([room], new SearchWordsQuery("word", All), 100, Stop))
            .OrderBy(row => row.Event.Value).Select(row => row.Ts),
    ];

    private static EventIndexed Indexed(EventNid nid, string words) => new(nid, nid, 1000, 0, 1, words);

    private static EventsAppended Says(EventNid nid, string text, EventMarks marks = EventMarks.None) =>
        (EventsAppended)(Event(nid) with { Marks = marks, Content = $$"""{"body":"{{text}}"}""" });

    private async Task<EventNid[]> Found(string words) =>
        [.. (await Store.Search.FindAsync(new SearchWordsQuery(words, All), 100, Stop)).Select(row => row.Event)];

    /// <summary>A step of an indexer that then ends.</summary>
    private async Task StepAsync()
    {
        using var indexer = Indexer(new SearchOptions { IndexedAtOnce = 4 });
        await indexer.StepAsync(Store.Writer.PublishedPosition, Stop);
    }

    private SearchIndexer Indexer(SearchOptions options) => new(
        Store.Events,
        Store.Relations,
        Store.Search,
        Store.Consumers,
        Store.Writer,
        ShardGates.AlwaysOpen,
        options,
        new RoomsOptions { ServerName = "example.org" },
        Time);
}
