using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Rooms;

/// <summary>Redactions, and the redacted events. Client-Server API, "Redactions".</summary>
internal sealed class RedactionTests
{
    private TestServer _server = null!;
    private TestUser _alice = null!;

    [SetUp]
    public async Task Starts()
    {
        _server = await TestServer.StartAsync();
        _alice = await _server.RegistersAsync("alice");
    }

    [TearDown]
    public async Task Stops() => await _server.DisposeAsync();

    [TestCase("3")]
    [TestCase("10")]
    [TestCase("11")]
    [TestCase("12")]
    public async Task A_redaction_can_be_sent_as_any_other_event(string version)
    {
        var room = await _alice.CreatesRoomAsync(with: new JsonObject { ["room_version"] = version });
        var said = await _alice.SaysAsync(room, "oops");
        var redaction = await _alice.SendsAsync(room, "m.room.redaction", new JsonObject
        {
            ["redacts"] = said,
            ["reason"] = "typo",
        });

        var target = (await EventAsync(room, said)).Json;
        Assert.That(target["content"]!.AsObject(), Is.Empty);
        Assert.That((string?)target["unsigned"]!["redacted_because"]!["event_id"], Is.EqualTo(redaction));
        Assert.That((string?)target["unsigned"]!["redacted_because"]!["content"]!["reason"], Is.EqualTo("typo"));

        // In the federation format, the room version decides where a redaction names its event.
        var federation = new JsonObject { ["event_format"] = "federation" };
        var stored = (await _alice.SyncsAsync(filter: federation))
            .Timeline(room).Single(e => (string?)e["type"] == "m.room.redaction");
        var isInContent = version is "11" or "12";
        Assert.That((string?)stored["redacts"], Is.EqualTo(isInContent ? null : said));
        Assert.That((string?)stored["content"]!["redacts"], Is.EqualTo(isInContent ? said : null));
    }

    [TestCase("10")]
    [TestCase("12")]
    public async Task A_redaction_of_nonsense_is_refused(string version)
    {
        var room = await _alice.CreatesRoomAsync(with: new JsonObject { ["room_version"] = version });
        (await _alice.PutAsync($"rooms/{room}/send/m.room.redaction/1", new JsonObject { ["redacts"] = 1 }))
            .Is(400, "M_BAD_JSON");
        (await _alice.PutAsync($"rooms/{room}/send/m.room.redaction/2", new JsonObject { ["redacts"] = "nothing" }))
            .Is(400, "M_INVALID_PARAM");
    }

    [Test]
    public async Task A_redacted_event_has_no_edit_bundled_but_its_thread_and_references()
    {
        var room = await _alice.CreatesRoomAsync();
        var said = await _alice.SaysAsync(room, "teh");
        await _alice.SaysAsync(room, "the", Relating("m.replace", said, c => c["m.new_content"] = new JsonObject
        {
            ["body"] = "the",
        }));
        await _alice.SaysAsync(room, "in thread", Relating("m.thread", said));
        Assert.That((await EventAsync(room, said)).Json["unsigned"]!["m.relations"]!["m.replace"], Is.Not.Null);

        (await _alice.PutAsync($"rooms/{room}/redact/{said}/1")).Is(200);
        var bundled = (await EventAsync(room, said)).Json["unsigned"]!["m.relations"]!.AsObject();
        Assert.That(bundled.Select(member => member.Key), Is.EqualTo(new[] { "m.thread" }));
    }

    [Test]
    public async Task Redacted_children_leave_what_is_bundled_listed_and_counted()
    {
        var bob = await _server.RegistersAsync("bob");
        var room = await _alice.CreatesRoomAsync();
        await bob.JoinsAsync(room);
        var said = await bob.SaysAsync(room, "root");
        var kept = await bob.SaysAsync(room, "kept", Relating("m.thread", said));
        var keptReference = await bob.SaysAsync(room, "kept too", Relating("m.reference", said));
        var inThread = await _alice.SaysAsync(room, "gone", Relating("m.thread", said));
        var reference = await _alice.SaysAsync(room, "gone too", Relating("m.reference", said));
        var edit = await bob.SaysAsync(room, "* edit", Relating("m.replace", said, c => c["m.new_content"] =
            new JsonObject { ["body"] = "edit" }));
        Assert.That(await ThreadsAsync(), Is.EqualTo(new[] { said }));

        foreach (var gone in (string[])[inThread, reference, edit])
        {
            (await (gone == edit ? bob : _alice).PutAsync($"rooms/{room}/redact/{gone}/{gone[1..9]}")).Is(200);
        }

        var bundled = (await EventAsync(room, said)).Json["unsigned"]!["m.relations"]!.AsObject();
        Assert.That(bundled.Select(member => member.Key), Is.EquivalentTo(new[] { "m.reference", "m.thread" }));
        Assert.That((int)bundled["m.thread"]!["count"]!, Is.EqualTo(1));
        Assert.That((bool)bundled["m.thread"]!["current_user_participated"]!, Is.False);
        Assert.That((string?)bundled["m.thread"]!["latest_event"]!["event_id"], Is.EqualTo(kept));
        Assert.That(
            bundled["m.reference"]!["chunk"]!.AsArray().Select(each => (string?)each!["event_id"]),
            Is.EqualTo(new[] { keptReference }));
        var related = (await _alice.GetAsync($"/_matrix/client/v1/rooms/{room}/relations/{said}"))
            .Is(200).Json["chunk"]!.AsArray();
        Assert.That(
            related.Select(each => (string?)each!["event_id"]), Is.EqualTo(new[] { keptReference, kept }));
        Assert.That(await ThreadsAsync("?include=participated"), Is.Empty);

        (await bob.PutAsync($"rooms/{room}/redact/{kept}/last")).Is(200);
        Assert.That(await ThreadsAsync(), Is.Empty);

        async Task<IEnumerable<string?>> ThreadsAsync(string query = "") =>
            (await _alice.GetAsync($"/_matrix/client/v1/rooms/{room}/threads{query}"))
                .Is(200).Json["chunk"]!.AsArray().Select(each => (string?)each!["event_id"]);
    }

    [TestCase("1")]
    [TestCase("2")]
    [TestCase("3")]
    [TestCase("12")]
    public async Task A_redaction_of_what_is_not_in_the_room_needs_the_power_and_is_shown_to_nobody(string version)
    {
        var bob = await _server.RegistersAsync("bob");
        var room = await _alice.CreatesRoomAsync(with: new JsonObject { ["room_version"] = version });
        var other = await _alice.CreatesRoomAsync(with: new JsonObject { ["room_version"] = version });
        await bob.JoinsAsync(room);
        await bob.JoinsAsync(other);
        var elsewhere = await bob.SaysAsync(other, "elsewhere");
        var unseen = version is "1" or "2" ? $"$unseen:{TestServer.ServerName}" : "$" + new string('A', 43);
        var since = (await bob.SyncsAsync()).Next;

        foreach (var target in new[] { elsewhere, unseen })
        {
            (await bob.PutAsync($"rooms/{room}/redact/{UserActions.Esc(target)}/b")).Is(403, "M_FORBIDDEN");
            var redaction = (await _alice.PutAsync($"rooms/{room}/redact/{UserActions.Esc(target)}/a"))
                .Is(200).Member("event_id");
            Assert.That((await EventAsync(room, redaction)).Status, Is.EqualTo(404));
        }

        var said = await _alice.SaysAsync(room, "said");
        var sync = await bob.SyncsAsync(since);
        Assert.That(sync.Timeline(room).Select(e => (string?)e["event_id"]), Is.EqualTo(new[] { said }));
        Assert.That(sync.Unread(room), Is.EqualTo((1, 0)));
        Assert.That(
            (string?)(await bob.GetAsync($"rooms/{other}/event/{UserActions.Esc(elsewhere)}"))
                .Json["content"]!["body"],
            Is.EqualTo("elsewhere"));
        Assert.That(
            (await bob.GetAsync($"rooms/{room}/messages?dir=b&limit=3"))
                .Json["chunk"]!.AsArray().Select(e => (string?)e!["type"]),
            Has.None.EqualTo("m.room.redaction"));
    }

    private Task<Reply> EventAsync(string room, string id) =>
        _alice.GetAsync($"rooms/{room}/event/{UserActions.Esc(id)}");

    private static Action<JsonObject> Relating(string type, string to, Action<JsonObject>? more = null) => content =>
    {
        content["m.relates_to"] = new JsonObject { ["rel_type"] = type, ["event_id"] = to };
        more?.Invoke(content);
    };
}
