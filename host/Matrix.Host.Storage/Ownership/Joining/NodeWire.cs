namespace Matrix.Host.Storage.Ownership.Joining;

/// <summary>
/// The format of all that nodes write for each other: flushes, commands, calls and what they tell. A change that an
/// earlier version cannot read takes the next number, and the earlier format is written until no node is left that
/// reads nothing newer.
/// </summary>
public static class NodeWire
{
    /// <summary>The oldest format that this version reads.</summary>
    public const int Oldest = 1;

    /// <summary>The newest format that this version reads.</summary>
    public const int Newest = 1;
}
