using System.Globalization;
using System.Text.Json.Nodes;
using Matrix.Import.Notifying;
using Matrix.Import.RoomData;
using Matrix.Import.Runs;
using Matrix.Import.Tests.RoomData;

namespace Matrix.Import.Tests.Notifying;

/// <summary>Unread counts as clients see them after an import.</summary>
internal sealed class UnreadTests(string sourceKind, string targetKind) : PreparedRoomTests(sourceKind, targetKind)
{
    private const long Never = 0;

    private string _room = "";

    protected override IReadOnlyList<IImportPart> Parts => [new ReceiptsPart(), new UnreadPart()];

    protected override IReadOnlyList<string> MoreTables => PushTables.All;

    [SetUp]
    public async Task MakeRoom()
    {
        _room = await Alice.CreatesRoomAsync();
        await Bob.JoinsAsync(_room);
    }

    [Test]
    public async Task Recent_events_count_as_Synapse_evaluated_them()
    {
        var highlighted = await Alice.SaysAsync(_room, "bob: are you there");
        var silent = await Alice.SaysAsync(_room, "nobody was told of this");
        var reaction = await Alice.SendsAsync(_room, "org.example.odd", new JsonObject { ["odd"] = true });
        await StopAsync();
        await SummedThroughAsync(Never);
        await ActionAsync(Bob, highlighted, notifies: true, highlights: true);
        await ActionAsync(Bob, reaction, notifies: true, highlights: false);

        var counts = await CarryAsync(Parts);

        Assert.That(await CountsAsync(Bob), Is.EqualTo((2, 1)));
        Assert.That(Differences(counts), Is.Zero, string.Join('\n', LeftOut));
        Assert.That(counts["unread"].Kinds["unread marks"].Written, Is.EqualTo(3), silent);
    }

    [Test]
    public async Task Older_events_count_by_push_rules_and_keep_their_highlights()
    {
        var first = await Alice.SaysAsync(_room, "bob: an old mention");
        var second = await Alice.SaysAsync(_room, "an old message");
        await StopAsync();
        await SummedThroughAsync(Positions[second]);
        await ActionAsync(Bob, first, notifies: true, highlights: true);
        await SumAsync(Bob, 2, through: second);

        var counts = await CarryAsync(Parts);

        Assert.That(await CountsAsync(Bob), Is.EqualTo((2, 1)));
        Assert.That(Differences(counts), Is.Zero, string.Join('\n', LeftOut));
    }

    [Test]
    public async Task Older_events_of_a_muted_room_do_not_count()
    {
        await Alice.SaysAsync(_room, "one");
        var last = await Alice.SaysAsync(_room, "two");
        await MuteAsync(Bob);
        await StopAsync();
        await SummedThroughAsync(Positions[last]);

        var counts = await CarryAsync(Parts);

        Assert.That(await CountsAsync(Bob), Is.EqualTo((0, 0)));
        Assert.That(Differences(counts), Is.Zero, string.Join('\n', LeftOut));
    }

    [Test]
    public async Task Older_messages_of_ignored_users_do_not_count()
    {
        var carol = await Server.RegistersAsync("carol");
        await carol.JoinsAsync(_room);
        await Alice.SaysAsync(_room, "from alice");
        var last = await carol.SaysAsync(_room, "from carol");
        await Bob.SetsAccountDataAsync("m.ignored_user_list", new JsonObject
        {
            ["ignored_users"] = new JsonObject { [carol.UserId] = new JsonObject() },
        });
        await StopAsync();
        await SummedThroughAsync(Positions[last]);
        await SumAsync(Bob, 1, through: last);
        await SumAsync(Alice, 1, through: last);

        var counts = await CarryAsync(Parts);

        Assert.That(await CountsAsync(Bob), Is.EqualTo((1, 0)));
        Assert.That(await CountsAsync(Alice), Is.EqualTo((1, 0)));
        Assert.That(Differences(counts), Is.Zero, string.Join('\n', LeftOut));
    }

    [Test]
    public async Task What_a_receipt_covers_needs_no_marks()
    {
        var read = await Alice.SaysAsync(_room, "bob: read");
        var unread = await Alice.SaysAsync(_room, "bob: not read");
        await StopAsync();
        await SummedThroughAsync(Never);
        await ReceiptAsync(Bob, read);
        await ActionAsync(Bob, read, notifies: true, highlights: true);
        await ActionAsync(Bob, unread, notifies: true, highlights: true);

        var counts = await CarryAsync(Parts);

        Assert.That(await CountsAsync(Bob), Is.EqualTo((1, 1)));
        Assert.That(counts["unread"].Kinds["unread marks"].Written, Is.EqualTo(1));
        Assert.That(Differences(counts), Is.Zero, string.Join('\n', LeftOut));
    }

    [Test]
    public async Task A_thread_counts_by_its_own_receipt()
    {
        var root = await Alice.SaysAsync(_room, "root");
        var first = await SaysInAsync(root, "bob: first");
        var second = await SaysInAsync(root, "bob: second");
        var beside = await Alice.SaysAsync(_room, "beside");
        await StopAsync();
        await SummedThroughAsync(Never);
        await ReceiptAsync(Bob, beside, thread: "main");
        await ReceiptAsync(Bob, first, thread: root);
        await ActionAsync(Bob, first, notifies: true, highlights: true, thread: root);
        await ActionAsync(Bob, second, notifies: true, highlights: true, thread: root);

        var counts = await CarryAsync(Parts);

        Assert.That(await CountsAsync(Bob, root), Is.EqualTo((1, 1)));
        Assert.That(await CountsAsync(Bob), Is.EqualTo((0, 0)));
        Assert.That(Differences(counts), Is.Zero, string.Join('\n', LeftOut));
    }

    [Test]
    public async Task A_count_that_Synapse_had_otherwise_is_named()
    {
        var last = await Alice.SaysAsync(_room, "hello");
        await StopAsync();
        await SummedThroughAsync(Positions[last]);
        await SumAsync(Bob, 7, through: last);

        var counts = await CarryAsync(Parts);

        Assert.That(await CountsAsync(Bob), Is.EqualTo((1, 0)));
        Assert.That(Differences(counts), Is.EqualTo(1));
        Assert.That(LeftOut.Single().Subject, Is.EqualTo($"{Bob.UserId} in {_room}"));
        Assert.That(
            LeftOut.Single().Reason, Is.EqualTo("Synapse had 7. By push rules and receipts there are 1."));
    }

    [Test]
    public async Task The_counts_go_on_with_what_comes_after_the_import()
    {
        var highlighted = await Alice.SaysAsync(_room, "bob: are you there");
        await StopAsync();
        await SummedThroughAsync(Never);
        await ActionAsync(Bob, highlighted, notifies: true, highlights: true);
        await CarryAsync(Parts);

        var next = await Alice.SaysAsync(_room, "one more");
        Assert.That(await CountsAsync(Bob), Is.EqualTo((2, 1)));

        await Bob.ReadsAsync(_room, next);
        Assert.That(await CountsAsync(Bob), Is.EqualTo((0, 0)));
    }

    private static long Differences(IReadOnlyDictionary<string, PartCounts> counts) =>
        counts["unread"].Kinds.GetValueOrDefault("unread counts that differ")?.Written ?? 0;

    private Task<string> SaysInAsync(string root, string text) => Alice.SaysAsync(
        _room,
        text,
        content => content["m.relates_to"] = new JsonObject { ["rel_type"] = "m.thread", ["event_id"] = root });

    private async Task<(int, int)> CountsAsync(TestUser user, string? thread = null)
    {
        var sync = await user.SyncsAsync(filter: new JsonObject
        {
            ["room"] = new JsonObject { ["timeline"] = new JsonObject { ["unread_thread_notifications"] = true } },
        });
        return thread is null ? sync.Unread(_room) : sync.UnreadIn(_room, thread);
    }

    private async Task MuteAsync(TestUser user) => (await user.PutAsync(
        $"pushrules/global/room/{UserActions.Esc(_room)}", new JsonObject { ["actions"] = new JsonArray() })).Is(200);

    private Task SummedThroughAsync(long position) => Source.ExecuteAsync(string.Create(
        CultureInfo.InvariantCulture,
        $"INSERT INTO event_push_summary_stream_ordering (stream_ordering) VALUES ({position})"));

    private Task ReceiptAsync(TestUser user, string eventId, string? thread = null) => Source.InsertAsync(
        "receipts_linearized",
        ("stream_id", Positions[eventId]), ("room_id", _room), ("receipt_type", "m.read"), ("user_id", user.UserId),
        ("event_id", eventId), ("data", """{"ts": 1}"""), ("thread_id", thread));

    private Task ActionAsync(
        TestUser user, string eventId, bool notifies, bool highlights, string thread = "main") => Source.InsertAsync(
            "event_push_actions",
            ("room_id", _room), ("event_id", eventId), ("user_id", user.UserId), ("actions", ""),
            ("topological_ordering", 1), ("stream_ordering", Positions[eventId]), ("notif", notifies ? 1 : 0),
            ("highlight", highlights ? 1 : 0), ("unread", 0), ("thread_id", thread));

    private Task SumAsync(TestUser user, int count, string through) => Source.InsertAsync(
        "event_push_summary",
        ("user_id", user.UserId), ("room_id", _room), ("notif_count", count),
        ("stream_ordering", Positions[through]), ("unread_count", 0), ("thread_id", "main"));
}
