using System.Collections;
using System.Collections.Concurrent;
using System.Net;
using Matrix.Host;
using Matrix.Host.Configuration;
using Matrix.Host.Crypto;
using Matrix.Host.Logging;
using Matrix.Host.Network.Keys;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Matrix.Federation.Tests.Support;

/// <summary>
/// A homeserver in this process with TLS, on SQLite. It knows its own keys and those of the peers that it is given, and
/// fetches none.
/// </summary>
public sealed class InProcessServer : IServerUnderTest
{
    private readonly string _folder;
    private readonly Homeserver _server;
    private readonly KnownKeys _keys;
    private readonly Lines _log;

    private InProcessServer(string folder, string name, Homeserver server, KnownKeys keys, Lines log)
    {
        _folder = folder;
        _server = server;
        _keys = keys;
        _log = log;
        Name = name;
        Http = TestCa.Shared.Client();
    }

    public string Name { get; }

    public Uri FederationAddress => _server.FederationAddresses[0];

    public Uri ClientAddress => _server.ClientAddress!;

    /// <summary>The lines that it has logged.</summary>
    public string Log => _log.ToString();

    /// <summary>The server's parts.</summary>
    public IServiceProvider Services => _server.Services;

    /// <summary>Trusts the test's certificate authority.</summary>
    private HttpClient Http { get; }

    /// <summary>Starts a server with TLS. Settings are named as in the configuration.</summary>
    public static Task<InProcessServer> StartAsync(params (string Key, string Value)[] settings) =>
        StartAsync(replace: null, settings);

    /// <summary>Starts a server with TLS and with other parts.</summary>
    public static async Task<InProcessServer> StartAsync(
        Action<IServiceCollection>? replace, params (string Key, string Value)[] settings)
    {
        var listener = Loopback.Next();
        var (certificate, key) = TestCa.Shared.Issue(listener.Address.ToString());
        return await StartAsync(listener, replace,
            [
                ("tls.certificate", certificate),
                ("tls.key", key),
                ("federation.custom_ca", TestCa.Shared.RootFile),
                ("federation.allow_networks", "127.0.0.0/8"),
                .. settings,
            ]);
    }

    /// <summary>Starts a server with these settings only, and with other parts.</summary>
    public static async Task<InProcessServer> StartAsync(
        IPEndPoint listener, Action<IServiceCollection>? replace, params (string Key, string Value)[] settings)
    {
        var folder = Directory.CreateTempSubdirectory("matrix-federation-").FullName;
        var environment = new Hashtable();
        (string, string)[] all =
        [
            ("server_name", listener.ToString()),
            ("data_dir", folder),
            ("listeners.client", "127.0.0.1:0"),
            ("listeners.federation", listener.ToString()),
            ("registration.enabled", "true"),
            ("rate_limits.enabled", "false"),
            // Tests of presence turn it on; the others count EDUs, or wait for something else.
            ("presence.mode", "off"),
            ("passwords.memory", "64KiB"),
            ("passwords.operations", "1"),
            .. settings,
        ];
        foreach (var (name, value) in all)
        {
            environment["MATRIX_" + name.ToUpperInvariant().Replace(".", "__", StringComparison.Ordinal)] = value;
        }

        var (values, mistakes) = ConfigValues.Read("homeserver.yaml", file: null, environment);
        Assert.That(mistakes, Is.Empty);
        var (config, more) = HomeserverConfig.From(values, folder);
        Assert.That(more, Is.Empty);

        var (keys, log) = (new KnownKeys(), new Lines());
        try
        {
            var server = await Homeserver.StartAsync(
                config!, log, TimeProvider.System, CancellationToken.None, Replace);
            var own = server.Services.GetRequiredService<SigningKeyRing>().InUse;
            keys.Own = new ServerKey(
                listener.ToString(), own.Id, own.Key.PublicKey.ToArray(), long.MaxValue, ExpiredAt: null);
            return new InProcessServer(folder, listener.ToString(), server, keys, log);
        }
        catch
        {
            Directory.Delete(folder, recursive: true);
            throw;
        }

        void Replace(IServiceCollection services)
        {
            services.AddSingleton<IServerKeys>(keys);
            replace?.Invoke(services);
        }
    }

    /// <summary>Makes a peer's keys known.</summary>
    public InProcessServer Knows(Peer peer)
    {
        _keys.Peers[peer.Name] = peer;
        return this;
    }

    /// <summary>Makes a peer's keys unknown.</summary>
    public void Forgets(Peer peer) => _keys.Peers.TryRemove(peer.Name, out _);

    public Task<Reply> SendAsync(HttpRequestMessage request) => Reply.SendAsync(Http, request);

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await _server.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>The keys that peers publish, as if they had been fetched.</summary>
    private sealed class KnownKeys : IServerKeys
    {
        public ConcurrentDictionary<string, Peer> Peers { get; } = new();

        /// <summary>The server's own key.</summary>
        public ServerKey? Own { get; set; }

        public ValueTask<IReadOnlyDictionary<string, ServerKey>> FindAsync(
            string server, IReadOnlyCollection<string> keyIds, long validAt, KeyUse use, CancellationToken stop)
        {
            var published = server == Own?.Server ? [Own]
                : Peers.TryGetValue(server, out var peer) ? peer.PublishedKeys
                : [];
            return ValueTask.FromResult<IReadOnlyDictionary<string, ServerKey>>(
                published.Where(key => keyIds.Contains(key.KeyId)).ToDictionary(key => key.KeyId));
        }
    }

    private sealed class Lines : ILoggerProvider
    {
        private readonly LineFormatter _formatter = new(json: false);
        private readonly StringWriter _lines = new();

        public ILogger CreateLogger(string categoryName) => new Source(this, categoryName);

        public override string ToString()
        {
            lock (_lines) return _lines.ToString();
        }

        public void Dispose()
        {
            // The lines are read after the server has ended.
        }

        private sealed class Source(Lines owner, string category) : ILogger
        {
            public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

            public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

            public void Log<TState>(
                LogLevel logLevel,
                EventId eventId,
                TState state,
                Exception? exception,
                Func<TState, Exception?, string> formatter)
            {
                var entry = new LogEntry<TState>(logLevel, category, eventId, state, exception, formatter);
                lock (owner._lines) owner._formatter.Write(in entry, scopeProvider: null, owner._lines);
            }
        }
    }
}
