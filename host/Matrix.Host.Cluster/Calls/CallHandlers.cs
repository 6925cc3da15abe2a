using System.Collections.Frozen;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Cluster.Calls;

/// <summary>The handlers of this node. What they throw is logged, and refuses the call.</summary>
internal sealed partial class CallHandlers(
    ClusterNodeOptions options,
    IEnumerable<ICallHandler> calls,
    IEnumerable<ITellHandler> tells,
    ILogger<CallHandlers> log)
{
    private readonly FrozenDictionary<int, ICallHandler> _calls = calls.ToFrozenDictionary(one => one.Kind);
    private readonly FrozenDictionary<int, ITellHandler> _tells = tells.ToFrozenDictionary(one => one.Kind);
    private int _running;

    /// <summary>The answer; null if the call is refused.</summary>
    public async Task<ReadOnlyMemory<byte>?> AnswerAsync(int kind, ReadOnlyMemory<byte> body, CancellationToken stop)
    {
        if (body.Length > options.MaxCallBytes || !_calls.TryGetValue(kind, out var handler)) return Refused(kind);
        if (Interlocked.Increment(ref _running) > options.MaxCalls)
        {
            Interlocked.Decrement(ref _running);
            return Refused(kind);
        }

        try
        {
            var answer = await handler.AnswerAsync(body, stop);
            return answer?.Length > options.MaxCallBytes ? Refused(kind) : answer;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return null;
        }
        catch (Exception fault)
        {
            Failed(kind, fault);
            return null;
        }
        finally
        {
            Interlocked.Decrement(ref _running);
        }
    }

    /// <summary>Hands on what was told.</summary>
    public void OnTold(int kind, ReadOnlyMemory<byte> body)
    {
        if (body.Length > options.MaxCallBytes || !_tells.TryGetValue(kind, out var handler))
        {
            _ = Refused(kind);
            return;
        }

        try
        {
            handler.OnTold(body);
        }
        catch (Exception fault)
        {
            Failed(kind, fault);
        }
    }

    private ReadOnlyMemory<byte>? Refused(int kind)
    {
        NotTaken(kind);
        return null;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "A call of the kind {Kind} of another node was refused.")]
    private partial void NotTaken(int kind);

    [LoggerMessage(Level = LogLevel.Error, Message = "A call of the kind {Kind} of another node failed.")]
    private partial void Failed(int kind, Exception fault);
}
