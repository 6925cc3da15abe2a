using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Typing;

/// <summary>Typing as clients see it. Client-Server API, "Typing Notifications".</summary>
internal sealed class TypingTests
{
    private TestServer _server = null!;
    private TestUser _alice = null!;
    private TestUser _bob = null!;
    private string _room = null!;

    [SetUp]
    public async Task SetUp()
    {
        _server = await TestServer.StartAsync();
        _alice = await _server.RegistersAsync("alice");
        _bob = await _server.RegistersAsync("bob");
        _room = await _alice.CreatesRoomAsync();
        await _bob.JoinsAsync(_room);
    }

    [TearDown]
    public async Task TearDown() => await _server.DisposeAsync();

    [Test]
    public async Task Others_see_who_types_and_that_they_stop()
    {
        var sync = await _alice.SyncsAsync();
        var wait = _alice.WaitsAsync(sync.Next);
        await _bob.TypesAsync(_room);
        sync = await wait;
        Assert.That(Typists(sync), Is.EqualTo(new[] { _bob.UserId }));
        Assert.That(sync.Timeline(_room), Is.Empty);
        Assert.That(
            Typists(await _alice.SyncsAsync()),
            Is.EqualTo(new[] { _bob.UserId }),
            "An initial sync has it as well.");

        await _bob.TypesAsync(_room, typing: false);
        Assert.That(Typists(await _alice.SyncsAsync(sync.Next)), Is.Empty);
    }

    [Test]
    public async Task Typing_stops_by_itself_and_when_its_user_leaves()
    {
        var sync = await _alice.SyncsAsync();
        await _bob.TypesAsync(_room, timeout: 400);
        sync = await _alice.SyncsAsync(sync.Next);
        // The time may be up by now.
        if (Typists(sync).Length > 0) sync = await _alice.WaitsAsync(sync.Next);
        Assert.That(Typists(sync), Is.Empty);

        await _bob.TypesAsync(_room);
        sync = await _alice.SyncsAsync();
        await _bob.LeavesAsync(_room);
        Assert.That(Typists(await _alice.SyncsAsync(sync.Next)), Is.Empty);
    }

    [Test]
    public async Task Typing_for_another_or_elsewhere_is_refused()
    {
        string Path(string room, TestUser user) =>
            $"rooms/{UserActions.Esc(room)}/typing/{UserActions.Esc(user.UserId)}";
        var typing = new JsonObject { ["typing"] = true, ["timeout"] = 1000 };
        (await _bob.PutAsync(Path(_room, _alice), typing)).Is(403, "M_FORBIDDEN");
        (await _bob.PutAsync(Path(await _alice.CreatesRoomAsync(), _bob), typing)).Is(403, "M_FORBIDDEN");
        (await _bob.PutAsync(Path(_room, _bob))).Is(400, "M_BAD_JSON");
        (await _bob.PutAsync(Path(_room, _bob), new JsonObject { ["typing"] = "yes" })).Is(400, "M_BAD_JSON");
        (await _bob.PutAsync(Path(_room, _bob), new JsonObject { ["typing"] = true, ["timeout"] = -1 }))
            .Is(400, "M_INVALID_PARAM");
        Assert.That(
            (await _bob.PutAsync(Path(_room, _bob), new JsonObject { ["typing"] = true })).Status,
            Is.EqualTo(200));
    }

    private string[] Typists(SyncReply sync) => [.. sync.Ephemeral(_room)
        .Single(e => (string?)e["type"] == "m.typing")["content"]!["user_ids"]!.AsArray().Select(u => (string)u!)];
}
