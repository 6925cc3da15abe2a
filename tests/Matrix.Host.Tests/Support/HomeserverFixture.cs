using System.Collections;
using System.Text.Json.Nodes;
using Matrix.Host.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Support;

/// <summary>
/// A real homeserver in this process: Kestrel on a free port, a database in a folder of its own. Each start of one
/// fixture serves the same folder, so that a test can restart it.
/// </summary>
public sealed class HomeserverFixture : IAsyncDisposable
{
    /// <summary>The server's name, unless a test asks for another.</summary>
    public const string ServerName = "test.example";

    /// <summary>The secret for registering users.</summary>
    public const string SharedSecret = "the-tests-own-secret";

    private readonly Dictionary<string, string> _settings;
    private readonly LineLog _log = new();
    private readonly AheadClock _clock = new();
    private Homeserver? _server;
    private HttpClient? _http;

    private HomeserverFixture(Dictionary<string, string> settings, string folder)
    {
        _settings = settings;
        Folder = folder;
    }

    /// <summary>The data folder.</summary>
    public string Folder { get; }

    /// <summary>The base address.</summary>
    public Uri Address => _server!.ClientAddress!;

    /// <summary>The address of the listener of the administration API; null if it has none of its own.</summary>
    public Uri? AdminAddress => _server!.AdminAddress;

    /// <summary>The address of the federation listener; null if there is none.</summary>
    public Uri? FederationAddress => _server!.FederationAddresses.Count > 0 ? _server.FederationAddresses[0] : null;

    /// <summary>A client without a token.</summary>
    public TestClient Anyone => new(this, token: null);

    /// <summary>The lead of the server's clock.</summary>
    public TimeSpan Ahead
    {
        get => _clock.Ahead;
        set => _clock.Ahead = value;
    }

    /// <summary>Replaces parts of the server from its next start on.</summary>
    internal Action<IServiceCollection>? Replaces { get; set; }

    /// <summary>The server's services.</summary>
    public IServiceProvider Services => _server!.Services;

    /// <summary>The first user's registration token.</summary>
    public string? FirstUserToken => _server!.FirstUserToken;

    /// <summary>The log so far.</summary>
    public string Log => _log.Lines;

    internal HttpClient Http => _http!;

    /// <summary>Waits for a stop. False if the server stops by itself.</summary>
    internal Task<bool> RunsUntilAsync(CancellationToken stop) => _server!.RunsUntilAsync(stop);

    /// <summary>Starts a server with settings as in the configuration: `("registration.enabled", "false")`.</summary>
    public static async Task<HomeserverFixture> StartAsync(params (string Key, string Value)[] settings)
    {
        var folder = Directory.CreateTempSubdirectory("matrix-host-").FullName;
        var all = new Dictionary<string, string>
        {
            ["server_name"] = ServerName,
            ["data_dir"] = folder,
            ["listeners.client"] = "127.0.0.1:0",
            ["registration.enabled"] = "true",
            ["registration.shared_secret"] = SharedSecret,
            ["rate_limits.enabled"] = "false",
            // It would wake long-polls in tests that wait for something else.
            ["presence.mode"] = "off",
            // Tests hash many passwords that nobody will try to guess.
            ["passwords.memory"] = "64KiB",
            ["passwords.operations"] = "1",
            ["jobs.grace"] = "1ms",
            // Most tests of images are not about the sandbox, which not every machine allows.
            ["media.images_without_sandbox"] = "true",
        };
        foreach (var (key, value) in settings) all[key] = value;
        if (all.GetValueOrDefault("database.url", EmptyDatabase.Url) == EmptyDatabase.Url)
        {
            await EmptyDatabase.CopyIntoAsync(folder);
        }

        var fixture = new HomeserverFixture(all, folder);
        await fixture.StartAsync();
        return fixture;
    }

    /// <summary>Stops the server as an operator does, and starts it with the same data.</summary>
    public async Task RestartAsync(params (string Key, string Value)[] settings)
    {
        foreach (var (key, value) in settings) _settings[key] = value;
        await StopAsync();
        await StartAsync();
    }

    /// <summary>Stops the server; its data stays.</summary>
    public async Task StopAsync()
    {
        _http?.Dispose();
        if (_server is not null) await _server.DisposeAsync();
        _server = null;
    }

    /// <summary>Registers a user, whose password is `NAME-password`, and logs in.</summary>
    public async Task<TestUser> RegistersAsync(string name)
    {
        var password = name + "-password";
        var reply = await Anyone.PostAsync("/_matrix/client/v3/register", new JsonObject
        {
            ["username"] = name,
            ["password"] = password,
            ["auth"] = new JsonObject { ["type"] = "m.login.dummy" },
        });
        Assert.That(reply.Status, Is.EqualTo(200), reply.Text);
        return new TestUser(
            this, reply.Member("user_id"), reply.Member("device_id"), reply.Member("access_token"), password);
    }

    /// <summary>Stops the server and deletes its data.</summary>
    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _log.Dispose();
        Directory.Delete(Folder, recursive: true);
    }

    private async Task StartAsync()
    {
        var environment = new Hashtable();
        foreach (var (key, value) in _settings)
        {
            environment["MATRIX_" + key.ToUpperInvariant().Replace(".", "__", StringComparison.Ordinal)] = value;
        }

        var (values, mistakes) = ConfigValues.Read("homeserver.yaml", file: null, environment);
        Assert.That(mistakes, Is.Empty);
        var (config, more) = HomeserverConfig.From(values, Folder);
        Assert.That(more, Is.Empty);

        _server = await Homeserver.StartAsync(config!, _log, _clock, CancellationToken.None, Replaces);
        _http = new HttpClient(new SocketsHttpHandler
        {
            UseProxy = false,
            AllowAutoRedirect = false,
            UseCookies = false,
        })
        {
            BaseAddress = Address,
        };
    }

    private sealed class AheadClock : TimeProvider
    {
        public TimeSpan Ahead { get; set; }

        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + Ahead;
    }
}
