namespace Matrix.Host.Cluster.Calls;

/// <summary>
/// Answers the calls of one kind, from other nodes and this one. Calls run at once, on the thread pool.
/// </summary>
public interface ICallHandler
{
    /// <summary>
    /// The number of the kind, from 0. Nodes of two versions serve together: numbers keep their meaning.
    /// </summary>
    int Kind { get; }

    /// <summary>Answers; null refuses.</summary>
    /// <param name="body">What was sent.</param>
    /// <param name="stop">Ends when the caller does not wait any more, or this node stops.</param>
    ValueTask<ReadOnlyMemory<byte>?> AnswerAsync(ReadOnlyMemory<byte> body, CancellationToken stop);
}
