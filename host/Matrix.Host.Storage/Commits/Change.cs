namespace Matrix.Host.Storage.Commits;

/// <summary>
/// One change, as data. Its kinds are declared beside the interface of the table group that they change.
/// </summary>
public abstract record Change
{
    /// <summary>Estimated bytes that this change writes, for the bound of a flush.</summary>
    internal virtual int Weight => 200;

    /// <summary>Called when the change is durable, before its consumers see it: it takes the position.</summary>
    internal virtual void Durable(long position)
    {
    }

    /// <summary>The name of the kind only: a change holds secrets.</summary>
    public sealed override string ToString() => GetType().Name;
}

/// <summary>
/// A change with a condition that is evaluated inside the transaction. If the condition fails, nothing of the change is
/// kept. Its results can be read once its batch is committed.
/// </summary>
public abstract record ConditionalChange : Change
{
    /// <summary>Whether the condition held and the change was applied.</summary>
    public bool Applied { get; internal set; }
}
