using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Sync;

/// <summary>Lazy-loaded members. Client-Server API, "Lazy-loading room members".</summary>
internal sealed class LazyLoadingTests
{
    private TestServer _server = null!;
    private TestUser _alice = null!;
    private TestUser[] _others = null!;
    private string _room = null!;

    [SetUp]
    public async Task SetUp()
    {
        _server = await TestServer.StartAsync();
        _alice = await _server.RegistersAsync("alice");
        _room = await _alice.CreatesRoomAsync(with: new JsonObject { ["name"] = "Kitchen" });
        var others = new List<TestUser>();
        for (var i = 0; i < 5; i++)
        {
            others.Add(await _server.RegistersAsync($"u{i}"));
            await others[^1].JoinsAsync(_room);
        }

        _others = [.. others];
        for (var i = 0; i < 20; i++) await _alice.SaysAsync(_room, $"m{i}");
    }

    [TearDown]
    public async Task TearDown() => await _server.DisposeAsync();

    [Test]
    public async Task An_initial_sync_has_the_senders_and_oneself()
    {
        var sync = await _others[0].SyncsAsync(filter: Lazy());
        Assert.That(Members(sync), Is.EquivalentTo(new[] { _alice.UserId, _others[0].UserId }));
        Assert.That(sync.State(_room).Select(SyncReply.KeyOf), Does.Contain("m.room.create|"));
    }

    [Test]
    public async Task A_redacted_member_after_whom_a_room_is_named_is_redacted()
    {
        var room = await _alice.CreatesRoomAsync();
        foreach (var other in _others)
        {
            (await other.PutAsync(
                $"profile/{other.UserId}/displayname", new JsonObject { ["displayname"] = "rude" })).Is(200);
            await other.JoinsAsync(room);
        }

        string? NameOf(SyncReply sync) => (string?)sync.State(room)
            .Single(each => SyncReply.KeyOf(each) == $"m.room.member|{_others[0].UserId}")!["content"]!["displayname"];
        var filter = Lazy();
        filter["room"]!["timeline"] = new JsonObject { ["limit"] = 1 };
        Assert.That(NameOf(await _alice.SyncsAsync(filter: filter)), Is.EqualTo("rude"));
        var member = (await _alice.GetAsync($"rooms/{room}/state/m.room.member/{_others[0].UserId}?format=event"))
            .Is(200).Member("event_id");
        (await _alice.PutAsync($"rooms/{room}/redact/{member}/1", new JsonObject())).Is(200);
        Assert.That(NameOf(await _alice.SyncsAsync(filter: filter)), Is.Null);
    }

    [Test]
    public async Task A_sender_is_told_once_and_again_if_the_answer_was_lost()
    {
        var sync = await _alice.SyncsAsync(filter: Lazy());
        await _others[1].SaysAsync(_room, "first");
        var first = await _alice.SyncsAsync(sync.Next, filter: Lazy());
        Assert.That(Members(first), Is.EqualTo(new[] { _others[1].UserId }));
        var again = await _alice.SyncsAsync(sync.Next, filter: Lazy());
        Assert.That(Members(again), Is.EqualTo(new[] { _others[1].UserId }), "That answer may have been lost.");

        await _others[1].SaysAsync(_room, "second");
        var second = await _alice.SyncsAsync(again.Next, filter: Lazy());
        Assert.That(Members(second), Is.Empty);
        await _others[1].SaysAsync(_room, "third");
        Assert.That(
            Members(await _alice.SyncsAsync(second.Next, filter: Lazy(redundant: true))),
            Is.EqualTo(new[] { _others[1].UserId }));
    }

    [Test]
    public async Task Members_that_changed_in_a_gap_are_sent_even_if_they_did_not_speak()
    {
        var since = (await _alice.SyncsAsync(filter: Lazy())).Next;
        await _others[2].LeavesAsync(_room);
        for (var i = 0; i < 25; i++) await _alice.SaysAsync(_room, "x");
        var sync = await _alice.SyncsAsync(since, filter: Lazy());
        Assert.That(sync.IsLimited(_room), Is.True);
        Assert.That(Members(sync), Does.Contain(_others[2].UserId));
    }

    [Test]
    public async Task A_room_without_a_name_has_heroes()
    {
        var room = await _alice.CreatesRoomAsync();
        foreach (var user in _others) await user.JoinsAsync(room);
        for (var i = 0; i < 20; i++) await _alice.SaysAsync(room, "x");
        var sync = await _alice.SyncsAsync(filter: Lazy());
        var heroes = sync.Room(room)["summary"]!["m.heroes"]!.AsArray().Select(h => (string)h!).ToArray();
        Assert.That(heroes, Is.EqualTo(_others.Select(o => o.UserId)));
        var members =
            sync.State(room).Where(e => (string?)e["type"] == "m.room.member").Select(e => (string)e["state_key"]!);
        Assert.That(members, Is.SupersetOf(heroes));
        Assert.That(sync.Room(_room)["summary"]!["m.heroes"], Is.Null, "That room has a name.");
    }

    [Test]
    public async Task A_room_that_loses_its_name_gets_heroes()
    {
        var room = await _alice.CreatesRoomAsync(with: new JsonObject { ["name"] = "Kitchen" });
        foreach (var user in _others) await user.JoinsAsync(room);
        for (var i = 0; i < 20; i++) await _alice.SaysAsync(room, "x");
        var since = (await _alice.SyncsAsync(filter: Lazy())).Next;

        await _alice.SetsAsync(room, "m.room.name", []);
        var sync = await _alice.SyncsAsync(since, filter: Lazy());
        var heroes = sync.Room(room)["summary"]!["m.heroes"]!.AsArray().Select(h => (string)h!).ToArray();
        Assert.That(heroes, Is.EqualTo(_others.Select(o => o.UserId)));
        Assert.That(sync.State(room).Select(e => (string)e["state_key"]!), Is.SupersetOf(heroes));
    }

    [Test]
    public async Task A_knocking_user_is_no_hero()
    {
        var room = await _alice.CreatesRoomAsync("private_chat");
        await _alice.SetsAsync(room, "m.room.join_rules", new JsonObject { ["join_rule"] = "knock" });
        await _others[0].SetsAsync(room, "m.room.member", new JsonObject
        {
            ["membership"] = "knock",
        }, _others[0].UserId);
        Assert.That((await _alice.SyncsAsync()).Room(room)["summary"]!["m.heroes"]!.AsArray(), Is.Empty);
    }

    private static JsonObject Lazy(bool redundant = false) => new()
    {
        ["room"] = new JsonObject
        {
            ["state"] = new JsonObject { ["lazy_load_members"] = true, ["include_redundant_members"] = redundant },
        },
    };

    private string[] Members(SyncReply sync) =>
        [.. sync.State(_room).Where(e => (string?)e["type"] == "m.room.member").Select(e => (string)e["state_key"]!)];
}
