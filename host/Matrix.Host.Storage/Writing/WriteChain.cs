namespace Matrix.Host.Storage.Writing;

/// <summary>
/// Sets that build on one another: if one fails or is refused, every later one of the chain fails with <see cref="StorageFailure.ChainBroken"/>.
/// A room's lane submits its sets in one chain and takes a new chain when it loads its room again.
/// </summary>
public sealed class WriteChain
{
    private volatile bool _broken;

    /// <summary>Whether a set of the chain failed.</summary>
    public bool IsBroken => _broken;

    internal void Break() => _broken = true;
}
