namespace Matrix.Host.Cluster.Calls;

/// <summary>Answers the calls of one kind, from other nodes or this one. Calls run at once, on the thread pool.</summary>
public interface ICallHandler
{
    /// <summary>The number of the kind, from 0. Nodes of two versions serve together: numbers keep their meaning.</summary>
    int Kind { get; }

    /// <summary>Answers; null refuses.</summary>
    /// <param name="body">What was sent.</param>
    /// <param name="stop">Ends when the caller does not wait any more, or this node stops.</param>
    ValueTask<ReadOnlyMemory<byte>?> AnswerAsync(ReadOnlyMemory<byte> body, CancellationToken stop);
}

/// <summary>Takes what is told in one kind.</summary>
public interface ITellHandler
{
    /// <summary>The number of the kind, from 0; kinds that are told are numbered apart from those that are called.</summary>
    int Kind { get; }

    /// <summary>
    /// Takes what a node told. It must be quick, because all that is told waits for it. What was told later may be here
    /// already.
    /// </summary>
    void OnTold(ReadOnlyMemory<byte> body);
}
