using Matrix.Benchmarks.Measures;
using Matrix.LoadGen.Servers;
using Matrix.LoadGen.Workloads;
using Matrix.Processes;

namespace Matrix.Benchmarks.Clients.Servers;

/// <summary>One of our servers, and its users.</summary>
internal sealed class ClientServer : IDisposable
{
    private ClientServer(HomeserverProcess process) => Process = process;

    public HomeserverProcess Process { get; }

    /// <summary>The server as a stage of the load generator.</summary>
    public Stage Stage { get; private set; } = null!;

    public Population Population => Stage.Population;

    /// <summary>Its resident memory in megabytes.</summary>
    public double Megabytes => ProcessFigures.ResidentMegabytes(Process.ProcessId);

    /// <summary>Starts a server on a database; null for SQLite in the data folder.</summary>
    public static Task<ClientServer> StartAsync(string? databaseUrl, CancellationToken stop) =>
        StartAsync(databaseUrl, new Dictionary<string, string>(), stop);

    /// <summary>Starts a server with further environment variables.</summary>
    public static async Task<ClientServer> StartAsync(
        string? databaseUrl, IReadOnlyDictionary<string, string> settings, CancellationToken stop)
    {
        var server = new ClientServer(new HomeserverProcess(databaseUrl, settings));
        try
        {
            await server.Process.StartAsync(stop);
            server.Stage = Bench.StageOf(server.Process, new Settings());
            return server;
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }

    public void Dispose() => Process.Dispose();
}
