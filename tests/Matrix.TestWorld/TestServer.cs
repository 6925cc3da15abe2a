using System.Collections;
using System.Net;
using Matrix.Host;
using Matrix.Host.Configuration;
using Matrix.Host.Crypto;
using Matrix.Host.Network.Keys;
using Matrix.Host.Storage.Commits;
using Matrix.TestWorld.Authorities;
using Matrix.TestWorld.Peers;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.TestWorld;

/// <summary>
/// A real homeserver in this process, with a data folder of its own. Each of its starts serves the same folder, so that
/// a test can restart it.
/// </summary>
public sealed class TestServer : ServerUnderTest
{
    /// <summary>The name of a server that does not federate, unless a test chooses another.</summary>
    public const string ServerName = "test.example";

    /// <summary>The secret for registering users.</summary>
    public const string SharedSecret = "the-tests-own-secret";

    private static readonly Func<IChangeConsumer, bool>? _byChance =
        int.TryParse(Environment.GetEnvironmentVariable("MATRIX_TEST_MISSES"), out var many)
            ? _ => Random.Shared.Next(many) == 0
            : null;

    private static readonly bool _areDecoded = Environment.GetEnvironmentVariable("MATRIX_TEST_DECODED") == "1";

    /// <summary>
    /// With the environment variable `MATRIX_TEST_NODES=3`, servers that name no database are three nodes, and each
    /// request and connection goes to one that is drawn.
    /// </summary>
    private static readonly int _nodesOfEach =
        int.TryParse(Environment.GetEnvironmentVariable("MATRIX_TEST_NODES"), out var nodes) ? nodes : 1;

    private readonly Dictionary<string, string> _settings;
    private readonly LineLog _log = new();
    private readonly AheadClock _clock = new();
    private readonly KnownKeys? _keys;
    private Homeserver? _server;
    private JudgedWriter? _writer;
    private DecodedWriter? _decoded;

    /// <summary>The other nodes of its server; null if it is one by itself.</summary>
    private OtherNodes? _others;

    private TestServer(Dictionary<string, string> settings, string folder, KnownKeys? keys)
    {
        _settings = settings;
        _keys = keys;
        Folder = folder;
    }

    public override string Name => _settings["server_name"];

    public override Uri ClientAddress =>
        (_others is { } others ? others.Draw(this) : this)._server!.ClientAddress!;

    public override Uri FederationAddress =>
        (_others is { } others ? others.Draw(this) : this)._server!.FederationAddresses[0];

    /// <summary>The address of the listener of the administration API; null if it has none of its own.</summary>
    public Uri? AdminAddress => _server!.AdminAddress;

    /// <summary>The nodes of its server; itself, if it is one.</summary>
    public IReadOnlyList<TestServer> Nodes => _others is null ? [this] : [this, .. _others.Nodes];

    /// <summary>A setting that the test or the cluster gave it.</summary>
    internal string Setting(string key) => _settings[key];

    /// <summary>The data folder.</summary>
    public string Folder { get; }

    /// <summary>The environment variables with which a command works on this server.</summary>
    public IReadOnlyDictionary<string, string> Variables =>
        _settings.ToDictionary(setting => VariableOf(setting.Key), setting => setting.Value);

    /// <summary>The lead of the server's clock.</summary>
    public TimeSpan Ahead
    {
        get => _clock.Ahead;
        set => _clock.Ahead = value;
    }

    /// <summary>
    /// Whether a consumer misses the flush that begins; asked on the writer's thread. Null if none does. With the
    /// environment variable `MATRIX_TEST_MISSES=5` each consumer misses one flush in five, at random.
    /// </summary>
    internal Func<IChangeConsumer, bool>? Misses { get; set; } = _byChance;

    /// <summary>Called with each batch that the server writes, by many threads.</summary>
    internal Action<WriteBatch>? Writes { get; set; }

    /// <summary>
    /// Whether consumers get changes as those of another node do, from the next start on: written as bytes, and read.
    /// With the environment variable `MATRIX_TEST_DECODED=1` those of all servers do.
    /// </summary>
    internal bool Decodes { get; set; } = _areDecoded;

    /// <summary>Replaces parts of the server from its next start on.</summary>
    public Action<IServiceCollection>? Replaces { get; set; }

    /// <summary>The server's parts.</summary>
    public IServiceProvider Services => _server!.Services;

    /// <summary>The first user's registration token.</summary>
    public string? FirstUserToken => _server!.FirstUserToken;

    /// <summary>The log so far.</summary>
    public string Log => _log.Lines;

    /// <summary>Starts a server without federation. Settings are named as in the configuration.</summary>
    public static Task<TestServer> StartAsync(params (string Key, string Value)[] settings) =>
        StartAsync(keys: null, replaces: null, [("server_name", ServerName), .. settings]);

    /// <summary>
    /// Starts a server of several nodes on one PostgreSQL database. Each request goes to a node that is drawn: no
    /// balancer keeps a client at one of them.
    /// </summary>
    public static Task<TestServer> StartNodesAsync(int nodes, params (string Key, string Value)[] settings) =>
        StartAsync(keys: null, replaces: null, [("server_name", ServerName), .. settings], nodes: nodes);

    /// <summary>
    /// Starts a server of several nodes that federates over TLS: a balancer brings connections of other servers to its
    /// nodes in turn.
    /// </summary>
    public static Task<TestServer> StartFederatingNodesAsync(
        int nodes, params (string Key, string Value)[] settings) =>
        StartAsync(keys: null, replaces: null, [.. Federating(Loopback.Next()), .. settings], nodes: nodes);

    /// <summary>
    /// Starts a server that federates over TLS, on a database, or on SQLite in its folder. Its name is
    /// `127.0.N.1:PORT`.
    /// </summary>
    public static Task<TestServer> StartFederatingAsync(
        string? databaseUrl = null, params (string Key, string Value)[] settings) => StartAsync(
        keys: null,
        replaces: null,
        [
            .. Federating(Loopback.Next()),
            .. databaseUrl is null ? [] : (IEnumerable<(string, string)>)[("database.url", databaseUrl)],
            .. settings,
        ]);

    /// <summary>
    /// Starts a server that federates over TLS, and fetches no keys: it knows those of itself and of the peers that it
    /// is given by <see cref="Knows"/>.
    /// </summary>
    public static Task<TestServer> StartWithKnownKeysAsync(params (string Key, string Value)[] settings) =>
        StartWithKnownKeysAsync(replaces: null, settings);

    /// <summary>Starts such a server with other parts.</summary>
    public static Task<TestServer> StartWithKnownKeysAsync(
        Action<IServiceCollection>? replaces, params (string Key, string Value)[] settings) =>
        StartAsync(new KnownKeys(), replaces, [.. Federating(Loopback.Next()), .. settings]);

    /// <summary>Starts such a server without TLS, unless the settings say it.</summary>
    public static Task<TestServer> StartWithoutTlsAsync(
        IPEndPoint listener, Action<IServiceCollection>? replaces, params (string Key, string Value)[] settings) =>
        StartAsync(new KnownKeys(), replaces, [.. Listening(listener), .. settings]);

    /// <summary>Starts a node, which has the signing key of the other nodes of its server.</summary>
    internal static Task<TestServer> StartNodeAsync(
        string signingKey, KnownKeys? keys, params (string Key, string Value)[] settings) =>
        StartAsync(keys, replaces: null, settings, signingKey);

    /// <summary>The keys that it knows instead of fetching them; null if it fetches them.</summary>
    internal KnownKeys? Keys => _keys;

    /// <summary>Makes a peer's keys known.</summary>
    public TestServer Knows(Peer peer)
    {
        _keys!.Peers[peer.Name] = peer;
        return this;
    }

    /// <summary>Makes a peer's keys unknown.</summary>
    public void Forgets(Peer peer) => _keys!.Peers.TryRemove(peer.Name, out _);

    /// <summary>Waits for a stop. False if the server stops by itself.</summary>
    public Task<bool> RunsUntilAsync(CancellationToken stop) => _server!.RunsUntilAsync(stop);

    /// <summary>Stops the server as an operator does, and starts it with the same data.</summary>
    public async Task RestartAsync(params (string Key, string Value)[] settings)
    {
        await StopAsync();
        await StartAgainAsync(settings);
    }

    /// <summary>
    /// Stops the server; its data stays. The test fails if a batch did not name what has authority over it.
    /// </summary>
    public async Task StopAsync()
    {
        Disconnect();
        if (_others is not null) await _others.StopAsync();
        if (_server is not null) await _server.DisposeAsync();
        _server = null;
        var faults = _writer?.Faults ?? [];
        _writer = null;
        Assert.That(faults, Is.Empty);
        if (_decoded is not { } decoded) return;
        _decoded = null;
        await decoded.DisposeAsync();
        Assert.That(decoded.Faults, Is.Empty, "consumers of decoded changes");
    }

    /// <summary>Starts the server after a stop, with the same data.</summary>
    public Task StartAgainAsync(params (string Key, string Value)[] settings)
    {
        foreach (var (key, value) in settings) _settings[key] = value;
        return _others is null ? StartAsync() : StartWithOthersAsync(_others, settings);
    }

    private async Task StartWithOthersAsync(OtherNodes others, (string Key, string Value)[] settings)
    {
        await StartAsync();
        await others.StartAgainAsync(this, settings);
    }

    /// <summary>Stops the server and deletes its data.</summary>
    public override async ValueTask DisposeAsync()
    {
        try
        {
            await StopAsync();
        }
        finally
        {
            await base.DisposeAsync();
            if (_others is not null) await _others.DisposeAsync();
            _log.Dispose();
            Directory.Delete(Folder, recursive: true);
        }
    }

    private static async Task<TestServer> StartAsync(
        KnownKeys? keys,
        Action<IServiceCollection>? replaces,
        IEnumerable<(string Key, string Value)> settings,
        string? signingKey = null,
        int? nodes = null)
    {
        var folder = Directory.CreateTempSubdirectory("matrix-server-").FullName;
        if (signingKey is not null)
        {
            await File.WriteAllTextAsync(Path.Combine(folder, OtherNodes.SigningKey), signingKey);
        }

        var all = new Dictionary<string, string>
        {
            ["data_dir"] = folder,
            ["listeners.client"] = "127.0.0.1:0",
            ["registration.enabled"] = "true",
            ["registration.shared_secret"] = SharedSecret,
            ["rate_limits.enabled"] = "false",
            // It would wake long-polls in tests that wait for something else, and send EDUs.
            ["presence.mode"] = "off",
            // Tests hash many passwords that nobody will try to guess.
            ["passwords.memory"] = "64KiB",
            ["passwords.operations"] = "1",
            ["jobs.grace"] = "1ms",
            // Most tests of images are not about the sandbox, which not every machine allows.
            ["media.images_without_sandbox"] = "true",
        };
        foreach (var (key, value) in settings) all[key] = value;
        OtherNodes? others = null;
        if (all.GetValueOrDefault("database.url", EmptyDatabase.Url) == EmptyDatabase.Url)
        {
            nodes ??= replaces is null ? _nodesOfEach : 1;
            if (nodes > 1)
            {
                others = await OtherNodes.CreateAsync(nodes.Value - 1);
                others.Configure(all, folder, "node0");
            }
            else
            {
                await EmptyDatabase.CopyIntoAsync(folder);
            }
        }

        var server = new TestServer(all, folder, keys) { Replaces = replaces, _others = others };
        try
        {
            await server.StartAsync();
            if (others is not null) await others.StartAsync(server, all);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    private static IEnumerable<(string Key, string Value)> Listening(IPEndPoint listener) =>
    [
        ("server_name", listener.ToString()),
        ("listeners.federation", listener.ToString()),
    ];

    private static IEnumerable<(string Key, string Value)> Federating(IPEndPoint listener)
    {
        var (certificate, key) = TestCa.Shared.Issue(listener.Address.ToString());
        return
        [
            .. Listening(listener),
            ("tls.certificate", certificate),
            ("tls.key", key),
            ("federation.custom_ca", TestCa.Shared.RootFile),
            ("federation.allow_networks", "127.0.0.0/8"),
        ];
    }

    private async Task StartAsync()
    {
        var environment = new Hashtable();
        foreach (var (key, value) in _settings) environment[VariableOf(key)] = value;
        var (values, mistakes) = ConfigValues.Read("homeserver.yaml", file: null, environment);
        Assert.That(mistakes, Is.Empty);
        var (config, more) = HomeserverConfig.From(values, Folder);
        Assert.That(more, Is.Empty);

        _server = await Homeserver.StartAsync(config!, _log, _clock, CancellationToken.None, Replace);
        if (_keys is null) return;
        var own = Services.GetRequiredService<SigningKeyRing>().InUse;
        _keys.Own = new ServerKey(Name, own.Id, own.Key.PublicKey.ToArray(), long.MaxValue, ExpiredAt: null);
    }

    private void Replace(IServiceCollection services)
    {
        if (_keys is not null) services.AddSingleton<IServerKeys>(_keys);
        var writer = (IStorageWriter)services
            .Last(static part => part.ServiceType == typeof(IStorageWriter)).ImplementationInstance!;
        writer = _writer = new JudgedWriter(writer, batch => Writes?.Invoke(batch));
        if (Decodes) writer = _decoded = new DecodedWriter(writer);
        services.AddSingleton<IStorageWriter>(
            new MissingWriter(writer, consumer => Misses?.Invoke(consumer) == true));
        Replaces?.Invoke(services);
    }

    /// <summary>The environment variable of a setting.</summary>
    internal static string VariableOf(string key) =>
        "MATRIX_" + key.ToUpperInvariant().Replace(".", "__", StringComparison.Ordinal);

    private sealed class AheadClock : TimeProvider
    {
        public TimeSpan Ahead { get; set; }

        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + Ahead;
    }
}
