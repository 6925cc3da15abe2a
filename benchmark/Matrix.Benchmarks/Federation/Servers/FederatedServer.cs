using Matrix.LoadGen.Http;
using Matrix.LoadGen.Servers;
using Matrix.LoadGen.Workloads;
using Matrix.Processes.Network;

namespace Matrix.Benchmarks.Federation.Servers;

/// <summary>A homeserver that federates, ours or another, and its users.</summary>
internal interface IFederatedServer : IDisposable
{
    /// <summary>The server's name.</summary>
    string Name { get; }

    /// <summary>Its users.</summary>
    Population Population { get; }
}

/// <summary>One of our servers, and its users.</summary>
internal sealed class FederatedServer : IFederatedServer
{
    private const int MostUsers = 20_000;

    private FederatedServer(FederatingProcess federating) => Federating = federating;

    public FederatingProcess Federating { get; }

    public string Name => Federating.Name;

    public Population Population { get; private set; } = null!;

    /// <summary>The server as a stage of the load generator.</summary>
    public Stage Stage { get; private set; } = null!;

    /// <summary>Starts a server.</summary>
    /// <param name="databaseUrl">The database; null for SQLite in the data folder.</param>
    /// <param name="address">Where it listens for other servers; null for an address of its own.</param>
    /// <param name="settings">Further environment variables.</param>
    public static async Task<FederatedServer> StartAsync(
        string? databaseUrl,
        ServerAddress? address,
        IEnumerable<KeyValuePair<string, string>>? settings,
        CancellationToken stop)
    {
        var server = new FederatedServer(
            new FederatingProcess(address ?? ServerAddress.Next(), databaseUrl, settings));
        try
        {
            await server.StartAsync(stop);
            return server;
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }

    public static Task<FederatedServer> StartAsync(string? databaseUrl, CancellationToken stop) =>
        StartAsync(databaseUrl, address: null, settings: null, stop);

    /// <summary>Starts the process, again after a stop.</summary>
    public async Task StartAsync(CancellationToken stop)
    {
        var process = Federating.Process;
        await process.StartAsync(stop);
        var seen = new Server(
            Name, ServerKind.Homeserver, Target.Parse(process.Url), process.Secret, [], process.ProcessId,
            process.DataFolder);
        Population ??= new Population(seen, MostUsers);
        Stage = new Stage(seen, Population, new Settings());
    }

    public void Dispose() => Federating.Dispose();
}
