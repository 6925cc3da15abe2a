namespace Matrix.Host.Cluster.Routing;

/// <summary>What became of sending a request to the node that should have the shard, once.</summary>
/// <param name="Result">What became of it.</param>
/// <param name="Position">How far a node had read that does not have the shard; 0 otherwise.</param>
internal readonly record struct ForwardAttempt(ForwardResult Result, long Position = 0)
{
    /// <summary>The owner answered, and the client has the answer, or a part of it.</summary>
    internal static ForwardAttempt Answered => new(ForwardResult.Answered);

    /// <summary>The owner could not be reached. The request may be sent again, there or elsewhere.</summary>
    internal static ForwardAttempt Unreachable => new(ForwardResult.Unreachable);

    /// <summary>The owner may have carried it out, and it may not be carried out twice.</summary>
    internal static ForwardAttempt Unknown => new(ForwardResult.Unknown);

    /// <summary>It cannot be sent in this way.</summary>
    internal static ForwardAttempt TooLarge => new(ForwardResult.TooLarge);

    /// <summary>The node does not have the shard, and has read up to a position.</summary>
    internal static ForwardAttempt WrongNode(long position) => new(ForwardResult.WrongNode, position);
}

/// <summary>The kinds of <see cref="ForwardAttempt"/>.</summary>
internal enum ForwardResult
{
    Answered,
    Unreachable,
    Unknown,
    TooLarge,
    WrongNode,
}
