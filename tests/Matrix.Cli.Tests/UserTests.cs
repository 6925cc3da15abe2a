using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Matrix.Processes;

namespace Matrix.Cli.Tests;

/// <summary>`mx user`, against a real server.</summary>
[NonParallelizable]
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
    public async Task A_user_that_was_made_logs_in_and_has_one_device()
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
    public async Task The_address_is_the_configurations_if_none_is_given()
    {
        var environment = new Dictionary<string, string>(Secret(_server.Secret)) { ["MATRIX_LISTENERS__CLIENT"] = $"127.0.0.1:{_server.Port}" };

        var made = await Command.RunInAsync(environment, "correct horse", "user", "create", "boss", "--admin", "--password-stdin", "--format", "json");

        Assert.That(made.Code, Is.Zero, made.Errors);
        Assert.That(made.Json.GetProperty("user_id").GetString(), Is.EqualTo("@boss:hybrid.test"));
        Assert.That(made.Json.GetProperty("admin").GetBoolean(), Is.True);
    }

    [Test]
    public async Task What_the_server_declines_is_told_in_its_words_and_ends_with_1()
    {
        _ = await CreateAsync("correct horse", "taken", "--password-stdin", "--server", _server.Url);

        var again = await CreateAsync("correct horse", "taken", "--password-stdin", "--server", _server.Url);
        var longer = await CreateAsync(new string('x', 513), "longer", "--password-stdin", "--server", _server.Url);

        Assert.That((again.Code, longer.Code), Is.EqualTo((1, 1)));
        Assert.That(again.Errors.TrimEnd('\n'), Does.StartWith("mx: taken was not made: ").And.Not.Contain("\n"));
        Assert.That(longer.Errors.TrimEnd('\n'), Does.StartWith("mx: longer was not made: ").And.Not.Contain("\n"));
    }

    [Test]
    public async Task Another_secret_makes_nobody()
    {
        var ran = await Command.RunInAsync(Secret("guessed"), "correct horse", "user", "create", "mallory", "--password-stdin", "--server", _server.Url);

        Assert.That((ran.Code, ran.Errors), Is.EqualTo((1, $"mx: {_server.Url}/: the secret is not the one of this server\n")));
    }

    [Test]
    public async Task A_server_that_is_not_there_is_told_in_one_line()
    {
        var address = $"http://127.0.0.1:{Repository.FreePort()}";

        var ran = await CreateAsync("correct horse", "alice", "--password-stdin", "--server", address);

        Assert.That((ran.Code, ran.Errors), Is.EqualTo((1, $"mx: {address}/: nobody listens there\n")));
    }

    [Test]
    public async Task Nobody_is_asked_for_a_password_in_a_pipe()
    {
        var ran = await CreateAsync("correct horse", "alice", "--server", _server.Url);

        Assert.That(ran.Code, Is.EqualTo(2));
        Assert.That(ran.Errors, Does.Contain("--password-stdin"));
    }

    [Test]
    public async Task Without_a_secret_it_says_where_one_goes()
    {
        var ran = await Command.RunAsync("user", "create", "alice", "--server", _server.Url);

        Assert.That(ran.Code, Is.EqualTo(2));
        Assert.That(ran.Errors, Does.Contain("registration.shared_secret").And.Contain("MATRIX_REGISTRATION__SHARED_SECRET"));
    }

    private static Dictionary<string, string> Secret(string secret) => new() { ["MATRIX_REGISTRATION__SHARED_SECRET"] = secret };

    private Task<Ran> CreateAsync(string password, params string[] arguments) =>
        Command.RunInAsync(Secret(_server.Secret), password, ["user", "create", .. arguments]);
}
