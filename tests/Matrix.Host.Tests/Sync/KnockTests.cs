using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Sync;

/// <summary>Rooms that a user knocks on, in sync. Client-Server API, "Syncing": `Knocked Room`.</summary>
internal sealed class KnockTests
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
        _room = await _alice.CreatesRoomAsync(
            "private_chat", new JsonObject { ["name"] = "The den", ["topic"] = "Not for those outside" });
        await _alice.SetsAsync(_room, "m.room.join_rules", new JsonObject { ["join_rule"] = "knock" });
    }

    [TearDown]
    public async Task TearDown() => await _server.DisposeAsync();

    [Test]
    public async Task A_knock_is_shown_once_with_what_identifies_the_room()
    {
        var since = (await _bob.SyncsAsync()).Next;
        var wait = _bob.WaitsAsync(since);
        await KnocksAsync();

        var sync = await wait;
        Assert.That(sync.Knocked, Is.EqualTo(new[] { _room }));
        var state = sync.KnockState(_room);
        Assert.That(
            state.Select(each => (string)each["type"]!),
            Is.SupersetOf(new[] { "m.room.create", "m.room.join_rules", "m.room.name", "m.room.member" }));
        var own = state.Single(each => (string?)each["type"] == "m.room.member");
        Assert.That(
            ((string?)own["state_key"], (string?)own["sender"], (string?)own["content"]!["membership"],
                (string?)own["content"]!["reason"]),
            Is.EqualTo((_bob.UserId, _bob.UserId, "knock", "Let me in.")));
        foreach (var each in state)
        {
            Assert.That(
                each.Select(member => member.Key),
                Is.EquivalentTo(new[] { "content", "sender", "state_key", "type" }), "stripped");
        }

        Assert.That((await _bob.SyncsAsync(sync.Next)).Knocked, Is.Empty);
        Assert.That((await _bob.SyncsAsync()).Knocked, Is.EqualTo(new[] { _room }), "an initial sync has it");
        Assert.That((await _bob.SyncsAsync(sync.Next, "full_state=true")).Knocked, Is.EqualTo(new[] { _room }));
        Assert.That((await _alice.SyncsAsync()).Knocked, Is.Empty);
        var filter = new JsonObject { ["room"] = new JsonObject { ["not_rooms"] = new JsonArray(_room) } };
        Assert.That((await _bob.SyncsAsync(filter: filter)).Knocked, Is.Empty);
    }

    [Test]
    public async Task A_knock_that_was_made_while_nobody_looked_is_shown_after_a_restart()
    {
        var since = (await _bob.SyncsAsync()).Next;
        await KnocksAsync();
        await _server.RestartAsync();
        Assert.That((await _bob.SyncsAsync(since)).Knocked, Is.EqualTo(new[] { _room }));
    }

    [Test]
    public async Task Later_changes_of_the_room_are_not_shown()
    {
        await KnocksAsync();
        var since = (await _bob.SyncsAsync()).Next;
        await _alice.SetsAsync(_room, "m.room.name", new JsonObject { ["name"] = "Renamed" });
        await _alice.SaysAsync(_room, "who is that?");

        Assert.That((await _bob.SyncsAsync(since)).IsEmpty, Is.True);
        var state = (await _bob.SyncsAsync()).KnockState(_room);
        Assert.That(state.Select(each => (string?)each["content"]!["name"]), Does.Not.Contain("Renamed"));
    }

    [TestCase("leave")]
    [TestCase("kick")]
    [TestCase("ban")]
    public async Task A_knock_that_ends_is_left_with_that_event_only(string how)
    {
        var before = (await _bob.SyncsAsync()).Next;
        await KnocksAsync();
        var since = (await _bob.SyncsAsync(before)).Next;
        var wait = _bob.WaitsAsync(since);
        if (how == "leave") await _bob.LeavesAsync(_room);
        else if (how == "kick") await _alice.KicksAsync(_room, _bob);
        else await _alice.BansAsync(_room, _bob);

        foreach (var sync in new[] { await wait, await _bob.SyncsAsync(before) })
        {
            Assert.That(sync.Knocked, Is.Empty);
            Assert.That(sync.Left, Is.EqualTo(new[] { _room }));
            var end = sync.Timeline(_room).Single();
            Assert.That(
                ((string?)end["state_key"], (string?)end["sender"], (string?)end["content"]!["membership"]),
                Is.EqualTo((
                    _bob.UserId, how == "leave" ? _bob.UserId : _alice.UserId, how == "ban" ? "ban" : "leave")));
            Assert.That(sync.State(_room), Is.Empty);
        }

        var initial = await _bob.SyncsAsync();
        Assert.That((initial.Knocked.Count, initial.Left.Count), Is.EqualTo((0, 0)));
    }

    [Test]
    public async Task A_knock_that_is_answered_becomes_an_invite_and_then_a_room()
    {
        await KnocksAsync();
        var since = (await _bob.SyncsAsync()).Next;
        await _alice.InvitesAsync(_room, _bob);
        var sync = await _bob.WaitsAsync(since);
        Assert.That((sync.Knocked.Count, sync.Invited), Is.EqualTo((0, new[] { _room })));
        sync = await _bob.SyncsAsync();
        Assert.That((sync.Knocked.Count, sync.Invited), Is.EqualTo((0, new[] { _room })));

        await _bob.JoinsAsync(_room);
        sync = await _bob.SyncsAsync();
        Assert.That((sync.Knocked.Count, sync.Invited.Count, sync.Joined), Is.EqualTo((0, 0, new[] { _room })));
    }

    [Test]
    public async Task A_second_knock_after_a_refusal_is_shown()
    {
        await KnocksAsync();
        await _alice.KicksAsync(_room, _bob);
        var since = (await _bob.SyncsAsync()).Next;
        await KnocksAsync();
        Assert.That((await _bob.SyncsAsync(since)).Knocked, Is.EqualTo(new[] { _room }));
    }

    private async Task KnocksAsync() => (await _bob.PostAsync(
        $"knock/{UserActions.Esc(_room)}", new JsonObject { ["reason"] = "Let me in." })).Is(200);
}
