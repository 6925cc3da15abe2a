using Matrix.Core.Cluster;
using Matrix.Host.Cluster.Calls;
using Matrix.Host.Cluster.Membership;
using Matrix.Host.Cluster.Security;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Matrix.Host.Cluster;

/// <summary>
/// This node among the nodes of a cluster: who else is alive, and calls to them. It ends once: a process that was
/// declared dead, or left, takes no part again.
/// </summary>
public sealed partial class ClusterNode : IAsyncDisposable
{
    private readonly ServiceProvider _services;
    private readonly NodeCertificate _certificate;
    private readonly NodeDeath _death;
    private readonly NodeCalls _calls;
    private readonly EndedNodes _ended;
    private readonly TimeSpan _reloadEvery;
    private readonly ILogger<ClusterNode> _log;
    private readonly CancellationTokenSource _stopping = new();
    private Task _reloading = Task.CompletedTask;
    private IHostedService[] _running = [];

    /// <summary>Reads the certificate; nothing else is done before the start.</summary>
    /// <param name="options">Where it listens, and the bounds.</param>
    /// <param name="self">The name of the node, and what this start drew.</param>
    /// <param name="database">The database whose migrations were applied; the caller disposes it.</param>
    /// <param name="calls">Handlers of calls of other nodes, and of this one.</param>
    /// <param name="tells">Handlers of what they tell.</param>
    /// <param name="loggers">The server's log. Of Orleans, it gets warnings and errors.</param>
    /// <exception cref="InvalidDataException">An option or a certificate file cannot be used.</exception>
    public ClusterNode(
        ClusterNodeOptions options,
        NodeIncarnation self,
        NpgsqlDataSource database,
        IEnumerable<ICallHandler> calls,
        IEnumerable<ITellHandler> tells,
        ILoggerFactory loggers)
    {
        Self = self;
        _reloadEvery = options.ReloadEvery;
        _log = loggers.CreateLogger<ClusterNode>();
        _certificate = NodeCertificate.Load(options, self.Node);
        _services = SiloSetup.Build(options, self, database, _certificate, calls, tells, loggers);
        _death = _services.GetRequiredService<NodeDeath>();
        Members = _services.GetRequiredService<ClusterMembers>();
        _calls = _services.GetRequiredService<NodeCalls>();
        _ended = _services.GetRequiredService<EndedNodes>();
        Tls = new PeerTls(_certificate, _services.GetRequiredService<NodeNames>());
        Members.Said += _calls.TellToLook;
        _services.GetRequiredService<Wakes>().Woken += Members.Look;
    }

    /// <summary>This node.</summary>
    public NodeIncarnation Self { get; }

    /// <summary>The nodes that are alive.</summary>
    public ClusterMembers Members { get; }

    /// <summary>
    /// A node is silent, or refuses connections: if its process has ended, it is declared dead. Quick, and thread-safe.
    /// </summary>
    public void Suspect(NodeIncarnation node) => _ended.Suspect(node);

    /// <summary>Calls to nodes.</summary>
    public INodeCalls Calls => _calls;

    /// <summary>TLS with other nodes, for the requests that they forward.</summary>
    internal PeerTls Tls { get; }

    /// <summary>Has a listener of the web server serve the nodes of the cluster only.</summary>
    public void Listen(ListenOptions listen) => Tls.Listen(listen);

    /// <summary>
    /// Completes with the reason when the others declared this node dead, or it cannot go on. The process has to exit.
    /// </summary>
    public Task<string> Death => _death.Reason;

    /// <summary>
    /// Joins the cluster: when this returns, all other nodes that are alive could be reached. This one is alive, and
    /// not ready yet.
    /// </summary>
    /// <exception cref="IOException">The others declared it dead meanwhile. Orleans would go on trying.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        IHostedService[] parts = [.. _services.GetServices<IHostedService>()];
        foreach (var part in parts)
        {
            var starting = part.StartAsync(cancellationToken);
            if (await Task.WhenAny(starting, Death) == Death)
                throw new IOException($"cluster.node: {Self.Node} could not join: {await Death}");
            await starting;
        }

        // A silo that did not start cannot be stopped, only disposed.
        _running = parts;
        await Members.StartAsync(cancellationToken);
        _reloading = Task.Run(ReloadAsync, CancellationToken.None);
    }

    /// <summary>Leaves the cluster: the others learn it at once.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        await Members.StopAsync();
        foreach (var part in _running.Reverse()) await part.StopAsync(cancellationToken);
        _running = [];
    }

    /// <summary>Frees what it has. A node that still runs ends as if it had been killed.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _reloading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _services.DisposeAsync();
        _stopping.Dispose();
    }

    /// <summary>Reads the certificate again when its files change, so that a renewal needs no restart.</summary>
    private async Task ReloadAsync()
    {
        using var timer = new PeriodicTimer(_reloadEvery);
        while (await timer.WaitForNextTickAsync(_stopping.Token))
        {
            if (!_certificate.Reload(out var problem)) continue;
            if (problem is null) Replaced();
            else Kept(problem);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "New connections between nodes get the new certificate.")]
    private partial void Replaced();

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The old certificate of this node stays, because the new one cannot be used: {Problem}")]
    private partial void Kept(string problem);
}
