using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Matrix.Processes;

namespace Matrix.Cli.Tests;

/// <summary>The commands of `mx` that ask the administration API of a real server, in the operator's name.</summary>
[NonParallelizable]
[Category("Slow")]
internal sealed class OperatorCommandTests
{
    private readonly HomeserverProcess _server = new();
    private string _token = "";
    private string _room = "";
    private string _event = "";
    private string _media = "";

    [OneTimeSetUp]
    public async Task StartServer()
    {
        _server.Settings["MATRIX_REGISTRATION__ENABLED"] = "true";
        _server.Settings["MATRIX_JOBS__GRACE"] = "1ms";
        await _server.StartAsync();
        foreach (var name in (string[])["alice", "bob"])
        {
            var made = await SendsAsync(HttpMethod.Post, "v3/register", new
            {
                username = name,
                password = "correct horse",
                auth = new { type = "m.login.dummy" },
            });
            if (name == "alice") _token = made.GetProperty("access_token").GetString()!;
        }

        _room = await CreatesRoomAsync("Kitchen");
        _event = await SaysAsync(_room, "one");
        await SaysAsync(_room, "two");
        _media = await UploadsAsync("a file");
    }

    [OneTimeTearDown]
    public async Task StopServer()
    {
        await _server.StopAsync();
        _server.Dispose();
    }

    /// <summary>The arguments, what the JSON contains, and the text. `%ROOM` and its like are replaced.</summary>
    private static readonly TestCaseData[] _commands =
    [
        Of("user list", "\"name\":\"@alice:hybrid.test\"", "@alice:hybrid.test"),
        Of("user show @alice:hybrid.test", "\"locked\":false", "locked: no"),
        Of("user rooms @alice:hybrid.test", "%ROOM", "%ROOM"),
        Of("user devices @alice:hybrid.test", "\"device_id\"", "device id"),
        Of("user make-admin @bob:hybrid.test", "{}", ""),
        Of("user unmake-admin @bob:hybrid.test", "{}", ""),
        Of("user lock @bob:hybrid.test", "\"locked\":true", "locked: yes"),
        Of("user unlock @bob:hybrid.test", "\"locked\":false", "locked: no"),
        Of("user suspend @bob:hybrid.test", "\"suspended\":true", "suspended: yes"),
        Of("user unsuspend @bob:hybrid.test", "\"suspended\":false", "suspended: no"),
        Of("user redact @bob:hybrid.test", "\"status\":\"complete\"", "status: complete"),
        Of("room list", "\"name\":\"Kitchen\"", "Kitchen"),
        Of("room show %ROOM", "\"joined_members\":1", "joined members: 1"),
        Of("room members %ROOM", "@alice:hybrid.test", "@alice:hybrid.test"),
        Of("room media %ROOM", "\"local\":[]", ""),
        Of("room block %ROOM", "\"block\":true", "block: yes"),
        Of("room unblock %ROOM", "\"block\":false", "block: no"),
        Of("room join %ROOM @bob:hybrid.test", "%ROOM", "room id: %ROOM"),
        Of("room make-admin %ROOM @alice:hybrid.test", "{}", ""),
        Of("room purge-history %ROOM --before %EVENT", "\"status\":\"complete\"", "status: complete"),
        Of("media quarantine mxc://%MEDIA", "\"served\":false", "served: no"),
        Of("media delete --user @bob:hybrid.test", "\"total\":0", "total: 0"),
        Of("media purge-remote --before 1", "\"deleted\":0", "deleted: 0"),
        Of("token list", "\"registration_tokens\":", ""),
        Of("token create --uses 2", "\"uses_allowed\":2", "uses allowed: 2"),
        Of("job list", "\"jobs\":", "total: "),
        Of("report list", "\"event_reports\":", "total: 0"),
        Of("reports", "\"event_reports\":", "total: 0"),
        Of("audit --limit 2", "\"who\":\"mx\"", "total: "),
        Of("notice send @alice:hybrid.test hello", "\"event_id\":\"$", "event id: $"),
    ];

    [TestCaseSource(nameof(_commands))]
    public async Task The_operator_gets_json_and_text(string command, string json, string text)
    {
        var first = await RunAsync(command + " --format json");
        Assert.That((first.Code, first.Errors), Is.EqualTo((0, "")), first.Output);
        Assert.That(first.Output.Replace("\": ", "\":", StringComparison.Ordinal), Does.Contain(Filled(json)));
        Assert.That(first.Json.ValueKind, Is.EqualTo(JsonValueKind.Object));
        var second = await RunAsync(command);
        Assert.That((second.Code, second.Errors), Is.EqualTo((0, "")), second.Output);
        Assert.That(second.Output, Does.Contain(Filled(text)));
    }

    [TestCase("--format json", "\"served\": true")]
    [TestCase("", "served: yes")]
    public async Task What_is_in_quarantine_is_released(string format, string text)
    {
        Assert.That((await RunAsync($"media quarantine mxc://{_media}")).Code, Is.Zero);
        var ran = await RunAsync($"media release mxc://{_media} {format}".TrimEnd());
        Assert.That((ran.Code, ran.Errors), Is.EqualTo((0, "")));
        Assert.That(ran.Output, Does.Contain(text));
    }

    [TestCase("user lock @nobody:hybrid.test", "There is no such user.")]
    [TestCase("user show @nobody:hybrid.test", "There is no such user.")]
    [TestCase("room delete !none:hybrid.test", "room")]
    [TestCase("media delete mxc://hybrid.test/none", "There is no such media here.")]
    [TestCase("media quarantine mxc://hybrid.test/none", "There is no such media here.")]
    [TestCase("federation retry other.example", "not waiting for a new attempt")]
    [TestCase("job show none", "job")]
    [TestCase("token delete none", "There is no such token.")]
    [TestCase("notice send @nobody:hybrid.test hello", "There is no user @nobody:hybrid.test on this server.")]
    public async Task A_refusal_is_one_line(string command, string why)
    {
        var ran = await RunAsync(command);
        Assert.That((ran.Code, ran.Output), Is.EqualTo((1, "")), ran.Errors);
        Assert.That(ran.Errors, Does.StartWith("mx: ").And.Contain(why).And.EndsWith("\n"));
        Assert.That(ran.Errors.TrimEnd('\n'), Does.Not.Contain("\n"));
    }

    [TestCase("media delete")]
    [TestCase("media delete https://hybrid.test/x")]
    [TestCase("reports --limit 0")]
    [TestCase("audit --limit 0")]
    public async Task A_misuse_asks_nobody(string command) =>
        Assert.That((await RunAsync(command)).Code, Is.EqualTo(2));

    [Test]
    public async Task A_room_is_deleted_and_the_command_waits_for_its_end()
    {
        var room = await CreatesRoomAsync("Deleted");
        var ran = await RunAsync($"room delete {room} --block --format json");
        Assert.That(ran.Code, Is.Zero, ran.Errors);
        Assert.That(ran.Json.GetProperty("status").GetString(), Is.EqualTo("complete"));
        Assert.That((await RunAsync($"room show {room}")).Code, Is.EqualTo(1));
        var audit = await RunAsync($"audit --target {room} --format json");
        var entries = audit.Json.GetProperty("entries").EnumerateArray().ToArray();
        Assert.That(
            entries.Select(entry => (
                entry.GetProperty("who").GetString(), entry.GetProperty("action").GetString())),
            Does.Contain(("mx", "room.delete")));
        var older = await RunAsync($"audit --target {room} --before {entries[0].GetProperty("id")} --format json");
        Assert.That(older.Json.GetProperty("entries").GetArrayLength(), Is.EqualTo(entries.Length - 1));
    }

    [Test]
    public async Task A_job_that_is_not_awaited_can_be_waited_for()
    {
        var room = await CreatesRoomAsync("Not awaited");
        var begun = await RunAsync($"room delete {room} --no-wait --format json");
        var id = begun.Json.GetProperty("delete_id").GetString();
        var ended = await RunAsync($"job wait {id} --format json");
        Assert.That((ended.Code, ended.Json.GetProperty("status").GetString()), Is.EqualTo((0, "complete")));
    }

    [Test]
    public async Task A_user_gets_another_password_and_ends()
    {
        await SendsAsync(HttpMethod.Post, "v3/register", new
        {
            username = "carol",
            password = "correct horse",
            auth = new { type = "m.login.dummy" },
        });
        var reset = await RunAsync("user reset-password @carol:hybrid.test --password-stdin", "another horse");
        Assert.That(reset.Code, Is.Zero, reset.Errors);
        var login = await SendsAsync(HttpMethod.Post, "v3/login", new
        {
            type = "m.login.password",
            identifier = new { type = "m.id.user", user = "carol" },
            password = "another horse",
        });
        Assert.That(login.GetProperty("user_id").GetString(), Is.EqualTo("@carol:hybrid.test"));
        Assert.That((await RunAsync("user deactivate @carol:hybrid.test --erase")).Code, Is.Zero);
        Assert.That((await RunAsync("user show @carol:hybrid.test")).Output, Does.Contain("erased: yes"));
    }

    [Test]
    public async Task Deleted_media_and_tokens_are_gone()
    {
        var media = await UploadsAsync("another file");
        var deleted = await RunAsync($"media delete mxc://{media} --format json");
        Assert.That(deleted.Json.GetProperty("total").GetInt32(), Is.EqualTo(1), deleted.Errors);
        Assert.That((await RunAsync($"media delete mxc://{media}")).Code, Is.EqualTo(1));
        Assert.That((await RunAsync("token create --token once")).Code, Is.Zero);
        Assert.That((await RunAsync("token delete once")).Code, Is.Zero);
        Assert.That((await RunAsync("token delete once")).Code, Is.EqualTo(1));
    }

    private static TestCaseData Of(string command, string json, string text) =>
        new TestCaseData(command, json, text).SetArgDisplayNames(command);

    private string Filled(string text) => text
        .Replace("%ROOM", _room, StringComparison.Ordinal)
        .Replace("%EVENT", _event, StringComparison.Ordinal)
        .Replace("%MEDIA", _media, StringComparison.Ordinal);

    private Task<Ran> RunAsync(string command, string input = "") => Command.RunInAsync(
        new Dictionary<string, string>
        {
            ["MATRIX_SERVER_NAME"] = "hybrid.test",
            ["MATRIX_DATA_DIR"] = _server.DataFolder,
        },
        input,
        Filled(command).Split(' '));

    private async Task<string> CreatesRoomAsync(string name) => (await SendsAsync(
        HttpMethod.Post, "v3/createRoom", new { name, preset = "public_chat" })).GetProperty("room_id").GetString()!;

    private async Task<string> SaysAsync(string room, string text) => (await SendsAsync(
        HttpMethod.Put,
        $"v3/rooms/{room}/send/m.room.message/{Guid.NewGuid():N}",
        new { msgtype = "m.text", body = text }))
        .GetProperty("event_id").GetString()!;

    private async Task<string> UploadsAsync(string content)
    {
        using var http = new HttpClient();
        http.DefaultRequestHeaders.Authorization = new("Bearer", _token);
        using var body = new StringContent(content);
        using var sent = await http.PostAsync(new Uri($"{_server.Url}/_matrix/media/v3/upload"), body);
        var uri = (await sent.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("content_uri").GetString()!;
        return uri["mxc://".Length..];
    }

    private async Task<JsonElement> SendsAsync(HttpMethod method, string path, object body)
    {
        using var http = new HttpClient();
        if (_token.Length > 0) http.DefaultRequestHeaders.Authorization = new("Bearer", _token);
        using var request = new HttpRequestMessage(method, $"{_server.Url}/_matrix/client/{path}");
        request.Content = JsonContent.Create(body);
        using var reply = await http.SendAsync(request);
        Assert.That(reply.StatusCode, Is.EqualTo(HttpStatusCode.OK), await reply.Content.ReadAsStringAsync());
        return await reply.Content.ReadFromJsonAsync<JsonElement>();
    }
}
