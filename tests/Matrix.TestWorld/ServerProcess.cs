using Matrix.Processes;

namespace Matrix.TestWorld;

/// <summary>
/// A real server process with TLS, named `127.0.N.1:PORT` after its federation listener: for tests that kill it, look
/// at its output, or run commands beside it. Others use <see cref="TestServer"/>.
/// </summary>
public sealed class ServerProcess : ServerUnderTest
{
    private readonly FederatingProcess _process;

    private ServerProcess(string? databaseUrl, IEnumerable<KeyValuePair<string, string>> settings) =>
        _process = new FederatingProcess(ServerAddress.Next(), databaseUrl, settings);

    public override string Name => _process.Name;

    public override Uri FederationAddress => new($"https://{Name}");

    public override Uri ClientAddress => new(Process.Url);

    /// <summary>The process, to stop, kill and start it again.</summary>
    public HomeserverProcess Process => _process.Process;

    /// <summary>
    /// Starts a server on a database, or on SQLite in a folder of its own. Settings are named as in the configuration.
    /// </summary>
    public static async Task<ServerProcess> StartAsync(
        string? databaseUrl = null, params (string Key, string Value)[] settings)
    {
        var server = new ServerProcess(
            databaseUrl,
            settings.Select(setting => KeyValuePair.Create(TestServer.VariableOf(setting.Key), setting.Value)));
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

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        _process.Dispose();
    }
}
