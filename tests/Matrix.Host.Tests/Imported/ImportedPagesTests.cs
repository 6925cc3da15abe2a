using System.Buffers.Text;
using System.Text;
using System.Text.Json.Nodes;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Events;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Imported;

/// <summary>Pages of rooms that begin at tokens of Synapse.</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed class ImportedPagesTests(string kind)
{
    private const string Others = "_4_0_1_1_1_1_1_0_1_1_1_1_1";

    private readonly List<(string Id, EventRow Row, long Depth)> _said = [];
    private ImportedServer _imported = null!;
    private TestUser _alice = null!;
    private string _room = null!;

    [SetUp]
    public async Task StartAsync()
    {
        _said.Clear();
        _imported = await ImportedServer.StartAsync(kind);
        _alice = await _imported.Server.RegistersAsync("alice");
        _room = await _alice.CreatesRoomAsync();
        for (var n = 0; n < 6; n++) await SaysAsync($"{n}");
    }

    [TearDown]
    public async Task StopAsync() => await _imported.DisposeAsync();

    [Test]
    public async Task A_page_goes_on_at_the_end_of_one_that_Synapse_gave()
    {
        await _imported.ImportAsync();
        var (_, row, depth) = _said[3];

        // Synapse gave a page back to 3: its end is the place before that event.
        foreach (var end in (string[])[$"t{depth}-{row.Position - 1}{Others}", $"t{depth}-{row.Position - 1}"])
        {
            Assert.That(await BackAsync(end, 2), Is.EqualTo(new[] { "2", "1" }));
        }

        // And one forward to 3: its end is the place after it.
        Assert.That(await ForwardAsync($"t{depth}-{row.Position}{Others}"), Is.EqualTo(new[] { "4", "5" }));
    }

    [Test]
    public async Task A_page_begins_before_a_timeline_or_after_it()
    {
        await _imported.ImportAsync();
        var position = _said[3].Row.Position;
        foreach (var token in (string[])[$"s{position}{Others}", $"s{position}", $"m{position}~{Others}"])
        {
            Assert.That(await BackAsync(token, 2), Is.EqualTo(new[] { "3", "2" }));
            Assert.That(await ForwardAsync(token), Is.EqualTo(new[] { "4", "5" }));
        }

        // Of several writers, some were ahead: nothing of theirs is left out, in either direction.
        var clock = $"m{position}~2.{_said[4].Row.Position}{Others}";
        Assert.That(await BackAsync(clock, 2), Is.EqualTo(new[] { "4", "3" }));
        Assert.That(await ForwardAsync(clock), Is.EqualTo(new[] { "4", "5" }));
    }

    [Test]
    public async Task A_page_ends_at_a_token_of_Synapse()
    {
        await _imported.ImportAsync();
        var (_, row, depth) = _said[2];
        var page = await PageAsync($"dir=b&limit=50&to=t{depth}-{row.Position}{Others}");
        Assert.That(page, Is.EqualTo(new[] { "5", "4", "3" }));
        page = await PageAsync($"dir=f&limit=50&from=s{_said[0].Row.Position}&to=s{row.Position}");
        Assert.That(page, Is.EqualTo(new[] { "1", "2" }));
    }

    [Test]
    public async Task From_0_is_from_the_beginning_of_the_room()
    {
        await _imported.ImportAsync();
        Assert.That(await ForwardAsync($"s0{Others}"), Is.EqualTo(new[] { "0", "1", "2", "3", "4", "5" }));
    }

    [Test]
    public async Task An_event_that_came_late_with_a_small_depth_is_not_left_out()
    {
        // Synapse pages by depth: after 5 comes a fork's event, which arrived last, and was not returned yet.
        var fork = await CopiedAsync("fork", _said[^1].Row, depth: _said[1].Depth, _said[^1].Row.Nid.Value + 1);
        await _imported.ImportAsync((ImportedServer.Past, fork));

        var (_, row, depth) = _said[4];
        var seen = $"t{depth}-{row.Position - 1}{Others}";
        Assert.That(await BackAsync(seen, 50), Does.Contain("fork").And.Contain("3").And.Contain("0"));
        Assert.That(await ForwardAsync($"t{_said[1].Depth}-{_said[1].Row.Position}{Others}"),
            Is.EqualTo(new[] { "2", "3", "4", "5", "fork" }));
    }

    [Test]
    public async Task History_goes_on_by_depth_and_arrival()
    {
        // In the order of their depths and arrivals, the earliest first; the ordinals have free numbers.
        (long Depth, long Position)[] history = [(1, -9), (2, -12), (2, -8), (2, -3), (5, -30), (6, -2)];
        var first = EventNid.FirstLiveOf(_said[0].Row.Nid.Room).Value - 100;
        var past = new List<(long, Change)>();
        foreach (var (depth, position) in history)
        {
            var nid = first + (past.Count * 7);
            past.Add((
                position,
                await CopiedAsync($"h{past.Count}", _said[0].Row, depth, nid, EventMarks.Backfilled)));
        }

        await _imported.ImportAsync([.. past]);

        string[] all = ["h0", "h1", "h2", "h3", "h4", "h5"];
        for (var at = 0; at < history.Length; at++)
        {
            var (depth, position) = history[at];
            Assert.That(
                await BackAsync($"t{depth}-{position - 1}{Others}", 50), Is.EqualTo(all[..at].Reverse()), all[at]);
            Assert.That(
                await ForwardAsync($"t{depth}-{position}{Others}"),
                Is.EqualTo((string[])[.. all[(at + 1)..], "0", "1", "2", "3", "4", "5"]),
                all[at]);
        }

        // From the live events into history.
        var (_, row, live) = _said[0];
        Assert.That(
            await BackAsync($"t{live}-{row.Position - 1}{Others}", 50), Is.EqualTo(all.Reverse()));
    }

    [Test]
    public async Task Relations_threads_members_and_notifications_go_on()
    {
        var root = _said[0].Id;
        for (var n = 0; n < 3; n++) await SaysAsync($"in {n}", root);
        var second = _said[1].Id;
        await SaysAsync("in the second", second);
        var bob = await _imported.Server.RegistersAsync("bob");
        await bob.JoinsAsync(_room);
        await SaysAsync("to bob");
        await SaysAsync("to bob again");
        await _imported.ImportAsync();
        var room = UserActions.Esc(_room);

        var (_, row, depth) = _said.Single(each => each.Row.Json.Span.IndexOf("in 1"u8) > 0);
        var from = $"t{depth}-{row.Position - 1}{Others}";
        var children = await _alice.GetAsync(
            $"/_matrix/client/v1/rooms/{room}/relations/{UserActions.Esc(root)}?from={from}");
        Assert.That(Bodies(children.Is(200)), Is.EqualTo(new[] { "in 0" }));

        // The first page had the second thread, whose latest event this names.
        var (_, latest, at) = _said.Single(each => each.Row.Json.Span.IndexOf("in the second"u8) > 0);
        var threads = await _alice.GetAsync($"/_matrix/client/v1/rooms/{room}/threads?from={at}_{latest.Position}");
        Assert.That(Bodies(threads.Is(200)), Is.EqualTo(new[] { "0" }));

        var members = await _alice.GetAsync($"rooms/{room}/members?at=s{latest.Position}{Others}");
        Assert.That(
            members.Is(200).Json["chunk"]!.AsArray().Select(each => (string?)each!["state_key"]),
            Is.EqualTo(new[] { _alice.UserId }));

        var notifications = await bob.GetAsync($"notifications?from={_said[^1].Row.Position}");
        Assert.That(
            notifications.Is(200).Json["notifications"]!.AsArray()
                .Select(each => (string?)each!["event"]!["content"]!["body"]),
            Is.EqualTo(new[] { "to bob" }));
        (await bob.GetAsync("notifications?from=1000000001")).Is(400, "M_INVALID_PARAM");
    }

    [TestCase("s1000000001")]
    [TestCase("t5-1000000001")]
    [TestCase("m5~2.1000000001")]
    [TestCase("nonsense")]
    public async Task A_place_that_Synapse_did_not_name_is_refused(string token)
    {
        await _imported.ImportAsync();
        (await _alice.GetAsync($"rooms/{UserActions.Esc(_room)}/messages?dir=b&from={token}"))
            .Is(400, "M_INVALID_PARAM");
    }

    private async Task SaysAsync(string text, string? root = null)
    {
        var id = await _alice.SaysAsync(_room, text, content =>
        {
            if (root is null) return;
            content["m.relates_to"] = new JsonObject { ["rel_type"] = "m.thread", ["event_id"] = root };
        });
        var row = await _imported.RowOfAsync(id);
        _said.Add((id, row, (long)JsonNode.Parse(row.Json.Span)!["depth"]!));
    }

    /// <summary>An event like another one, with its own text, depth and number.</summary>
    private async Task<EventsAppended> CopiedAsync(
        string text, EventRow like, long depth, long nid, EventMarks marks = EventMarks.None)
    {
        var json = JsonNode.Parse(like.Json.Span)!.AsObject();
        json["depth"] = depth;
        json["content"]!["body"] = text;
        var rooms = _imported.Server.Services.GetRequiredService<RoomSnapshots>();
        var room = (await rooms.FindAsync(like.Nid.Room, default))!.Room;
        var id = "$" + Base64Url.EncodeToString(Encoding.ASCII.GetBytes(text.PadLeft(32)));
        return new EventsAppended(room, [new StoredEvent(room, new EventRow(
            new EventNid(nid), id, 0, like.Step, marks, 0, like.Sender, EventNid.None, EventNid.None, null,
            Encoding.UTF8.GetBytes(json.ToJsonString())))]);
    }

    private Task<string[]> BackAsync(string from, int limit) => PageAsync($"dir=b&limit={limit}&from={from}");

    private Task<string[]> ForwardAsync(string from) => PageAsync($"dir=f&limit=50&from={from}");

    private async Task<string[]> PageAsync(string query) =>
        Bodies((await _alice.GetAsync($"rooms/{UserActions.Esc(_room)}/messages?{query}")).Is(200));

    private static string[] Bodies(Reply reply) =>
    [
        .. reply.Json["chunk"]!.AsArray().Select(each => (string?)each!["content"]!["body"]).OfType<string>(),
    ];
}
