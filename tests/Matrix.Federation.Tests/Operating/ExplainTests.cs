using Matrix.Core.Event;
using Matrix.Federation.Tests.Support;
using Matrix.Processes;

namespace Matrix.Federation.Tests.Operating;

/// <summary>`mx explain` and `mx room graph`, on the database of a running server.</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
public sealed class ExplainTests(string databaseKind) : DatabaseTests(databaseKind)
{
    private PeerServer _peer = null!;
    private TestServer _server = null!;
    private TestUser _alice = null!;
    private PeerRoom _room = null!;

    [OneTimeSetUp]
    public async Task SetUpAsync()
    {
        _peer = await PeerServer.StartAsync();
        _server = await TestServer.StartFederatingAsync(await NewDatabaseAsync());
        _alice = await _server.RegistersAsync("alice");
    }

    [SetUp]
    public async Task JoinAsync()
    {
        _peer.Fails = 0;
        _room = await _peer.Peer.JoinsAsync(_server, await _alice.CreatesRoomAsync(version: "11"), "bob");
        _peer.Rooms[_room.RoomId] = _room;
    }

    [OneTimeTearDown]
    public async Task TearDownAsync()
    {
        await _server.DisposeAsync();
        await _peer.DisposeAsync();
    }

    [Test]
    public async Task An_accepted_event_is_explained_with_the_clause_of_each_check()
    {
        var said = _room.Says("bob", "hello");
        await SendAsync(said);

        var ran = await RunAsync("explain", said.EventId, "--format", "json");

        Assert.That(ran.Code, Is.Zero, ran.Errors);
        var checks = ran.Json.GetProperty("checks").EnumerateArray().ToArray();
        Assert.That(ran.Json.GetProperty("verdict").GetString(), Is.EqualTo("accepted"));
        Assert.That(ran.Json.GetProperty("rests_on_trust").GetString(), Is.EqualTo("nothing"));
        Assert.That(
            checks.Select(check => check.GetProperty("against").GetString()),
            Is.EqualTo(new[] { "its auth events", "the state before it" }));
        Assert.That(checks.Select(check => check.GetProperty("allowed").GetBoolean()), Is.All.True);
        Assert.That(
            checks[1].GetProperty("state").EnumerateArray().Select(each => each.GetProperty("type").GetString()),
            Is.EquivalentTo(new[] { "m.room.create", "m.room.power_levels", "m.room.member" }));
    }

    [Test]
    public async Task A_rejected_event_is_explained_with_what_is_supplied_and_what_is_required()
    {
        var topic = _room.Makes("bob", "m.room.topic", "", new() { ["topic"] = "mine" });
        await SendAsync(topic);

        var text = await RunAsync("explain", topic.EventId);
        var json = await RunAsync("explain", topic.EventId, "--format", "json");

        Assert.That(text.Code, Is.EqualTo(1), text.Errors);
        Assert.That(text.Output, Does.Contain("verdict: rejected\n").And.Contain("Against its auth events"));
        var refused = json.Json.GetProperty("refused_by").GetString();
        var check = json.Json.GetProperty("checks")[0];
        Assert.That(refused, Is.EqualTo(check.GetProperty("clause").GetString()), "decided again as it was decided");
        Assert.That(
            (check.GetProperty("supplied").GetString(), check.GetProperty("required").GetString()),
            Is.EqualTo(("0", "50")));
    }

    [Test]
    public async Task A_soft_failed_event_is_explained_by_the_current_state_and_drawn()
    {
        await _alice.BansAsync(_room.RoomId, _room.User("bob"));
        var late = _room.Says("bob", "from before the ban");
        await SendAsync(late);
        var file = Path.Combine(_server.Folder, "graph.svg");

        var explained = await RunAsync("explain", late.EventId, "--format", "json");
        var drawn = await RunAsync("room", "graph", _room.RoomId, "--svg", file);
        var listed = await RunAsync("room", "graph", _room.RoomId, "--format", "json");

        Assert.That(explained.Json.GetProperty("verdict").GetString(), Is.EqualTo("soft-failed"));
        var checks = explained.Json.GetProperty("checks").EnumerateArray().ToArray();
        Assert.That(
            checks.Select(check => check.GetProperty("allowed").GetBoolean()),
            Is.EqualTo(new[] { true, true, false }));
        Assert.That(
            explained.Json.GetProperty("refused_by").GetString(),
            Is.EqualTo(checks[2].GetProperty("clause").GetString()));
        Assert.That(drawn.Code, Is.Zero, drawn.Errors);
        var picture = await File.ReadAllTextAsync(file);
        Assert.That(picture, Does.Contain("soft-failed").And.Contain("extremity").And.Contain("m.room.member"));
        var marks = listed.Json.GetProperty("events").EnumerateArray().ToDictionary(
            each => each.GetProperty("event_id").GetString()!, each => each.GetProperty("marks").GetString());
        Assert.That(marks[late.EventId], Is.EqualTo("soft-failed"));
    }

    [Test]
    public async Task An_event_that_waits_is_found()
    {
        _peer.Fails = int.MaxValue;
        _ = _room.Says("bob", "missing");
        var waits = _room.Says("bob", "waits");
        await SendAsync(waits);

        var ran = await RunAsync("explain", waits.EventId);

        Assert.That(ran.Code, Is.EqualTo(1), ran.Errors);
        Assert.That(ran.Output, Does.Contain("it waits for earlier events").And.Contain(_peer.Peer.Name));
    }

    [Test]
    public async Task What_is_not_here_is_said_in_one_line()
    {
        var explained = await RunAsync("explain", "$nothing");
        var drawn = await RunAsync("room", "graph", "#none:here");

        Assert.That(
            (explained.Code, explained.Errors),
            Is.EqualTo((1, "mx: $nothing: this server does not have this event\n")));
        Assert.That(
            (drawn.Code, drawn.Errors), Is.EqualTo((1, "mx: #none:here: this server does not have this room\n")));
    }

    private static string Escape(string text) => Uri.EscapeDataString(text);

    private async Task SendAsync(params Pdu[] events) =>
        (await _room.SendAsync(_server, Guid.NewGuid().ToString("n"), events)).Is(200);

    private Task<Ran> RunAsync(params string[] arguments) =>
        Command.RunInAsync(_server.Variables, "", arguments);
}
