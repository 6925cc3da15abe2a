namespace Matrix.Host.Cluster.Calls;

/// <summary>Takes what is told in one kind.</summary>
public interface ITellHandler
{
    /// <summary>The number of the kind, from 0. Kinds of calls are numbered apart.</summary>
    int Kind { get; }

    /// <summary>
    /// Takes what a node told. It must be quick, because all that is told waits for it. What was told later may be here
    /// already.
    /// </summary>
    void OnTold(ReadOnlyMemory<byte> body);
}
