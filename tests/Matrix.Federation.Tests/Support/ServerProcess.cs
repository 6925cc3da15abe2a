using Matrix.Processes;

namespace Matrix.Federation.Tests.Support;

/// <summary>A real server process with TLS, named `127.0.N.1:PORT` after its federation listener.</summary>
public sealed class ServerProcess : IServerUnderTest
{
    private readonly FederatingProcess _process;
    private readonly HttpClient _http = TestCa.Shared.Client();

    private ServerProcess(string? databaseUrl, IEnumerable<KeyValuePair<string, string>> settings) =>
        _process = new FederatingProcess(ServerAddress.Next(), databaseUrl, settings);

    public string Name => _process.Name;

    public Uri FederationAddress => new($"https://{Name}");

    public Uri ClientAddress => new(Process.Url);

    /// <summary>The process, to stop, kill and start it again.</summary>
    public HomeserverProcess Process => _process.Process;

    /// <summary>Starts a server on a database, or on SQLite in a folder of its own.</summary>
    public static async Task<ServerProcess> StartAsync(
        string? databaseUrl = null, params (string Variable, string Value)[] settings)
    {
        var server = new ServerProcess(
            databaseUrl, settings.Select(setting => KeyValuePair.Create(setting.Variable, setting.Value)));
        try
        {
            await server.Process.StartAsync();
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
