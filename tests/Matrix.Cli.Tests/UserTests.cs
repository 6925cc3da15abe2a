using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Matrix.Processes;

namespace Matrix.Cli.Tests;

/// <summary>`mx user`, against a real server.</summary>
[NonParallelizable]
[Category("Slow")]
internal sealed class UserTests
{
    private HomeserverProcess _server = null!;

    [OneTimeSetUp]
    public async Task StartServer()
    {
        _server = new HomeserverProcess();
        await _server.StartAsync();
    }

    [OneTimeTearDown]
    public async Task StopServer()
    {
        await _server.StopAsync();
        _server.Dispose();
    }

    [Test]
    public async Task A_created_user_can_log_in_and_has_one_device()
    {
        var made = await CreateAsync("correct horse\n", "alice", "--password-stdin", "--server", _server.Url);

        Assert.That((made.Code, made.Output), Is.EqualTo((0, "user id: @alice:hybrid.test\nadmin: no\n")), made.Errors);
        using var http = new HttpClient { BaseAddress = new Uri(_server.Url) };
        using var login = await http.PostAsJsonAsync("/_matrix/client/v3/login", new
        {
            type = "m.login.password",
            identifier = new { type = "m.id.user", user = "alice" },
            password = "correct horse",
        });
        Assert.That(login.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        var token = (await login.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("access_token").GetString();
        http.DefaultRequestHeaders.Authorization = new("Bearer", token);
        var devices = await http.GetFromJsonAsync<JsonElement>("/_matrix/client/v3/devices");
        Assert.That(devices.GetProperty("devices").GetArrayLength(), Is.EqualTo(1));
    }

    [Test]
    public async Task Without_an_address_the_configurations_listener_is_used()
    {
        var environment = new Dictionary<string, string>(Secret(_server.Secret))
        {
            ["MATRIX_LISTENERS__CLIENT"] = $"127.0.0.1:{_server.Port}",
        };

        var made = await Command.RunInAsync(
            environment, "correct horse", "user", "create", "boss", "--admin", "--password-stdin", "--format", "json");

        Assert.That(made.Code, Is.Zero, made.Errors);
        Assert.That(made.Json.GetProperty("user_id").GetString(), Is.EqualTo("@boss:hybrid.test"));
        Assert.That(made.Json.GetProperty("admin").GetBoolean(), Is.True);
    }

    [Test]
    public async Task A_refusal_prints_the_servers_message_and_exits_with_1()
    {
        _ = await CreateAsync("correct horse", "taken", "--password-stdin", "--server", _server.Url);

        var again = await CreateAsync("correct horse", "taken", "--password-stdin", "--server", _server.Url);
        var longer = await CreateAsync(new string('x', 513), "longer", "--password-stdin", "--server", _server.Url);

        Assert.That((again.Code, longer.Code), Is.EqualTo((1, 1)));
        Assert.That(again.Errors.TrimEnd('\n'), Does.StartWith("mx: taken was not created: ").And.Not.Contain("\n"));
        Assert.That(longer.Errors.TrimEnd('\n'), Does.StartWith("mx: longer was not created: ").And.Not.Contain("\n"));
    }

    [Test]
    public async Task A_wrong_secret_creates_no_user()
    {
        var ran = await Command.RunInAsync(
            Secret("guessed"), "correct horse", "user", "create", "mallory", "--password-stdin", "--server",
            _server.Url);

        Assert.That(
            (ran.Code, ran.Errors),
            Is.EqualTo((1, $"mx: {_server.Url}/: the server has another registration.shared_secret\n")));
    }

    [Test]
    public async Task An_unreachable_server_is_reported_in_one_line()
    {
        var address = $"http://127.0.0.1:{Repository.FreePort()}";

        var ran = await CreateAsync("correct horse", "alice", "--password-stdin", "--server", address);

        Assert.That((ran.Code, ran.Errors), Is.EqualTo((1, $"mx: {address}/: nothing listens there\n")));
    }

    [Test]
    public async Task Without_a_terminal_there_is_no_password_prompt()
    {
        var ran = await CreateAsync("correct horse", "alice", "--server", _server.Url);

        Assert.That(ran.Code, Is.EqualTo(2));
        Assert.That(ran.Errors, Does.Contain("--password-stdin"));
    }

    [Test]
    public async Task A_missing_secret_is_reported_with_the_setting_and_the_variable()
    {
        var ran = await Command.RunAsync("user", "create", "alice", "--server", _server.Url);

        Assert.That(ran.Code, Is.EqualTo(2));
        Assert.That(
            ran.Errors, Does.Contain("registration.shared_secret").And.Contain("MATRIX_REGISTRATION__SHARED_SECRET"));
    }

    [Test]
    public async Task Accounts_of_the_running_server_are_locked_and_suspended_administrators_too()
    {
        _ = await CreateAsync("correct horse", "carol", "--admin", "--password-stdin", "--server", _server.Url);
        const string Carol = "@carol:hybrid.test";

        var locked = await ChangesAsync("lock", Carol, "--format", "json");
        Assert.That(locked.Code, Is.Zero, locked.Errors);
        Assert.That(
            (locked.Json.GetProperty("user_id").GetString(), locked.Json.GetProperty("locked").GetBoolean()),
            Is.EqualTo((Carol, true)));
        Assert.That((await LogInAsync("carol")).Code, Is.EqualTo("M_USER_LOCKED"));
        Assert.That(
            (await ChangesAsync("unlock", Carol)).Output, Is.EqualTo("user id: @carol:hybrid.test\nlocked: no\n"));

        Assert.That(
            (await ChangesAsync("suspend", Carol)).Output, Is.EqualTo("user id: @carol:hybrid.test\nsuspended: yes\n"));
        Assert.That(await CreatesRoomAsync(), Is.EqualTo(HttpStatusCode.Forbidden));
        Assert.That((await ChangesAsync("unsuspend", Carol)).Code, Is.Zero);
        Assert.That(await CreatesRoomAsync(), Is.EqualTo(HttpStatusCode.OK));

        var unknown = await ChangesAsync("lock", "@nobody:hybrid.test");
        Assert.That((unknown.Code, unknown.Errors), Is.EqualTo((1, "mx: There is no such user.\n")));

        async Task<HttpStatusCode> CreatesRoomAsync()
        {
            using var http = new HttpClient { BaseAddress = new Uri(_server.Url) };
            http.DefaultRequestHeaders.Authorization = new("Bearer", (await LogInAsync("carol")).Token);
            using var made = await http.PostAsJsonAsync("/_matrix/client/v3/createRoom", new { });
            return made.StatusCode;
        }
    }

    private async Task<(string? Token, string? Code)> LogInAsync(string name)
    {
        using var http = new HttpClient { BaseAddress = new Uri(_server.Url) };
        using var login = await http.PostAsJsonAsync("/_matrix/client/v3/login", new
        {
            type = "m.login.password",
            identifier = new { type = "m.id.user", user = name },
            password = "correct horse",
        });
        var body = await login.Content.ReadFromJsonAsync<JsonElement>();
        return login.StatusCode == HttpStatusCode.OK
            ? (body.GetProperty("access_token").GetString(), null)
            : (null, body.GetProperty("errcode").GetString());
    }

    /// <summary>Runs a command that asks the running server through its socket.</summary>
    private Task<Ran> ChangesAsync(string command, params string[] arguments) => Command.RunInAsync(
        new Dictionary<string, string>
        {
            ["MATRIX_SERVER_NAME"] = "hybrid.test",
            ["MATRIX_DATA_DIR"] = _server.DataFolder,
        },
        "",
        ["user", command, .. arguments]);

    private static Dictionary<string, string> Secret(string secret) =>
        new() { ["MATRIX_REGISTRATION__SHARED_SECRET"] = secret };

    private Task<Ran> CreateAsync(string password, params string[] arguments) =>
        Command.RunInAsync(Secret(_server.Secret), password, ["user", "create", .. arguments]);
}
