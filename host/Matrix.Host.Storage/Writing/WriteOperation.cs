namespace Matrix.Host.Storage.Writing;

/// <summary>One change of rows, as data. The kinds are beside the interface of the table group that they change.</summary>
public abstract record WriteOperation
{
    /// <summary>About how many bytes this writes, for the bound of a flush.</summary>
    internal virtual int Weight => 200;

    /// <summary>It is durable, and nobody has heard of it yet: it takes what it could not know before.</summary>
    internal virtual void Durable(long position)
    {
    }

    /// <summary>The name of the kind only: operations hold secrets.</summary>
    public sealed override string ToString() => GetType().Name;
}

/// <summary>
/// A change that is made only if something holds, decided inside the transaction. If it is not made, nothing of it is kept.
/// Its results are there once its set is committed.
/// </summary>
public abstract record ConditionalOperation : WriteOperation
{
    /// <summary>Whether it was made.</summary>
    public bool Applied { get; internal set; }
}
