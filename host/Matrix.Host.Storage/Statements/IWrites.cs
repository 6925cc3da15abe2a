using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Statements;

/// <summary>
/// Runs changes inside the transaction of a flush. PostgreSQL gets all statements at once, so a change's outcome may be
/// known only after the flush. A statement may therefore depend on another's outcome only through the database itself.
/// </summary>
internal interface IWrites
{
    /// <summary>The time, in milliseconds since the epoch.</summary>
    long Now { get; set; }

    /// <summary>The position of the change that is being written.</summary>
    long Position { get; set; }

    /// <summary>Runs a statement.</summary>
    void Run<TArgs>(Statement statement, TArgs args, Action<IArguments, TArgs> bind);

    /// <summary>Runs a statement that decides whether its change applies: it does if a row changed.</summary>
    void RunIf<TChange>(Statement statement, TChange change, Action<IArguments, TChange> bind)
        where TChange : ConditionalChange;

    /// <summary>
    /// Runs a statement that returns a row to its change. The change applies if there is a row and the reader accepts
    /// it.
    /// </summary>
    void RunFor<TChange>(
        Statement statement, TChange change, Action<IArguments, TChange> bind, Func<TChange, IRow, bool> read)
        where TChange : ConditionalChange;
}
