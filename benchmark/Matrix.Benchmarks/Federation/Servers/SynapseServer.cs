using Matrix.LoadGen.Http;
using Matrix.LoadGen.Servers;
using Matrix.LoadGen.Workloads;
using Matrix.Processes.Synapse;

namespace Matrix.Benchmarks.Federation.Servers;

/// <summary>A running Synapse, and its users.</summary>
internal sealed class SynapseServer(SynapseProcess process) : IFederatedServer
{
    public string Name => process.Name;

    /// <summary>Its process.</summary>
    public int ProcessId => process.Id;

    public Population Population => Stage.Population;

    /// <summary>The server as a stage of the load generator.</summary>
    public Stage Stage { get; } = StageOf(new Server(
        process.Name, ServerKind.Homeserver, Target.Parse(process.Url.AbsoluteUri), SynapseProcess.SharedSecret, [],
        ProcessId: null, DataFolder: null));

    /// <summary>Starts a new Synapse.</summary>
    public static async Task<SynapseServer> StartAsync(SynapseLab lab, string name, CancellationToken stop) =>
        new(await lab.StartAsync(name, stop));

    public void Dispose() => process.Dispose();

    private static Stage StageOf(Server server) => new(server, new Population(server), new Settings());
}
