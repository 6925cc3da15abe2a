using System.Text.Json.Nodes;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Import.Deciding;

namespace Matrix.Import.Tests.Deciding;

/// <summary>Deciding stored events again.</summary>
[TestFixture(TestDatabase.Sqlite)]
[TestFixture(TestDatabase.Postgres, Category = TestDatabase.Postgres)]
internal sealed class RuleCheckTests(string kind)
{
    private TestDatabase _database = null!;

    private static CancellationToken Stop => CancellationToken.None;

    private string Url => kind == TestDatabase.Sqlite
        ? "sqlite:" + Path.Combine(_database.Folder, "matrix.db")
        : _database.Url;

    private StorageOptions Options => new()
    {
        Url = Url,
        DataDir = _database.Folder,
        ServerName = TestServer.ServerName,
    };

    [SetUp]
    public async Task MakeDatabase() => _database = await TestDatabase.CreateAsync(kind);

    [TearDown]
    public async Task DropDatabase() => await _database.DisposeAsync();

    [Test]
    public async Task Every_event_of_every_version_is_decided_as_it_was()
    {
        await FillAsync(["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"]);

        var progress = await CheckAsync(new RuleCheckProgress());

        Assert.That(progress.Differing, Is.Empty);
        Assert.That(progress.Versions.Values.Sum(static count => count.Undecidable), Is.Zero);
        Assert.That(progress.Versions.Keys, Has.Count.EqualTo(12));
        Assert.That(progress.Versions.Values.Select(static count => count.Decided), Has.All.GreaterThan(10));
    }

    [Test]
    public async Task A_verdict_that_differs_is_listed_with_the_clause()
    {
        await FillAsync(["11"]);
        var topic = await RemarkAsync(static pdu => pdu.Type == "m.room.topic", EventMarks.State | EventMarks.Rejected);

        var differing = (await CheckAsync(new RuleCheckProgress())).Differing.Single();

        Assert.That(differing.EventId, Is.EqualTo(topic));
        Assert.That(
            (differing.Synapse, differing.Ours), Is.EqualTo((RuleVerdict.Rejected, RuleVerdict.Accepted)));
    }

    [Test]
    public async Task A_check_goes_on_after_the_last_page()
    {
        await FillAsync(["11"]);
        var progress = await CheckAsync(new RuleCheckProgress());
        var all = progress.Versions["11"].Decided;

        progress.GoTo(1, progress.Ordinal);
        var again = await CheckAsync(RuleCheckProgress.Of(progress.ToText()));

        Assert.That(again.Versions["11"].Decided, Is.EqualTo(2 * all), "It began again at the room's first event.");
        progress.GoTo(2, 0);
        var rest = await CheckAsync(RuleCheckProgress.Of(progress.ToText()));
        Assert.That(rest.Versions["11"].Decided, Is.EqualTo(all), "No room was left.");
    }

    private async Task FillAsync(IReadOnlyList<string> versions)
    {
        await using var server = await TestServer.StartAsync(("database.url", Url));
        var alice = await server.RegistersAsync("alice");
        var bob = await server.RegistersAsync("bob");
        foreach (var version in versions)
        {
            var created = await alice.PostAsync(
                "createRoom", new JsonObject { ["preset"] = "public_chat", ["room_version"] = version });
            var room = created.Is(200).Member("room_id");
            (await bob.PostAsync($"rooms/{room}/join")).Is(200);
            for (var i = 0; i < 3; i++)
            {
                (await bob.PutAsync(
                    $"rooms/{room}/send/m.room.message/{i}",
                    new JsonObject { ["msgtype"] = "m.text", ["body"] = "hello" })).Is(200);
            }

            (await alice.PutAsync($"rooms/{room}/state/m.room.topic", new JsonObject { ["topic"] = "t" })).Is(200);
            (await bob.PostAsync($"rooms/{room}/leave")).Is(200);
        }
    }

    private async Task<RuleCheckProgress> CheckAsync(RuleCheckProgress progress)
    {
        await using var storage = await StorageEngine.InspectAsync(Options, Stop);
        await new RuleCheck(storage).RunAsync(progress, static () => Task.CompletedTask, Stop);
        return progress;
    }

    private async Task<string> RemarkAsync(Func<Core.Event.Pdu, bool> which, EventMarks marks)
    {
        await using var storage = await StorageEngine.OpenAsync(Options, Stop);
        var room = (await storage.Rooms.ListAsync(default, 1, Stop))[0];
        var rows = await storage.Events.RangeAsync(
            room.Nid, EventNid.FirstOf(room.Nid), null, Direction.Forward, 100, EventMarks.None, Stop);
        var row = rows.Single(each => which(new StoredEvent(room.Identity, each).Pdu));
        await storage.Writer.WriteAsync(
            new WriteBatch(Authority.Room(room.RoomId)).Add(new EventMarksChanged(row.Nid, marks)), Stop);
        return row.EventId;
    }
}
