using Microsoft.Extensions.Logging;
using Orleans.Runtime;

namespace Matrix.Host.Cluster.Calls;

/// <summary>
/// The service of this silo. Handlers of calls run on the thread pool, because the service has one thread at a time.
/// </summary>
internal sealed class NodeService(
    GrainId id, Silo silo, ILoggerFactory loggers, CallHandlers handlers, Wakes wakes, EndedNodes ended)
    : GrainService(id, silo, loggers), INodeService
{
    /// <summary>The kind by which a node tells others to look into the table of silos.</summary>
    internal const int Look = -1;

    /// <summary>The kind by which a node asks whether another one has ended.</summary>
    internal const int Ended = -2;

    internal const byte Answered = 1;
    internal const byte Refused = 0;

    private static readonly byte[] _refused = [Refused];

    public Task<byte[]> Call(int kind, int waits, byte[] body, CancellationToken stop) => Task.Run(
        async () =>
        {
            using var ends = CancellationTokenSource.CreateLinkedTokenSource(
                stop, StoppedCancellationTokenSource.Token);
            ends.CancelAfter(waits);
            var found = kind == Ended
                ? await ended.AnswerAsync(body)
                : await handlers.AnswerAsync(kind, body, ends.Token);
            if (found is not { } answer) return _refused;
            var framed = new byte[answer.Length + 1];
            framed[0] = Answered;
            answer.CopyTo(framed.AsMemory(1));
            return framed;
        },
        CancellationToken.None);

    public Task Tell(int kind, byte[] body)
    {
        if (kind == Look) wakes.Wake();
        else handlers.OnTold(kind, body);
        return Task.CompletedTask;
    }
}
