using System.Diagnostics;
using System.Globalization;
using Matrix.Host.Cluster.Flushes;
using Matrix.Host.Cluster.Shards;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Microsoft.AspNetCore.Http;
using Yarp.ReverseProxy.Forwarder;

namespace Matrix.Host.Cluster.Routing;

/// <summary>How forwarding a request ended.</summary>
public enum ForwardOutcome
{
    /// <summary>It is this node's: it is answered here.</summary>
    Here,

    /// <summary>Another node answered, and the answer was sent to the client.</summary>
    Sent,

    /// <summary>Nobody has the shard, or its owner could not be reached. Nothing was sent.</summary>
    NoOwner,
}

/// <summary>
/// Forwards requests to the node that has the shard of what they are about. That node answers with 421 and the position
/// of the change if it does not have it any more: this one reads the flushes up to there, and asks again.
/// </summary>
public sealed class RequestForwarding : IDisposable
{
    /// <summary>The status of a node that does not have the shard.</summary>
    internal const int WrongNode = StatusCodes.Status421MisdirectedRequest;

    /// <summary>Before a node is asked again that did not have the shard, or not yet.</summary>
    private static readonly TimeSpan _asksAgain = TimeSpan.FromMilliseconds(5);

    private static readonly TimeSpan _tryAgain = TimeSpan.FromMilliseconds(50);

    private readonly ClusterNode _node;
    private readonly AppliedPositions _positions;
    private readonly ShardGates _gates;
    private readonly ShardFinder _finder;
    private readonly TimeSpan _longestMove;
    private readonly ClusterMetrics _metrics;
    private readonly CallForwarding _calls;
    private readonly HttpForwarding _http;

    /// <summary>Makes the client; it connects when it is used.</summary>
    public RequestForwarding(
        ClusterNode node,
        ClusterNodeOptions options,
        ShardOwners owners,
        ShardGates gates,
        AppliedPositions positions,
        ClusterMetrics metrics,
        IHttpForwarder forwarder)
    {
        (_node, _positions, _gates, _metrics) = (node, positions, gates, metrics);
        _finder = new ShardFinder(node, options, owners, gates, metrics);
        _longestMove = options.MoveTime;
        _calls = new CallForwarding(node);
        _http = new HttpForwarding(node, options, positions, forwarder);
    }

    /// <summary>Forwards a request if the shard of what it is about is another node's.</summary>
    /// <param name="http">The request; nothing was sent to the client yet.</param>
    /// <param name="owner">What it is about.</param>
    /// <param name="listener">The listener that accepted it.</param>
    /// <param name="address">The client's address.</param>
    /// <param name="isBrief">Whether its response is small and comes soon, and it may be carried out twice.</param>
    /// <param name="stop">Ends it.</param>
    public async ValueTask<ForwardOutcome> ForwardAsync(
        HttpContext http, Authority owner, string listener, string address, bool isBrief, CancellationToken stop)
    {
        if (http.Features.Get<ForwardedRequest>() is not null)
        {
            if (_gates.IsOpen(owner)) return ForwardOutcome.Here;

            // The other node waits, and finds out who has it.
            Refuse(http.Response);
            return ForwardOutcome.Sent;
        }

        var brief = isBrief ? await BriefBodies.ReadAsync(http, stop) : null;
        var outcome = await TryForwardAsync(http, owner, listener, address, brief, stop);
        _metrics.Forwarded(outcome);
        return outcome;
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    private async ValueTask<ForwardOutcome> TryForwardAsync(
        HttpContext http, Authority owner, string listener, string address, byte[]? brief, CancellationToken stop)
    {
        var since = Stopwatch.GetTimestamp();
        while (await _finder.FindAsync(owner, stop) is { } to)
        {
            // An attempt before may have read it.
            if (http.Request.Body.CanSeek) http.Request.Body.Position = 0;
            if (to.Equals(_node.Self)) return ForwardOutcome.Here;
            var told = new ForwardedRequest(
                listener, address, http.Request.Scheme, http.Request.Headers.Host.ToString(), _positions.Position);
            var attempt = brief is null
                ? await _http.TryAsync(http, to, told, stop)
                : await _calls.TryAsync(http, to, told, brief, stop);
            switch (attempt.Result)
            {
                case ForwardResult.Answered:
                    return ForwardOutcome.Sent;
                case ForwardResult.Unknown:
                    return ForwardOutcome.NoOwner;
                case ForwardResult.TooLarge:
                    brief = null;
                    continue;
                case ForwardResult.WrongNode:
                    await _positions.ReachAsync(attempt.Position, AppliedPositions.LongestWait, stop);
                    break;
                case ForwardResult.Unreachable:
                    break;
            }

            // It is sent again until others have what an ended node had, or the shard is where this node finds it.
            if (Stopwatch.GetElapsedTime(since) > _longestMove) break;
            await Task.Delay(attempt.Result == ForwardResult.WrongNode ? _asksAgain : _tryAgain, stop);
        }

        return ForwardOutcome.NoOwner;
    }

    /// <summary>
    /// Tells the node that forwarded a request that this one does not have the shard, and how far it has read.
    /// </summary>
    private void Refuse(HttpResponse response)
    {
        response.StatusCode = WrongNode;
        response.Headers[ForwardedRequest.PositionHeader] = _positions.Position.ToString(CultureInfo.InvariantCulture);
    }
}
