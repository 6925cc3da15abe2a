namespace Matrix.Host.Storage.Commits;

/// <summary>One change of rows, as data. The kinds are beside the interface of the table group that they change.</summary>
public abstract record Change
{
    /// <summary>About how many bytes this writes, for the bound of a flush.</summary>
    internal virtual int Weight => 200;

    /// <summary>It is durable, and nobody has heard of it yet: it takes what it could not know before.</summary>
    internal virtual void Durable(long position)
    {
    }

    /// <summary>The name of the kind only: changes hold secrets.</summary>
    public sealed override string ToString() => GetType().Name;
}

/// <summary>
/// A change that is made only if something holds, decided inside the transaction. If it is not made, nothing of it is kept.
/// Its results are there once its set is committed.
/// </summary>
public abstract record ConditionalChange : Change
{
    /// <summary>Whether it was made.</summary>
    public bool Applied { get; internal set; }
}
