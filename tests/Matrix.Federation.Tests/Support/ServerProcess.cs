using Matrix.Processes;

namespace Matrix.Federation.Tests.Support;

/// <summary>A real server process with TLS, named `127.0.N.1:PORT` after its federation listener.</summary>
public sealed class ServerProcess : IServerUnderTest
{
    private readonly HomeserverProcess _process;
    private readonly HttpClient _http = TestCa.Shared.Client();

    private ServerProcess(string? databaseUrl, IEnumerable<KeyValuePair<string, string>> settings)
    {
        var listener = Loopback.Next();
        var (certificate, key) = TestCa.Shared.Issue(listener.Address.ToString());
        Name = listener.ToString();
        FederationAddress = new Uri($"https://{Name}");
        _process = new HomeserverProcess(databaseUrl, new Dictionary<string, string>
        {
            ["MATRIX_LISTENERS__FEDERATION"] = Name,
            ["MATRIX_TLS__CERTIFICATE"] = certificate,
            ["MATRIX_TLS__KEY"] = key,
            ["MATRIX_FEDERATION__CUSTOM_CA"] = TestCa.Shared.RootFile,
            ["MATRIX_FEDERATION__ALLOW_NETWORKS"] = "127.0.0.0/8",
            ["MATRIX_REGISTRATION__ENABLED"] = "true",
            ["MATRIX_PASSWORDS__MEMORY"] = "64KiB",
            ["MATRIX_PASSWORDS__OPERATIONS"] = "1",
        });
        _process.Settings["MATRIX_SERVER_NAME"] = Name;
        foreach (var (name, value) in settings) _process.Settings[name] = value;
    }

    public string Name { get; }

    public Uri FederationAddress { get; }

    public Uri ClientAddress => new(_process.Url);

    /// <summary>The process, to stop, kill and start it again.</summary>
    public HomeserverProcess Process => _process;

    /// <summary>Starts a server on a database, or on SQLite in a folder of its own.</summary>
    public static async Task<ServerProcess> StartAsync(
        string? databaseUrl = null, params (string Variable, string Value)[] settings)
    {
        var server = new ServerProcess(
            databaseUrl, settings.Select(setting => KeyValuePair.Create(setting.Variable, setting.Value)));
        try
        {
            await server._process.StartAsync();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    public Task<Reply> SendAsync(HttpRequestMessage request) => Reply.SendAsync(_http, request);

    public ValueTask DisposeAsync()
    {
        _http.Dispose();
        _process.Dispose();
        return ValueTask.CompletedTask;
    }
}
