using System.Text.Json.Nodes;
using Matrix.Host.Storage;

namespace Matrix.Host.Tests.Reading;

/// <summary>An erased user's events are whole for members of that time, and redacted for later members.</summary>
internal sealed class ErasureTests
{
    private const string Secret = "what eve said";

    private TestServer _server = null!;
    private TestUser _eve = null!;
    private TestUser _bob = null!;
    private int _txn;

    [SetUp]
    public async Task Starts()
    {
        _server = await TestServer.StartAsync();
        _eve = await _server.RegistersAsync("eve");
        _bob = await _server.RegistersAsync("bob");
    }

    [TearDown]
    public async Task Stops() => await _server.DisposeAsync();

    [Test]
    public async Task A_user_who_joins_after_an_erasure_gets_redacted_copies_and_earlier_members_do_not()
    {
        var dave = await _server.RegistersAsync("dave");
        var carol = await _server.RegistersAsync("carol");
        var room =
            (await _eve.PostAsync("createRoom", new JsonObject { ["preset"] = "public_chat", ["name"] = "Eve's room" }))
                .Is(200).Member("room_id");
        (await _bob.PostAsync($"rooms/{room}/join")).Is(200);
        var said = await SaysAsync(_eve, room, null);
        var root = await SaysAsync(_bob, room, null, "a root of bob's");
        var answer = await SaysAsync(_eve, room, Relates("m.thread", root));
        await SaysAsync(_eve, room, Relates("m.replace", answer));
        (await dave.PostAsync($"rooms/{room}/join")).Is(200);

        await ErasesAsync(_eve);
        (await carol.PostAsync($"rooms/{room}/join")).Is(200);
        await IsErasedForCarolOnlyAsync();
        await _server.RestartAsync();
        await IsErasedForCarolOnlyAsync();

        async Task IsErasedForCarolOnlyAsync()
        {
            foreach (var path in (string[])[
                $"rooms/{room}/messages?dir=b&limit=50",
                $"rooms/{room}/event/{said}",
                $"rooms/{room}/context/{said}",
                $"rooms/{room}/event/{answer}",
                $"rooms/{room}/event/{root}",
                $"/_matrix/client/v1/rooms/{room}/relations/{root}",
                $"/_matrix/client/v1/rooms/{room}/threads",
                "sync"])
            {
                Assert.That((await _bob.GetAsync(path)).Is(200).Text, Does.Contain(Secret), "bob: " + path);
                Assert.That((await dave.GetAsync(path)).Is(200).Text, Does.Contain(Secret), "dave: " + path);
                Assert.That((await carol.GetAsync(path)).Is(200).Text, Does.Not.Contain(Secret), "carol: " + path);
            }

            var copy = (await carol.GetAsync($"rooms/{room}/event/{said}")).Is(200);
            Assert.That(copy.Member("sender"), Is.EqualTo(_eve.UserId));
            Assert.That(copy.Json["content"]!.AsObject(), Is.Empty);
            Assert.That(
                (await carol.GetAsync($"rooms/{room}/state/m.room.name")).Is(200).Member("name"),
                Is.EqualTo("Eve's room"),
                "state stays");
            Assert.That(
                (await carol.GetAsync($"rooms/{room}/messages?dir=b&limit=50")).Text,
                Does.Contain("a root of bob's"));
        }
    }

    [Test]
    public async Task Without_erasure_everything_stays()
    {
        var room = (await _eve.PostAsync("createRoom", new JsonObject { ["preset"] = "public_chat" }))
            .Is(200).Member("room_id");
        await SaysAsync(_eve, room, null);
        (await _eve.PostAsync("account/deactivate", new JsonObject { ["auth"] = _eve.PasswordAuth() })).Is(200);
        (await _bob.PostAsync($"rooms/{room}/join")).Is(200);

        Assert.That((await _bob.GetAsync($"rooms/{room}/messages?dir=b&limit=50")).Is(200).Text, Does.Contain(Secret));
    }

    [Test]
    public async Task Nothing_is_kept_of_an_erased_users_own_keys()
    {
        var keys = (await _bob.PostAsync(
            "keys/query",
            new JsonObject { ["device_keys"] = new JsonObject { [_eve.UserId] = new JsonArray() } })).Is(200);
        Assert.That(keys.Json["device_keys"]!.AsObject().Select(user => user.Key), Is.EqualTo(new[] { _eve.UserId }));
        (await _eve.PostAsync(
            "room_keys/version",
            new JsonObject { ["algorithm"] = "a", ["auth_data"] = new JsonObject() })).Is(200);
        (await _eve.PostAsync($"user/{_eve.UserId}/filter", new JsonObject())).Is(200);

        await ErasesAsync(_eve);

        var storage = (OpenedStorage)_server.Services.GetService(typeof(OpenedStorage))!;
        Assert.That(await storage.KeyBackup.FindVersionAsync(_eve.UserId, null, CancellationToken.None), Is.Null);
        Assert.That(await storage.Filters.FindAsync(_eve.UserId, 0, CancellationToken.None), Is.Null);
    }

    private static async Task ErasesAsync(TestUser user) =>
        (await user.PostAsync(
            "account/deactivate",
            new JsonObject { ["erase"] = true, ["auth"] = user.PasswordAuth() })).Is(200);

    private async Task<string> SaysAsync(TestUser user, string room, JsonObject? relation, string text = Secret)
    {
        var content = new JsonObject { ["msgtype"] = "m.text", ["body"] = text };
        if ((string?)relation?["rel_type"] == "m.replace")
            content["m.new_content"] = new JsonObject { ["msgtype"] = "m.text", ["body"] = text };
        if (relation is not null) content["m.relates_to"] = relation;
        return (await user.PutAsync($"rooms/{room}/send/m.room.message/{++_txn}", content)).Is(200).Member("event_id");
    }

    private static JsonObject Relates(string how, string to) => new() { ["rel_type"] = how, ["event_id"] = to };
}
