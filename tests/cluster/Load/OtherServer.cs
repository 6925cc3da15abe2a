using Matrix.Processes.Network;
using Matrix.Processes.Synapse;

namespace Matrix.ClusterFaults.Load;

/// <summary>A server by itself, which federates with the cluster, and a user of it.</summary>
internal sealed class OtherServer : IDisposable
{
    private readonly IDisposable _server;
    private readonly Traffic _traffic;
    private readonly Func<int, IReadOnlyList<string>> _errors;

    private OtherServer(IDisposable server, Uri url, Func<int, IReadOnlyList<string>> errors) =>
        (_server, _traffic, _errors) = (server, new Traffic([url]), errors);

    public Person Visitor { get; private set; } = null!;

    /// <summary>What it is.</summary>
    public required string What { get; init; }

    /// <summary>In how many rooms of a round its user is.</summary>
    public required int Rooms { get; init; }

    /// <summary>
    /// Whether its syncs are judged, too. Those of a Synapse repeat events around a gap that is filled, and leave some
    /// out that are in its history.
    /// </summary>
    public required bool IsSyncJudged { get; init; }

    /// <summary>Starts a server of this project.</summary>
    public static async Task<OtherServer> StartAsync(IServerAuthority authority)
    {
        var server = new FederatingProcess(ServerAddress.Next(authority));
        try
        {
            server.Process.Settings["MATRIX_FEDERATION__ALLOW_NETWORKS"] = "127.0.0.0/8,::1/128";
            await server.Process.StartAsync();
        }
        catch
        {
            server.Dispose();
            throw;
        }

        return await new OtherServer(server, new Uri(server.Process.Url), server.Process.LoggedErrors)
        {
            What = "another server",
            Rooms = RoomLoad.Rooms,
            IsSyncJudged = true,
        }.WithVisitorAsync();
    }

    /// <summary>
    /// Starts a Synapse. Its user is in one room, because all that is written would be more than it can take.
    /// </summary>
    public static async Task<OtherServer> StartSynapseAsync(SynapseLab lab)
    {
        var synapse = await lab.StartAsync("cluster", CancellationToken.None);
        return await new OtherServer(synapse, synapse.Url, synapse.LoggedErrors)
        {
            What = "Synapse",
            Rooms = 1,
            IsSyncJudged = false,
        }.WithVisitorAsync();
    }

    /// <summary>The first errors of its log.</summary>
    public IReadOnlyList<string> LoggedErrors(int count) => _errors(count);

    /// <summary>Keeps its files, and says where they are; empty if it always deletes them.</summary>
    public string KeepFiles()
    {
        if (_server is not FederatingProcess server) return "";
        server.Process.KeepsFiles = true;
        return server.Process.Folder;
    }

    public void Dispose()
    {
        _traffic.Dispose();
        _server.Dispose();
    }

    private async Task<OtherServer> WithVisitorAsync()
    {
        try
        {
            Visitor = await Person.RegisterAsync(_traffic, "visitor");
            return this;
        }
        catch
        {
            Dispose();
            throw;
        }
    }
}
