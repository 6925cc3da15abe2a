using Matrix.Core.Cluster;
using Matrix.Host.Cluster.Membership;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Runtime;

namespace Matrix.Host.Cluster.Calls;

/// <summary>Calls by Orleans. Its exceptions become outcomes.</summary>
internal sealed partial class NodeCalls(
    ClusterNodeOptions options, ClusterMembers members, NodeServices services, ILogger<NodeCalls> log) : INodeCalls
{
    private int _waiting;

    public async ValueTask<CallAnswer> CallAsync(
        NodeIncarnation to, int kind, ReadOnlyMemory<byte> body, CancellationToken stop)
    {
        if (body.Length > options.MaxCallBytes) return CallAnswer.Without(CallOutcome.Refused);
        if (Interlocked.Increment(ref _waiting) > options.MaxCalls)
        {
            Interlocked.Decrement(ref _waiting);
            return CallAnswer.Without(CallOutcome.Refused);
        }

        try
        {
            return await FindAsync(to, stop) is var (silo, outcome) && silo is null
                ? CallAnswer.Without(outcome)
                : await CallAsync(to, silo!, kind, body, stop);
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    public bool Tell(NodeIncarnation to, int kind, ReadOnlyMemory<byte> body)
    {
        if (body.Length > options.MaxCallBytes || members.AddressOf(to) is not { } silo) return false;
        try
        {
            services.Of(silo).Tell(kind, body.ToArray()).Ignore();
            return true;
        }
        catch (Exception fault) when (IsOfOrleans(fault))
        {
            return false;
        }
    }

    /// <summary>Tells all others that this node said something of itself.</summary>
    public void TellToLook()
    {
        foreach (var node in members.Others) Tell(node, NodeService.Look, default);
    }

    /// <summary>The silo of a node. One that is not known may have joined since the last look.</summary>
    private async Task<(SiloAddress? Silo, CallOutcome Otherwise)> FindAsync(NodeIncarnation to, CancellationToken stop)
    {
        if (members.AddressOf(to) is { } known) return (known, default);
        if (members.HasEnded(to)) return (null, CallOutcome.Gone);
        try
        {
            await members.ReadAsync(stop);
        }
        catch (Exception fault) when (!stop.IsCancellationRequested)
        {
            Failed(to.Node, fault);
            return (null, CallOutcome.Unreachable);
        }

        return (members.AddressOf(to), CallOutcome.Gone);
    }

    private async Task<CallAnswer> CallAsync(
        NodeIncarnation to, SiloAddress silo, int kind, ReadOnlyMemory<byte> body, CancellationToken stop)
    {
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(stop);
        ends.CancelAfter(options.LongestCall);
        try
        {
            var answer = await services.Of(silo)
                .Call(kind, (int)options.LongestCall.TotalMilliseconds, body.ToArray(), ends.Token)
                .WaitAsync(ends.Token);
            return answer is [NodeService.Answered, ..]
                ? new CallAnswer(CallOutcome.Answered, answer.AsMemory(1))
                : CallAnswer.Without(CallOutcome.Refused);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            throw new OperationCanceledException(stop);
        }
        catch (Exception fault) when (fault is TimeoutException || ends.IsCancellationRequested)
        {
            return CallAnswer.Without(CallOutcome.TimedOut);
        }
        catch (Exception fault) when (IsOfOrleans(fault))
        {
            Failed(to.Node, fault);
            return CallAnswer.Without(members.HasEnded(to) ? CallOutcome.Gone : CallOutcome.Unreachable);
        }
    }

    /// <summary>What Orleans throws when a silo, or this one, is not there.</summary>
    private static bool IsOfOrleans(Exception fault) =>
        fault is OrleansException or InvalidOperationException or OperationCanceledException;

    [LoggerMessage(Level = LogLevel.Debug, Message = "A call to the node {Node} failed.")]
    private partial void Failed(string node, Exception fault);
}
