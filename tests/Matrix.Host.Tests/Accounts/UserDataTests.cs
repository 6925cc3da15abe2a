using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Accounts;

public sealed class UserDataTests
{
    private TestServer _server = null!;
    private TestUser _alice = null!;
    private TestUser _bob = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _server = await TestServer.StartAsync();
        _alice = await _server.RegistersAsync("alice");
        _bob = await _server.RegistersAsync("bob");
    }

    [OneTimeTearDown]
    public async Task StopAsync() => await _server.DisposeAsync();

    [Test]
    public async Task A_profile_has_the_fields_that_its_user_sets()
    {
        var carol = await _server.RegistersAsync("carol");
        (await PutFieldAsync(carol, "displayname", "Carol 🐈")).Is(200);
        (await PutFieldAsync(carol, "avatar_url", "mxc://test.example/abc-_1")).Is(200);
        (await PutFieldAsync(carol, "m.tz", "Europe/Berlin")).Is(200);
        (await PutFieldAsync(carol, "org.example.job", new JsonObject { ["title"] = "Cat", ["weight"] = 4.5 })).Is(200);

        var profile = (await _server.Anyone.GetAsync($"profile/{carol.UserId}")).Is(200).Json;
        Assert.That((string?)profile["displayname"], Is.EqualTo("Carol 🐈"));
        Assert.That((double?)profile["org.example.job"]!["weight"], Is.EqualTo(4.5));
        Assert.That(
            (await _bob.GetAsync($"profile/{carol.UserId}/m.tz")).Is(200).Text,
            Is.EqualTo("""{"m.tz":"Europe/Berlin"}"""));

        (await carol.DeleteAsync($"profile/{carol.UserId}/m.tz")).Is(200);
        (await carol.DeleteAsync($"profile/{carol.UserId}/m.tz")).Is(200);
        (await _bob.GetAsync($"profile/{carol.UserId}/m.tz")).Is(404, "M_NOT_FOUND");
        (await PutFieldAsync(carol, "avatar_url", "")).Is(200);
        (await _bob.GetAsync($"profile/{carol.UserId}/avatar_url")).Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task A_profile_is_its_users_to_change_and_within_bounds()
    {
        (await _bob.PutAsync($"profile/{_alice.UserId}/displayname", new JsonObject { ["displayname"] = "x" }))
            .Is(403, "M_FORBIDDEN");
        (await _bob.DeleteAsync($"profile/{_alice.UserId}/displayname")).Is(403, "M_FORBIDDEN");
        (await PutFieldAsync(_alice, "Upper.Case", 1)).Is(400, "M_INVALID_PARAM");
        (await PutFieldAsync(_alice, "nodots", 1)).Is(400, "M_INVALID_PARAM");
        (await PutFieldAsync(_alice, "a." + new string('x', 254), 1)).Is(400, "M_KEY_TOO_LARGE");
        (await PutFieldAsync(_alice, "displayname", 5)).Is(400, "M_BAD_JSON");
        (await PutFieldAsync(_alice, "avatar_url", "https://example.org/a.png")).Is(400, "M_INVALID_PARAM");
        (await _alice.PutAsync($"profile/{_alice.UserId}/displayname", new JsonObject())).Is(400, "M_MISSING_PARAM");
        (await PutFieldAsync(_alice, "org.example.a", new string('x', 40_000))).Is(200);
        (await PutFieldAsync(_alice, "org.example.b", new string('x', 30_000))).Is(400, "M_PROFILE_TOO_LARGE");
        (await PutFieldAsync(_alice, "org.example.a", new string('x', 65_000))).Is(200);
    }

    [Test]
    public async Task An_unknown_user_has_no_profile()
    {
        (await _alice.GetAsync("profile/@nobody:test.example")).Is(404, "M_NOT_FOUND");
        (await _alice.GetAsync("profile/@alice:elsewhere.example/displayname")).Is(404, "M_NOT_FOUND");
        Assert.That((await _alice.GetAsync($"profile/{_bob.UserId}")).Is(200).Text, Is.EqualTo("{}"));
    }

    [Test]
    public async Task Account_data_is_kept_for_its_user_alone()
    {
        var path = $"user/{_alice.UserId}/account_data/org.example.setting";
        (await _alice.GetAsync(path)).Is(404, "M_NOT_FOUND");
        (await _alice.PutAsync(path, new JsonObject { ["volume"] = 0.5, ["names"] = new JsonArray("a", "ü") })).Is(200);

        Assert.That((await _alice.GetAsync(path)).Is(200).Text, Is.EqualTo("""{"names":["a","ü"],"volume":0.5}"""));
        (await _bob.GetAsync(path)).Is(403, "M_FORBIDDEN");
        (await _bob.PutAsync(path)).Is(403, "M_FORBIDDEN");
        (await _alice.SendAsync(HttpMethod.Put, path, TestClient.Raw("[]"))).Is(400, "M_BAD_JSON");
        (await _alice.SendAsync(HttpMethod.Put, path, TestClient.Raw("x"))).Is(400, "M_NOT_JSON");
    }

    [Test]
    public async Task Deleted_account_data_is_told_once_and_is_not_there_any_more(
        [Values] bool ofRoom, [Values] bool byEmptyContent)
    {
        var carol = await _server.RegistersAsync($"carol-{ofRoom}-{byEmptyContent}".ToLowerInvariant());
        var of = ofRoom ? $"rooms/{(await carol.PostAsync("createRoom")).Is(200).Member("room_id")}/" : "";
        var path = $"user/{carol.UserId}/{of}account_data/org.example.gone";
        var unstable = $"/_matrix/client/unstable/org.matrix.msc3391/{path}";
        (await carol.PutAsync(path, new JsonObject { ["secret"] = 7 })).Is(200);
        var since = (string)(await carol.GetAsync("sync")).Is(200).Json["next_batch"]!;

        (await _bob.DeleteAsync(unstable)).Is(403, "M_FORBIDDEN");
        (await (byEmptyContent ? carol.PutAsync(path, new JsonObject()) : carol.DeleteAsync(unstable))).Is(200);

        (await carol.GetAsync(path)).Is(404, "M_NOT_FOUND");
        var told = (await carol.GetAsync($"sync?since={since}")).Is(200);
        Assert.That(told.Text, Does.Contain("""{"content":{},"type":"org.example.gone"}"""));
        var next = (string)told.Json["next_batch"]!;
        Assert.That((await carol.GetAsync($"sync?since={next}")).Is(200).Text, Does.Not.Contain("org.example.gone"));
        Assert.That((await carol.GetAsync("sync")).Is(200).Text, Does.Not.Contain("org.example.gone"));

        (await carol.DeleteAsync(unstable)).Is(200);
        (await carol.PutAsync(path, new JsonObject { ["again"] = true })).Is(200);
        Assert.That((await carol.GetAsync(path)).Is(200).Text, Is.EqualTo("""{"again":true}"""));
        Assert.That((await carol.GetAsync("sync")).Is(200).Text, Does.Contain("org.example.gone"));
    }

    [Test]
    public async Task Whoever_deletes_account_data_can_put_as_many_others()
    {
        await using var server = await TestServer.StartAsync(("limits.account_data", "3"));
        var carol = await server.RegistersAsync("carol");
        for (var i = 0; i < 3; i++) (await carol.PutAsync(Path(i), new JsonObject { ["a"] = 1 })).Is(200);
        (await carol.PutAsync(Path(3), new JsonObject { ["a"] = 1 })).Is(403, "M_FORBIDDEN");
        for (var i = 0; i < 3; i++)
        {
            (await carol.DeleteAsync($"/_matrix/client/unstable/org.matrix.msc3391/{Path(i)}")).Is(200);
        }

        for (var i = 3; i < 6; i++) (await carol.PutAsync(Path(i), new JsonObject { ["a"] = 1 })).Is(200);
        (await carol.PutAsync(Path(6), new JsonObject { ["a"] = 1 })).Is(403, "M_FORBIDDEN");

        string Path(int i) => $"user/{carol.UserId}/account_data/org.example.n{i}";
    }

    [TestCase("m.fully_read")]
    [TestCase("m.push_rules")]
    public async Task What_the_server_manages_is_not_put_as_account_data(string type)
    {
        (await _alice.PutAsync($"user/{_alice.UserId}/account_data/{type}")).Is(405, "M_BAD_JSON");
        (await _alice.PutAsync($"user/{_alice.UserId}/rooms/!a:test.example/account_data/{type}"))
            .Is(405, "M_BAD_JSON");
        (await _alice.DeleteAsync(
            $"/_matrix/client/unstable/org.matrix.msc3391/user/{_alice.UserId}/account_data/{type}"))
            .Is(405, "M_BAD_JSON");
    }

    [Test]
    public async Task Account_data_and_tags_of_a_room_that_is_not_known_are_refused()
    {
        (await _alice.PutAsync($"user/{_alice.UserId}/rooms/!a:test.example/account_data/a.b")).Is(404, "M_NOT_FOUND");
        (await _alice.GetAsync($"user/{_alice.UserId}/rooms/!a:test.example/account_data/a.b")).Is(404, "M_NOT_FOUND");
        (await _alice.PutAsync($"user/{_alice.UserId}/rooms/!a:test.example/tags/m.favourite")).Is(404, "M_NOT_FOUND");
        (await _bob.GetAsync($"user/{_alice.UserId}/rooms/!a:test.example/tags")).Is(403, "M_FORBIDDEN");
        (await _alice.PutAsync(
            $"user/{_alice.UserId}/rooms/!a:test.example/tags/u.x",
            new JsonObject { ["order"] = 2 })).Is(400, "M_BAD_JSON");
        (await _alice.PutAsync(
            $"user/{_alice.UserId}/rooms/!a:test.example/tags/u.x",
            new JsonObject { ["order"] = "0.5" })).Is(400, "M_BAD_JSON");
    }

    [Test]
    public async Task A_filter_is_given_back_as_it_was_and_has_one_number()
    {
        var filter = new JsonObject { ["room"] = new JsonObject { ["timeline"] = new JsonObject { ["limit"] = 5 } } };
        var id = (await _alice.PostAsync($"user/{_alice.UserId}/filter", filter.DeepClone()))
            .Is(200).Member("filter_id");

        Assert.That(
            (await _alice.PostAsync($"user/{_alice.UserId}/filter", filter.DeepClone())).Member("filter_id"),
            Is.EqualTo(id));
        Assert.That(
            (await _alice.GetAsync($"user/{_alice.UserId}/filter/{id}")).Is(200).Text,
            Is.EqualTo(filter.ToJsonString()));
        (await _alice.GetAsync($"user/{_alice.UserId}/filter/999")).Is(404, "M_NOT_FOUND");
        (await _alice.GetAsync($"user/{_alice.UserId}/filter/abc")).Is(404, "M_NOT_FOUND");
        (await _bob.GetAsync($"user/{_alice.UserId}/filter/{id}")).Is(403, "M_FORBIDDEN");
        (await _bob.PostAsync($"user/{_alice.UserId}/filter")).Is(403, "M_FORBIDDEN");
        (await _alice.PostAsync($"user/{_alice.UserId}/filter", new JsonObject { ["room"] = "all" }))
            .Is(400, "M_BAD_JSON");
    }

    private static Task<Reply> PutFieldAsync(TestUser user, string name, JsonNode value) =>
        user.PutAsync($"profile/{user.UserId}/{name}", new JsonObject { [name] = value });
}
