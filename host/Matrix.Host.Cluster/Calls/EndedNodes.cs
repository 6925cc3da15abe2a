using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Sockets;
using Matrix.Core.Cluster;
using Matrix.Host.Cluster.Membership;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;

namespace Matrix.Host.Cluster.Calls;

/// <summary>
/// Finds nodes whose process has ended long before probes do. Where a process ended and the machine did not, the system
/// refuses connections to its port at once. A node that is silent is tried; if it refuses, and another node finds so
/// too, it is declared dead. One that stands still or is cut off refuses nothing: it is left to the probes.
/// </summary>
internal sealed partial class EndedNodes(
    ClusterMembers members,
    NodeServices services,
    IClusterMembershipService membership,
    ILogger<EndedNodes> log) : IAsyncDisposable
{
    private static readonly TimeSpan _longestConnect = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan _longestAsk = TimeSpan.FromSeconds(1);

    /// <summary>A node is not tried again sooner.</summary>
    private static readonly TimeSpan _tryEvery = TimeSpan.FromMilliseconds(250);

    private readonly ConcurrentDictionary<NodeIncarnation, long> _tried = new();
    private readonly CancellationTokenSource _stopping = new();

    /// <summary>A node is silent: it is looked after soon. Quick, and thread-safe.</summary>
    public void Suspect(NodeIncarnation node)
    {
        if (_stopping.IsCancellationRequested) return;
        var now = Stopwatch.GetTimestamp();
        if (_tried.TryGetValue(node, out var tried))
        {
            if (Stopwatch.GetElapsedTime(tried, now) < _tryEvery || !_tried.TryUpdate(node, now, tried)) return;
        }
        else if (!_tried.TryAdd(node, now))
        {
            return;
        }

        _ = Task.Run(() => TryAsync(node));
    }

    /// <summary>Answers another node: an octet that is 1 if the node that it names refuses connections.</summary>
    public async Task<byte[]> AnswerAsync(ReadOnlyMemory<byte> body) =>
        [NodeFrame.TryRead(body, out var node, out _) && await RefusesAsync(node) ? (byte)1 : (byte)0];

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _stopping.Dispose();
    }

    private async Task TryAsync(NodeIncarnation node)
    {
        try
        {
            if (!await RefusesAsync(node) || !await IsConfirmedAsync(node)) return;
            if (members.AddressOf(node) is not { } silo || !await membership.TryKill(silo)) return;
            Ended(node.Node);
            members.Look();
            foreach (var (known, _) in _tried)
            {
                if (members.AddressOf(known) is null) _tried.TryRemove(known, out _);
            }
        }
        catch (Exception fault)
        {
            // The probes find it.
            NotTried(node.Node, fault);
        }
    }

    /// <summary>Whether the system of a node's machine says that nobody listens at its address.</summary>
    private async Task<bool> RefusesAsync(NodeIncarnation node)
    {
        if (members.AddressOf(node) is not { } silo) return false;
        using var socket = new Socket(silo.Endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
        over.CancelAfter(_longestConnect);
        try
        {
            await socket.ConnectAsync(silo.Endpoint, over.Token);
            return false;
        }
        catch (SocketException fault)
        {
            return fault.SocketErrorCode == SocketError.ConnectionRefused;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>Whether one of the other nodes finds so too. Of two nodes, each decides by itself.</summary>
    private async Task<bool> IsConfirmedAsync(NodeIncarnation node)
    {
        var asked = members.Others.Where(other => !other.Equals(node)).Select(members.AddressOf).OfType<SiloAddress>()
            .Select(AskAsync).ToList();
        if (asked.Count == 0) return true;
        await foreach (var answer in Task.WhenEach(asked))
        {
            if (await answer) return true;
        }

        return false;

        async Task<bool> AskAsync(SiloAddress other)
        {
            try
            {
                using var over = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
                over.CancelAfter(_longestAsk);
                var answer = await services.Of(other).Call(
                    NodeService.Ended, (int)_longestAsk.TotalMilliseconds, NodeFrame.Of(node, default), over.Token)
                    .WaitAsync(over.Token);
                return answer is [NodeService.Answered, 1];
            }
            catch (Exception fault) when (
                fault is OrleansException or TimeoutException or InvalidOperationException
                    or OperationCanceledException)
            {
                return false;
            }
        }
    }

    [LoggerMessage(
        Level = LogLevel.Warning, Message = "The node {Node} has ended: nobody listens at its address any more.")]
    private partial void Ended(string node);

    [LoggerMessage(Level = LogLevel.Debug, Message = "Whether the node {Node} has ended could not be found.")]
    private partial void NotTried(string node, Exception fault);
}
