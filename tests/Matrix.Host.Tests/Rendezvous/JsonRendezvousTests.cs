using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Rendezvous;

/// <summary>Sessions in which two devices exchange JSON (MSC4388).</summary>
internal sealed class JsonRendezvousTests
{
    private const string Root = "/_matrix/client/unstable/io.element.msc4388/rendezvous";
    private const string Conflict = "IO_ELEMENT_MSC4388_CONCURRENT_WRITE";

    private TestServer _server = null!;
    private TestUser _alice = null!;

    private TestClient New => _server.Anyone;

    [SetUp]
    public async Task StartAsync()
    {
        _server = await TestServer.StartAsync();
        _alice = await _server.RegistersAsync("alice");
    }

    [TearDown]
    public async Task StopAsync() => await _server.DisposeAsync();

    [Test]
    public async Task A_user_makes_a_session_and_a_new_device_uses_it_without_a_token()
    {
        var made = (await _alice.PostAsync(Root, Data("from A"))).Is(200);
        Assert.That((long)made.Json["expires_in_ms"]!, Is.InRange(120_000, 300_000));
        var path = $"{Root}/{made.Member("id")}";

        var read = (await New.GetAsync(path)).Is(200);
        Assert.That(read.Member("data"), Is.EqualTo("from A"));
        Assert.That(read.Member("sequence_token"), Is.EqualTo(made.Member("sequence_token")));
        Assert.That((long)read.Json["expires_in_ms"]!, Is.InRange(120_000, 300_000));
        Assert.That(string.Join(",", read.Headers.GetValues("Cache-Control")), Is.EqualTo("no-store"));

        var written = (await New.PutAsync(path, Data("from \"B\" é", read.Member("sequence_token")))).Is(200);
        Assert.That(written.Member("sequence_token"), Is.Not.EqualTo(read.Member("sequence_token")));
        Assert.That((await _alice.GetAsync(path)).Member("data"), Is.EqualTo("from \"B\" é"));

        (await New.DeleteAsync(path)).Is(200);
        (await New.DeleteAsync(path)).Is(404, "M_NOT_FOUND");
        (await New.GetAsync(path)).Is(404, "M_NOT_FOUND");
        (await New.PutAsync(path, Data("x", "1"))).Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task A_payload_that_the_sender_has_not_seen_is_kept_and_a_repeated_one_is_acknowledged()
    {
        var (path, token) = await MakeAsync();
        var next = (await New.PutAsync(path, Data("B", token))).Is(200).Member("sequence_token");
        (await _alice.PutAsync(path, Data("A", token))).Is(409, Conflict);
        Assert.That((await New.PutAsync(path, Data("B", token))).Is(200).Member("sequence_token"), Is.EqualTo(next));
        Assert.That((await New.GetAsync(path)).Member("data"), Is.EqualTo("B"));

        // The same data with the current token is another payload.
        Assert.That(
            (await New.PutAsync(path, Data("B", next))).Is(200).Member("sequence_token"), Is.Not.EqualTo(next));
    }

    [Test]
    public async Task A_transaction_has_one_response()
    {
        var (path, token) = await MakeAsync();
        var next = (await New.PutAsync($"{path}/one", Data("B", token))).Is(200).Member("sequence_token");
        (await _alice.PutAsync($"{path}/two", Data("B", token))).Is(409, Conflict);
        (await _alice.PutAsync($"{path}/three", Data("A", next))).Is(200);

        Assert.That(
            (await New.PutAsync($"{path}/one", Data("other", token))).Is(200).Member("sequence_token"),
            Is.EqualTo(next));
        (await _alice.PutAsync($"{path}/two", Data("A", next))).Is(409, Conflict);
        Assert.That((await New.GetAsync(path)).Member("data"), Is.EqualTo("A"));
        (await New.PutAsync($"{path}/{new string('x', 256)}", Data("x", next))).Is(400, "M_INVALID_PARAM");
    }

    [Test]
    public async Task Only_users_make_sessions_unless_the_server_is_open()
    {
        Assert.That(await IsAvailableAsync(_alice), Is.True);
        Assert.That(await IsAvailableAsync(New), Is.False);
        (await New.PostAsync(Root, Data("x"))).Is(403, "M_FORBIDDEN");
        var stranger = new TestClient(_server, "mat_made_up");
        (await stranger.GetAsync(Root)).Is(401, "M_UNKNOWN_TOKEN");
        (await stranger.PostAsync(Root, Data("x"))).Is(401, "M_UNKNOWN_TOKEN");

        await _server.RestartAsync(("rendezvous.open", "true"));
        Assert.That(await IsAvailableAsync(New), Is.True);
        (await New.PostAsync(Root, Data("x"))).Is(200);
        await _server.RestartAsync(("rendezvous.enabled", "false"));
        (await _alice.GetAsync(Root)).Is(404, "M_UNRECOGNIZED");
        (await _alice.PostAsync(Root, Data("x"))).Is(404, "M_UNRECOGNIZED");
    }

    [TestCase("data", null)]
    [TestCase("data", "1")]
    [TestCase("data", "{}")]
    [TestCase("sequence_token", null)]
    [TestCase("sequence_token", "1")]
    public async Task A_malformed_payload_is_refused(string member, string? value)
    {
        var (path, token) = await MakeAsync();
        var body = Data("x", token);
        if (value is null) body.Remove(member);
        else body[member] = JsonNode.Parse(value);
        (await New.PutAsync(path, body.DeepClone())).Is(400, "M_BAD_JSON");
        (await New.PutAsync($"{path}/txn", body.DeepClone())).Is(400, "M_BAD_JSON");
        if (member == "data") (await _alice.PostAsync(Root, body)).Is(400, "M_BAD_JSON");
        Assert.That((await New.GetAsync(path)).Member("data"), Is.EqualTo("first"));
    }

    [Test]
    public async Task Bytes_writes_and_time_are_bounded()
    {
        await _server.RestartAsync(("rendezvous.writes", "10"));
        (await _alice.PostAsync(Root, Data(new string('é', 2049)))).Is(413, "M_TOO_LARGE");
        var (path, token) = await MakeAsync();
        (await New.PutAsync(path, Data(new string('x', 4097), token))).Is(413, "M_TOO_LARGE");
        for (var i = 0; i < 10; i++) (await New.PutAsync($"{path}/t{i}", Data("x", "old"))).Is(409, Conflict);
        (await New.PutAsync($"{path}/more", Data("x", token))).Is(429, "M_LIMIT_EXCEEDED");
        (await New.PutAsync($"{path}/t0", Data("x", token))).Is(409, Conflict);

        _server.Ahead = TimeSpan.FromMinutes(6);
        (await New.GetAsync(path)).Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task A_browser_does_not_go_to_a_session_and_the_forms_are_apart()
    {
        var (path, _) = await MakeAsync();
        (await New.SendAsync(HttpMethod.Get, path, null, ("Sec-Fetch-Dest", "document"))).Is(403, "M_FORBIDDEN");
        var page = (await New.SendAsync(HttpMethod.Get, path, null, ("Sec-Fetch-Mode", "navigate"))).HasStatus(403);
        Assert.That(page.Text, Does.Contain("M_FORBIDDEN"));
        (await New.SendAsync(HttpMethod.Get, path, null, ("Sec-Fetch-Dest", "empty"))).Is(200);
        (await New.GetAsync(path.Replace("io.element.msc4388", "org.matrix.msc4108", StringComparison.Ordinal)))
            .Is(404, "M_NOT_FOUND");
    }

    private static JsonObject Data(string data) => new() { ["data"] = data };

    private static JsonObject Data(string data, string token) =>
        new() { ["data"] = data, ["sequence_token"] = token };

    private static async Task<bool> IsAvailableAsync(TestClient client) =>
        (bool)(await client.GetAsync(Root)).Is(200).Json["create_available"]!;

    private async Task<(string Path, string Token)> MakeAsync()
    {
        var made = (await _alice.PostAsync(Root, Data("first"))).Is(200);
        return ($"{Root}/{made.Member("id")}", made.Member("sequence_token"));
    }
}
