using Microsoft.Extensions.Logging;
using Orleans.Runtime;

namespace Matrix.Host.Cluster;

/// <summary>
/// Learns that the other nodes declared this one dead, or that Orleans cannot go on. Orleans itself would end the
/// process at once, without a stop of the server.
/// </summary>
internal sealed partial class NodeDeath(ILogger<NodeDeath> log) : IFatalErrorHandler
{
    private readonly TaskCompletionSource<string> _reason = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes with the reason.</summary>
    public Task<string> Reason => _reason.Task;

    /// <inheritdoc/>
    public bool IsUnexpected(Exception exception) => exception is not OperationCanceledException;

    /// <inheritdoc/>
    public void OnFatalException(object? sender, string? context, Exception? exception)
    {
        var reason = exception is null ? $"{context}" : $"{context}: {exception.Message}";
        if (_reason.TrySetResult(reason)) Ended(reason, exception);
    }

    [LoggerMessage(Level = LogLevel.Critical, Message = "This node is no member of the cluster any more. {Reason}")]
    private partial void Ended(string reason, Exception? fault);
}
