using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Concurrency;
using Orleans.Runtime;
using Orleans.Runtime.Services;
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
    Task<byte[]> Call(int kind, int waits, [Immutable] byte[] body);

    /// <summary>Takes what is told.</summary>
    [OneWay]
    Task Tell(int kind, [Immutable] byte[] body);
}

/// <summary>
/// The service of this silo. Handlers of calls run on the thread pool, because the service has one thread at a time.
/// </summary>
internal sealed class NodeService(GrainId id, Silo silo, ILoggerFactory loggers, CallHandlers handlers, Wakes wakes)
    : GrainService(id, silo, loggers), INodeService
{
    /// <summary>The kind by which a node tells others to look into the table of silos.</summary>
    internal const int Look = -1;

    internal const byte Answered = 1;
    internal const byte Refused = 0;

    private static readonly byte[] _refused = [Refused];

    public Task<byte[]> Call(int kind, int waits, byte[] body) => Task.Run(async () =>
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(StoppedCancellationTokenSource.Token);
        stop.CancelAfter(waits);
        if (await handlers.AnswerAsync(kind, body, stop.Token) is not { } answer) return _refused;
        var framed = new byte[answer.Length + 1];
        framed[0] = Answered;
        answer.CopyTo(framed.AsMemory(1));
        return framed;
    });

    public Task Tell(int kind, byte[] body)
    {
        if (kind == Look) wakes.Wake();
        else handlers.OnTold(kind, body);
        return Task.CompletedTask;
    }
}

/// <summary>Wakes whoever looks into the table of silos.</summary>
internal sealed class Wakes
{
    /// <summary>Called when another node said something of itself.</summary>
    public event Action? Woken;

    public void Wake() => Woken?.Invoke();
}

/// <summary>Finds the service of a silo.</summary>
internal sealed class NodeServices(IServiceProvider services) : GrainServiceClient<INodeService>(services)
{
    public INodeService Of(SiloAddress silo) => GetGrainService(silo);
}
