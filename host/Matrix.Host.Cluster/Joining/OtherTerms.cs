using Matrix.Core.Cluster;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Ownership.Joining;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Matrix.Host.Cluster.Joining;

/// <summary>
/// The versions and settings of the nodes that are alive. Settings that differ from this node's are logged once.
/// </summary>
public sealed partial class OtherTerms(
    ClusterNode node, NodeLink link, IComparedSettings own, ILogger<OtherTerms> log) : BackgroundService
{
    private static readonly TimeSpan _readsEvery = TimeSpan.FromSeconds(10);

    private readonly SemaphoreSlim _news = new(0, 1);
    private readonly Dictionary<NodeIncarnation, string> _logged = [];
    private volatile IReadOnlyDictionary<NodeIncarnation, NodeTerms> _terms =
        new Dictionary<NodeIncarnation, NodeTerms>();

    /// <summary>What a node said; null if that is not known.</summary>
    public NodeTerms? Of(NodeIncarnation other) => _terms.GetValueOrDefault(other);

    /// <summary>The names of the settings of a node that differ from this one's.</summary>
    public IReadOnlyList<string> DifferingOf(NodeIncarnation other) =>
        other.Equals(node.Self) || Of(other) is not { } terms ? [] : own.Now.DifferingFrom(terms.Settings);

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        _news.Dispose();
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        node.Members.Changed += Wake;
        try
        {
            while (true)
            {
                try
                {
                    await ReadAsync(stoppingToken);
                }
                catch (NpgsqlException fault)
                {
                    NotRead(fault);
                }

                await _news.WaitAsync(_readsEvery, stoppingToken);
            }
        }
        finally
        {
            node.Members.Changed -= Wake;
        }
    }

    private async Task ReadAsync(CancellationToken stop)
    {
        _terms = await NodeTermsTable.ReadAsync(link.Database, stop);
        var settings = own.Now;
        if (Of(node.Self) is { } said && said.Settings.ToString() != settings.ToString())
        {
            await NodeTermsTable.ReplaceAsync(link.Database, node.Self, settings, stop);
        }

        var others = node.Members.Others;
        foreach (var gone in _logged.Keys.Where(one => !others.Contains(one)).ToArray()) _logged.Remove(gone);
        foreach (var other in others)
        {
            var names = string.Join(", ", DifferingOf(other));
            if (_logged.GetValueOrDefault(other, "") == names) continue;
            _logged[other] = names;
            if (names.Length > 0) Differ(other.Node, names);
        }
    }

    private void Wake()
    {
        try
        {
            if (_news.CurrentCount == 0) _news.Release();
        }
        catch (Exception late) when (late is SemaphoreFullException or ObjectDisposedException)
        {
            // It is awake, or has ended.
        }
    }

    [LoggerMessage(
        Level = LogLevel.Warning, Message = "Settings of the node {Node} differ from those of this one: {Names}.")]
    private partial void Differ(string node, string names);

    [LoggerMessage(Level = LogLevel.Warning, Message = "What other nodes need could not be read.")]
    private partial void NotRead(Exception fault);
}
