using Matrix.Core.Cluster;

namespace Matrix.Host.Cluster.Calls;

/// <summary>Calls to other nodes. Whatever the outcome, a call may have been carried out.</summary>
public interface INodeCalls
{
    /// <summary>Calls a node, and waits for its answer for at most `cluster.call_time`.</summary>
    /// <param name="to">The node, of this incarnation and no other.</param>
    /// <param name="kind">What is asked: the number of an <see cref="ICallHandler"/> there.</param>
    /// <param name="body">At most `cluster.call_bytes`.</param>
    /// <param name="stop">Ends the wait, and what is carried out there if it asks for the token.</param>
    /// <exception cref="OperationCanceledException">The token ended the wait.</exception>
    ValueTask<CallAnswer> CallAsync(
        NodeIncarnation to, int kind, ReadOnlyMemory<byte> body, CancellationToken stop);

    /// <summary>
    /// Tells a node something, without an answer. It may arrive after what is told later, or not at all. False if it
    /// cannot arrive: the node is not alive, or the body is too large.
    /// </summary>
    /// <param name="to">The node, of this incarnation and no other.</param>
    /// <param name="kind">What is told: the number of an <see cref="ITellHandler"/> there.</param>
    /// <param name="body">At most `cluster.call_bytes`.</param>
    bool Tell(NodeIncarnation to, int kind, ReadOnlyMemory<byte> body);
}
