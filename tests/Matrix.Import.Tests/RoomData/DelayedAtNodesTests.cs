using Matrix.Host.Storage;
using Matrix.Import.RoomData;
using Matrix.Import.Runs;
using Matrix.Import.Tests.Sources;

namespace Matrix.Import.Tests.RoomData;

/// <summary>Delayed events that are imported, where the server then runs as several nodes.</summary>
[Category(TestDatabase.Postgres)]
internal sealed class DelayedAtNodesTests
{
    private const int Rooms = 8;

    private static CancellationToken Stop => CancellationToken.None;

    [Test]
    public async Task Each_imported_delayed_event_is_sent_once_by_one_of_the_nodes()
    {
        await using var cluster = await TestServer.StartNodesAsync(2);
        var alice = await cluster.RegistersAsync("alice");
        var rooms = new List<string>();
        for (var at = 0; at < Rooms; at++) rooms.Add(await alice.CreatesRoomAsync());
        await cluster.StopAsync();
        await using var synapse = await SmallSynapse.CreateAsync(TestDatabase.Sqlite, DelayedTable.Text);
        var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        foreach (var room in rooms)
        {
            await DelayAsync(synapse, room, "due", now - 3_600_000);
            await DelayAsync(synapse, room, "soon", now + 10_000);
            await DelayAsync(synapse, room, "later", now + 3_600_000);
        }

        await ImportAsync(synapse, cluster);
        await cluster.StartAgainAsync();

        foreach (var room in rooms)
        {
            await Until.HoldsAsync(async () => (await SentAsync(alice, room)).SequenceEqual(["due", "soon"]));
        }

        // What was sent is gone: neither node sends it again, after a start either.
        foreach (var node in cluster.Nodes) node.Ahead = TimeSpan.FromHours(2);
        await cluster.RestartAsync();
        foreach (var room in rooms)
        {
            await Until.HoldsAsync(async () => (await SentAsync(alice, room)).Contains("later"));
            Assert.That(await SentAsync(alice, room), Is.EqualTo(new[] { "due", "soon", "later" }));
        }
    }

    private static Task DelayAsync(SmallSynapse synapse, string room, string body, long sendAt) => synapse.InsertAsync(
        "delayed_events",
        ("delay_id", $"syd_{body}_{room}"), ("user_localpart", "alice"), ("delay", 60_000L), ("send_ts", sendAt),
        ("room_id", room), ("event_type", "m.room.message"),
        ("content", $$"""{"msgtype": "m.text", "body": "{{body}}"}"""), ("is_processed", false));

    private static async Task ImportAsync(SmallSynapse synapse, TestServer cluster)
    {
        await using var source = await synapse.OpenAsync();
        await using var target = await StorageEngine.OpenAsync(
            new StorageOptions
            {
                Url = cluster.Setting("database.url"),
                DataDir = cluster.Folder,
                ServerName = TestServer.ServerName,
            },
            Stop);
        var context = new ImportContext
        {
            Source = source,
            Target = target,
            ServerName = TestServer.ServerName,
            Choices = new ImportChoices(),
            Settings = new SourceSettings(),
        };
        var progress = new PartProgress(target.Writer, "delayed_events", before: null, static _ => { });
        await new DelayedEventsPart().RunAsync(context, progress, Stop);
        await progress.EndAsync(Stop);
        Assert.That(progress.Counts.AllLeftOut, Is.Zero);
    }

    private static async Task<List<string>> SentAsync(TestUser user, string room)
    {
        var reply = await user.GetAsync($"rooms/{UserActions.Esc(room)}/messages?dir=f&limit=100");
        return
        [
            .. reply.Is(200).Json["chunk"]!.AsArray().Select(static each => (string?)each!["content"]!["body"])
                .OfType<string>(),
        ];
    }
}
