using Orleans.Concurrency;
using Orleans.Services;

namespace Matrix.Host.Cluster.Calls;

/// <summary>
/// What a node does for others: one service for each silo, addressed by the silo. Nodes of two versions serve together:
/// its name and namespace are part of the address, and the names and parameters of its methods part of the protocol.
/// </summary>
internal interface INodeService : IGrainService
{
    /// <summary>Answers a call: an octet that says whether it was answered, and the answer.</summary>
    /// <param name="kind">The kind of call.</param>
    /// <param name="waits">How long the caller waits, in milliseconds.</param>
    /// <param name="body">What was sent.</param>
    /// <param name="stop">Ends when the caller does not wait any more. The word of it may be lost.</param>
    Task<byte[]> Call(int kind, int waits, [Immutable] byte[] body, CancellationToken stop);

    /// <summary>Takes what is told.</summary>
    [OneWay]
    Task Tell(int kind, [Immutable] byte[] body);
}
