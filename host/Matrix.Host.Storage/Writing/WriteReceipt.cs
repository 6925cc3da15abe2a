namespace Matrix.Host.Storage.Writing;

/// <summary>What became of a set that the store handled without fault.</summary>
/// <param name="Position">Its position in the durable sequence, which all its rows carry; 0 if refused.</param>
/// <param name="Refused">A precondition did not hold: nothing of the set was kept.</param>
public readonly record struct WriteReceipt(long Position, bool Refused);

/// <summary>What became of a set.</summary>
public enum WriteOutcome
{
    /// <summary>It waits, or was not submitted.</summary>
    Waiting,

    /// <summary>It is durable.</summary>
    Durable,

    /// <summary>It was refused, or failed: nothing of it was kept.</summary>
    NotWritten,

    /// <summary>The database was lost in the middle of its commit: nobody knows whether it was kept.</summary>
    Unknown,
}
