using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Matrix.Processes;

namespace Matrix.Host.Tests.Http;

/// <summary>The executable itself: how it starts, refuses to start, and stops.</summary>
public sealed class ProcessTests
{
    // It takes less than a second, unless the machine stalls.
    private static readonly TimeSpan _soon = TimeSpan.FromSeconds(30);

    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("matrix-process-").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public async Task A_first_start_writes_what_it_needs_and_says_where_it_serves_and_a_stop_ends_in_time()
    {
        var port = Repository.FreePort();
        using var server =
            Start([], ("MATRIX_LISTENERS__CLIENT", $"127.0.0.1:{port}"), ("MATRIX_SERVER_NAME", "first.example"));
        var line = await NextSaidAsync(server);
        Assert.That(line, Does.StartWith("Wrote " + Path.Combine(_folder, "homeserver.yaml")));
        Assert.That(await NextSaidAsync(server), Is.EqualTo($"Serving first.example at http://127.0.0.1:{port}/"));
        Assert.That(await NextSaidAsync(server), Does.Match("registration token [A-Za-z0-9]{24}$"));
        Assert.That(
            await NextSaidAsync(server),
            Does.Match($"^In a browser: http://127.0.0.1:{port}/_matrix/oauth2/sign-up#token=[A-Za-z0-9]{{24}}$"));

        Assert.That(
            File.ReadAllText(Path.Combine(_folder, "homeserver.yaml")),
            Does.Contain("\nserver_name: first.example\n"));
        Assert.That(
            File.ReadAllText(Path.Combine(_folder, "signing.key")),
            Does.Match("^ed25519 a_[A-Za-z]{4} [A-Za-z0-9+/]{43}\n$"));
        Assert.That(
            File.GetUnixFileMode(Path.Combine(_folder, "signing.key")),
            Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));

        // An open connection without a request does not delay the stop.
        using var idle = new TcpClient();
        await idle.ConnectAsync(IPAddress.Loopback, port);
        var clock = Stopwatch.StartNew();
        Kill(server, "TERM");
        await server.WaitForExitAsync();

        Assert.That(server.ExitCode, Is.Zero);
        Assert.That(clock.Elapsed, Is.LessThan(_soon));
    }

    [Test]
    public void The_framework_does_not_vary_the_number_of_pool_threads()
    {
        var file = Path.Combine(AppContext.BaseDirectory, "matrix-host.runtimeconfig.json");
        var properties = JsonNode.Parse(File.ReadAllText(file))!["runtimeOptions"]!["configProperties"]!;

        Assert.That((bool)properties["System.Threading.ThreadPool.HillClimbing.Disable"]!, Is.True);
    }

    [Test]
    public async Task A_sync_that_waits_is_answered_when_the_server_is_asked_to_end()
    {
        var address = new Uri($"http://127.0.0.1:{Repository.FreePort()}");
        var metrics = new Uri($"http://127.0.0.1:{Repository.FreePort()}/metrics");
        using var server = Start(
            [],
            ("MATRIX_LISTENERS__CLIENT", address.Authority),
            ("MATRIX_LISTENERS__METRICS", metrics.Authority),
            ("MATRIX_REGISTRATION__ENABLED", "true"));
        for (var i = 0; i < 3; i++) await NextSaidAsync(server);

        using var http = new HttpClient { BaseAddress = address };
        using var registered = await http.PostAsJsonAsync(
            "/_matrix/client/v3/register",
            new { username = "alice", password = "alice-password", auth = new { type = "m.login.dummy" } });
        var account = JsonNode.Parse(await registered.Content.ReadAsStringAsync())!;
        http.DefaultRequestHeaders.Authorization =
            new AuthenticationHeaderValue("Bearer", (string)account["access_token"]!);
        var since = (string)JsonNode.Parse(await http.GetStringAsync("/_matrix/client/v3/sync"))!["next_batch"]!;
        var waiting = Enumerable.Range(0, 3)
            .Select(_ => http.GetAsync($"/_matrix/client/v3/sync?timeout=60000&since={since}")).ToList();
        // A request that comes after the signal is not served.
        Assert.That(
            async () => await http.GetStringAsync(metrics),
            Does.Match("(?m)^matrix_http_requests_running 3$").After(30_000, 50));
        await Task.Delay(500);
        Assert.That(waiting.Select(each => each.IsCompleted), Is.All.False);

        var clock = Stopwatch.StartNew();
        Kill(server, "TERM");
        var answers = await Task.WhenAll(waiting);
        var answered = clock.Elapsed;
        await server.WaitForExitAsync();
        var ended = clock.Elapsed;

        foreach (var answer in answers)
        {
            Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK));
            Assert.That(
                (string?)JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["next_batch"],
                Is.Not.Null.And.Not.Empty);
            answer.Dispose();
        }

        Assert.That(answered, Is.LessThan(_soon), "the timeout of the requests is twice that");
        Assert.That((server.ExitCode, ended < _soon), Is.EqualTo((0, true)));
    }

    [Test]
    public async Task A_taken_port_is_reported_in_one_line()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();

        await RefusesAsync(
            $"listeners: .*:{((IPEndPoint)taken.LocalEndpoint).Port}.*in use",
            ("MATRIX_LISTENERS__CLIENT", taken.LocalEndpoint.ToString()!));
    }

    [Test]
    public async Task An_address_of_another_machine_is_reported_in_one_line() =>
        await RefusesAsync(
            "^listeners: cannot listen on 192\\.0\\.2\\.1:8008: ",
            ("MATRIX_LISTENERS__CLIENT", "192.0.2.1:8008"));

    [Test]
    public async Task An_unusable_data_folder_is_reported_in_one_line()
    {
        var file = Path.Combine(_folder, "file");
        await File.WriteAllTextAsync(file, "");
        await RefusesAsync("^.*/file/homeserver.yaml: cannot be written: ", ("MATRIX_DATA_DIR", file));

        var config = Path.Combine(_folder, "named.yaml");
        await File.WriteAllTextAsync(config, "server_name: x.example\n");
        await RefusesAsync("^data_dir: .*/file cannot be used: ", ("MATRIX_DATA_DIR", file), ("MATRIX_CONFIG", config));
    }

    [Test]
    public async Task A_second_server_on_the_same_database_is_refused_in_one_line()
    {
        using var first = Start([], ("MATRIX_LISTENERS__CLIENT", "127.0.0.1:0"));
        for (var i = 0; i < 2; i++) await NextSaidAsync(first);

        await RefusesAsync("database: ");

        Kill(first, "TERM");
        await first.WaitForExitAsync();
    }

    [Test]
    public async Task A_database_that_cannot_be_opened_is_reported_in_one_line()
    {
        await RefusesAsync("database: ", ("MATRIX_DATABASE__URL", "sqlite:/proc/no-such-folder/matrix.db"));
        await RefusesAsync("database: ", ("MATRIX_DATABASE__URL", "postgres://nobody:nothing@127.0.0.1:1/none"));
    }

    [Test]
    public async Task A_mistake_in_the_configuration_is_reported_in_one_line()
    {
        await File.WriteAllTextAsync(Path.Combine(_folder, "homeserver.yaml"), "server_name: x\nlimit: 3\n");

        await RefusesAsync("homeserver.yaml:2: unknown setting `limit`");
    }

    [Test]
    public async Task A_named_configuration_must_exist() =>
        await RefusesAsync("/no/such.yaml: there is no such file", ("MATRIX_CONFIG", "/no/such.yaml"));

    [Test]
    public async Task A_broken_key_is_reported_in_one_line()
    {
        await File.WriteAllTextAsync(Path.Combine(_folder, "signing.key"), "nonsense\n");

        await RefusesAsync("signing.key: expected one line `ed25519 VERSION SEED`");
    }

    private async Task RefusesAsync(string pattern, params (string, string)[] environment)
    {
        using var server = Start([], [("MATRIX_LISTENERS__CLIENT", "127.0.0.1:0"), .. environment]);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await using var end = patience.Token.Register(server.Kill);
        var output = server.StandardOutput.ReadToEndAsync();
        var error = await server.StandardError.ReadToEndAsync();
        await server.WaitForExitAsync();

        Assert.That(error, Does.Match(pattern));
        Assert.That(error.TrimEnd('\n').Split('\n'), Has.Length.EqualTo(1), error);
        Assert.That(
            (await output)
                .Split('\n')
                .Where(line => line.Length > 0 && !line.StartsWith("Wrote ", StringComparison.Ordinal))
                .Where(line => !IsLogged(line)),
            Is.Empty);
        Assert.That(server.ExitCode, Is.EqualTo(1));
    }

    private Process Start(string[] arguments, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(
            "dotnet",
            [Path.Combine(AppContext.BaseDirectory, "matrix-host.dll"), .. arguments])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        start.Environment["MATRIX_DATA_DIR"] = _folder;
        foreach (var (name, value) in environment) start.Environment[name] = value;
        return Process.Start(start)!;
    }

    /// <summary>The next line that is not the log's, which may write between any two lines.</summary>
    private static async Task<string?> NextSaidAsync(Process server)
    {
        string? line;
        do line = await server.StandardOutput.ReadLineAsync();
        while (line is not null && IsLogged(line));
        return line;
    }

    private static bool IsLogged(string line) => line.StartsWith("time=", StringComparison.Ordinal);

    private static void Kill(Process process, string signal)
    {
        using var kill = Process.Start(
            "kill",
            [$"-{signal}", process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }
}
