using System.Text;
using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Http;

public sealed class StandardErrorTests
{
    private TestServer _server = null!;
    private TestUser _alice = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _server = await TestServer.StartAsync();
        _alice = await _server.RegistersAsync("alice");
    }

    [OneTimeTearDown]
    public async Task StopAsync() => await _server.DisposeAsync();

    [TestCase("/_matrix/client/v3/no/such/endpoint")]
    [TestCase("/_matrix/client/v9/login")]
    [TestCase("/_matrix/client/versions/")]
    [TestCase("/_matrix/")]
    [TestCase("/.well-known/matrix/nothing")]
    public async Task An_unknown_path_is_404_M_UNRECOGNIZED(string path) =>
        (await _server.Anyone.GetAsync(path)).Is(404, "M_UNRECOGNIZED");

    [Test]
    public async Task A_wrong_method_is_405_M_UNRECOGNIZED_and_names_the_right_ones()
    {
        var reply = (await _server.Anyone.DeleteAsync("login")).Is(405, "M_UNRECOGNIZED");

        Assert.That(reply.ContentHeaders.Allow, Is.EqualTo(new[] { "GET", "POST", "OPTIONS" }));
    }

    [Test]
    public async Task Every_answer_tells_browsers_that_they_may_ask()
    {
        foreach (var reply in new[]
        {
            await _server.Anyone.GetAsync("/_matrix/client/versions"),
            await _server.Anyone.GetAsync("/_matrix/client/v3/no/such/endpoint"),
            await _server.Anyone.GetAsync("account/whoami"),
            await _server.Anyone.SendAsync(HttpMethod.Options, "account/whoami", null),
            await _alice.SendAsync(HttpMethod.Post, "delete_devices", TestClient.Raw("nonsense")),
        })
        {
            Assert.That(reply.Headers.GetValues("Access-Control-Allow-Origin"), Is.EqualTo(new[] { "*" }));
            Assert.That(
                reply.Headers.GetValues("Access-Control-Allow-Methods"),
                Is.EqualTo(new[] { "GET, POST, PUT, DELETE, OPTIONS" }));
            Assert.That(
                reply.Headers.GetValues("Access-Control-Allow-Headers"),
                Is.EqualTo(new[] { "X-Requested-With, Content-Type, Authorization" }));
            Assert.That(reply.ContentHeaders.ContentType!.ToString(), Is.EqualTo("application/json"));
        }
    }

    [Test]
    public async Task A_preflight_does_not_run_the_endpoint()
    {
        (await _alice.SendAsync(HttpMethod.Options, "logout", null)).Is(200);

        (await _alice.GetAsync("account/whoami")).Is(200);
    }

    [Test]
    public async Task A_missing_token_and_an_unknown_one_have_different_errors()
    {
        (await _server.Anyone.GetAsync("account/whoami")).Is(401, "M_MISSING_TOKEN");

        var unknown = (await new TestClient(_server, "mat_made_up").GetAsync("account/whoami"))
            .Is(401, "M_UNKNOWN_TOKEN");
        Assert.That((bool?)unknown.Json["soft_logout"], Is.False);
        (await new TestClient(_server, new string('x', 5000)).GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");
    }

    [Test]
    public async Task A_token_may_stand_in_the_query_and_is_not_logged_there()
    {
        var reply = (await _server.Anyone.GetAsync($"account/whoami?access_token={_alice.Token}")).Is(200);

        Assert.That(reply.Member("user_id"), Is.EqualTo(_alice.UserId));
        Assert.That(_server.Log, Does.Not.Contain(_alice.Token!));
    }

    [TestCase("nonsense", "M_NOT_JSON")]
    [TestCase("", "M_NOT_JSON")]
    [TestCase("{\"devices\":[]", "M_NOT_JSON")]
    [TestCase("{\"devices\":[]} x", "M_NOT_JSON")]
    [TestCase("[]", "M_BAD_JSON")]
    [TestCase("\"devices\"", "M_BAD_JSON")]
    [TestCase("{}", "M_BAD_JSON")]
    [TestCase("{\"devices\":\"x\"}", "M_BAD_JSON")]
    [TestCase("{\"devices\":[1]}", "M_BAD_JSON")]
    [TestCase("{\"devices\":null}", "M_BAD_JSON")]
    [TestCase("{\"devices\":[\"\\ud800\"]}", "M_BAD_JSON")]
    public async Task Invalid_json_and_json_of_the_wrong_form_have_different_errors(string body, string errcode) =>
        (await _alice.SendAsync(HttpMethod.Post, "delete_devices", TestClient.Raw(body))).Is(400, errcode);

    [Test]
    public async Task A_wrong_member_is_named()
    {
        var reply = await _server.Anyone.PostAsync("login", new JsonObject
        {
            ["type"] = "m.login.password",
            ["password"] = "x",
            ["identifier"] = new JsonObject { ["type"] = "m.id.user", ["user"] = 5 },
        });

        Assert.That(reply.Is(400, "M_BAD_JSON").Member("error"), Is.EqualTo("`identifier.user` must be a string."));
    }

    [Test]
    public async Task Deep_json_is_refused()
    {
        var deep = new string('[', 50_000 / 2) + new string(']', 50_000 / 2);

        (await _alice.SendAsync(
            HttpMethod.Put,
            "profile/@alice:test.example/org.example.deep",
            TestClient.Raw($"{{\"org.example.deep\":{deep}}}")))
            .Is(400, "M_BAD_JSON");
    }

    [Test]
    public async Task A_body_beyond_the_limit_is_413_M_TOO_LARGE()
    {
        var large = $"{{\"devices\":[\"{new string('x', 70_000)}\"]}}";

        (await _alice.SendAsync(HttpMethod.Post, "delete_devices", TestClient.Raw(large))).Is(413, "M_TOO_LARGE");
        (await _alice.SendAsync(HttpMethod.Post, "delete_devices", new UnsizedContent(large))).Is(413, "M_TOO_LARGE");
    }

    [Test]
    public async Task A_path_that_is_not_percent_encoded_utf8_is_400()
    {
        (await _alice.GetAsync("profile/%zz")).Is(400, "M_INVALID_PARAM");
        (await _alice.GetAsync("profile/%ff")).Is(400, "M_INVALID_PARAM");
        (await _alice.GetAsync("profile/%4")).Is(400, "M_INVALID_PARAM");
        (await _alice.GetAsync("register/available?username=%zz")).Is(400, "M_INVALID_PARAM");
    }

    [Test]
    public async Task Identifiers_in_paths_are_checked()
    {
        (await _alice.GetAsync("profile/alice")).Is(400, "M_INVALID_PARAM");
        (await _alice.GetAsync("user/@alice:test.example/rooms/notaroom/tags")).Is(400, "M_INVALID_PARAM");
    }

    [Test]
    public async Task A_segment_is_decoded_once()
    {
        var type = "org.example/a%2Fb ü";
        (await _alice.PutAsync(
            $"user/{Uri.EscapeDataString(_alice.UserId)}/account_data/{Uri.EscapeDataString(type)}",
            new JsonObject { ["a"] = 1 })).Is(200);

        (await _alice.GetAsync($"user/@alice%3Atest.example/account_data/{Uri.EscapeDataString(type)}")).Is(200);
        (await _alice.GetAsync($"user/@alice:test.example/account_data/{Uri.EscapeDataString("org.example/a/b ü")}"))
            .Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task The_names_of_before_are_aliases()
    {
        (await _alice.GetAsync("/_matrix/client/r0/account/whoami")).Is(200);
        (await _alice.GetAsync("/_matrix/client/v1/account/whoami")).Is(404, "M_UNRECOGNIZED");
    }

    /// <summary>A body whose length is not announced.</summary>
    private sealed class UnsizedContent(string text) : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, System.Net.TransportContext? context) =>
            await stream.WriteAsync(Encoding.UTF8.GetBytes(text));

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
