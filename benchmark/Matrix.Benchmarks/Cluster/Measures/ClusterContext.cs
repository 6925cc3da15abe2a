using Matrix.Benchmarks.Cluster.Servers;
using Matrix.Benchmarks.Federation.Peers;
using Matrix.Benchmarks.Measures;

namespace Matrix.Benchmarks.Cluster.Measures;

/// <summary>The sizes of a run.</summary>
internal sealed record ClusterSizes
{
    /// <summary>The length of a measured phase.</summary>
    public double Seconds { get; init; } = 10;

    /// <summary>Phases of each cluster, by turns.</summary>
    public int Rounds { get; init; } = 3;

    /// <summary>The share of a processor that a node has.</summary>
    public double Share { get; init; } = 0.25;
}

/// <summary>What the measures of clusters share: two clusters, and what was found before.</summary>
internal sealed class ClusterContext(MeasureContext bench, ClusterSizes sizes) : IAsyncDisposable
{
    private const int Peers = 60;

    private readonly List<IAsyncDisposable> _owned = [];
    private SyntheticPeers? _peers;
    private ClusterStage? _one;
    private ClusterStage? _three;

    public MeasureContext Bench => bench;

    public ClusterSizes Sizes => sizes;

    /// <summary>Sends a second at the peak of each cluster; null until they were measured.</summary>
    public (double One, double Three)? Peaks { get; set; }

    /// <summary>Servers that both clusters can find.</summary>
    public async Task<SyntheticPeers> PeersAsync(CancellationToken stop)
    {
        if (_peers is not null) return _peers;
        _peers = await SyntheticPeers.StartAsync(Peers, stop);
        _owned.Add(_peers);
        return _peers;
    }

    /// <summary>The cluster of one node.</summary>
    public async Task<ClusterStage> OneAsync(CancellationToken stop) => _one ??= await StartAsync(1, stop);

    /// <summary>The cluster of three.</summary>
    public async Task<ClusterStage> ThreeAsync(CancellationToken stop) => _three ??= await StartAsync(3, stop);

    /// <summary>The peaks, which are measured if they were not yet.</summary>
    public async Task<(double One, double Three)> PeaksAsync(CancellationToken stop)
    {
        if (Peaks is null) await SendPeaks.MeasureAsync(this, stop);
        return Peaks!.Value;
    }

    public async ValueTask DisposeAsync()
    {
        // Whoever was started last ends first.
        for (var i = _owned.Count - 1; i >= 0; i--) await _owned[i].DisposeAsync();
        _owned.Clear();
    }

    private async Task<ClusterStage> StartAsync(int nodes, CancellationToken stop)
    {
        bench.Say($"       starting a cluster of {nodes}");
        var stage = await ClusterStage.StartAsync(nodes, sizes.Share, await PeersAsync(stop));
        _owned.Add(stage);
        if (stage.Processors is null)
        {
            bench.Say("       this machine has no control groups that can be written: nothing bounds the nodes, and "
                + "three against one is told from processor times");
        }

        return stage;
    }
}
