using Matrix.Benchmarks.Cluster.Servers;
using Matrix.Benchmarks.Federation.Servers;
using Matrix.Benchmarks.Measures;
using Matrix.ClusterNodes;
using Matrix.LoadGen.Servers;
using Matrix.Processes;
using Matrix.Processes.Synapse;

namespace Matrix.Benchmarks.Users;

/// <summary>A server on which people live, and what it uses.</summary>
internal sealed class UsersServer : IAsyncDisposable
{
    private readonly List<IAsyncDisposable> _owned = [];
    private readonly List<IDisposable> _ownedToo = [];
    private Action<bool> _bound = static _ => { };

    private UsersServer(string name) => Name = name;

    /// <summary>Its column.</summary>
    public string Name { get; }

    public Server Server { get; private set; } = null!;

    /// <summary>The processes that answer requests.</summary>
    public Func<IEnumerable<int>> Processes { get; private set; } = null!;

    /// <summary>The process that all of its database are children of.</summary>
    public int Database { get; private set; }

    /// <summary>Whether its processor time is bounded.</summary>
    public bool IsBound { get; private set; }

    /// <summary>Its processor time in milliseconds.</summary>
    public double Milliseconds => Processes().Sum(ProcessorTimes.Of);

    /// <summary>Its database's processor time in milliseconds.</summary>
    public double DatabaseMilliseconds => ProcessorTimes.OfFamily(Database);

    /// <summary>Its memory in megabytes.</summary>
    public double Megabytes => Processes().Sum(ProcessorTimes.FamilyMegabytes);

    /// <summary>Its database's memory in megabytes.</summary>
    public double DatabaseMegabytes => ProcessorTimes.FamilyMegabytes(Database);

    /// <summary>Starts nodes that together have a share of the processors. A client's requests stay at one.</summary>
    public static async Task<UsersServer> StartNodesAsync(int nodes, double processors)
    {
        var server = new UsersServer(nodes == 1 ? "one node" : $"{nodes} nodes");
        var stage = await ClusterStage.StartAsync(nodes, processors / nodes, peers: null, isInMemory: false);
        server._owned.Add(stage);
        server.Server = stage.Server(Balancing.Token);
        server.Processes = () => stage.Cluster.Nodes.Where(static each => each.Runs).Select(each => each.ProcessId);
        server.Database = stage.PostgresProcessId!.Value;
        server.IsBound = stage.Processors is not null;
        server._bound = isBound =>
        {
            if (isBound) stage.Bound();
            else stage.Loosen();
        };
        return server;
    }

    /// <summary>Starts a Synapse with the same share; null if this machine has no lab, which is said.</summary>
    public static async Task<UsersServer?> StartSynapseAsync(
        double processors, Action<string> say, CancellationToken stop)
    {
        if (SynapseLab.Find(say) is not { } lab) return null;
        var server = new UsersServer("Synapse");
        server._ownedToo.Add(lab);
        try
        {
            var synapse = await SynapseServer.StartAsync(lab, "measure-users", stop);
            server.Server = synapse.Stage.Server;
            var id = synapse.ProcessId;
            server.Processes = () => [id];
            server.Database = lab.PostgresProcessId;
            if (ProcessorShare.TryCreate("synapse", 1) is { } share)
            {
                // Ends after the process in it: what is added later ends earlier.
                server._ownedToo.Insert(0, share);
                share.Enter(id);
                server.IsBound = true;
                server._bound = isBound => share.Allow(isBound ? processors : Environment.ProcessorCount);
            }

            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Gives it its share, or more while it is prepared.</summary>
    public void Bound(bool isBound) => _bound(isBound);

    public async ValueTask DisposeAsync()
    {
        foreach (var each in _owned) await each.DisposeAsync();
        for (var i = _ownedToo.Count - 1; i >= 0; i--) _ownedToo[i].Dispose();
    }
}
