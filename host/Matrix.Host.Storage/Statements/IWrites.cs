using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Statements;

/// <summary>
/// Carries changes out inside the transaction of a flush. A change's outcome may be known only after the flush (PostgreSQL sends all of them at
/// once), so no statement of a change may depend on another's outcome except by what the database itself can see.
/// </summary>
internal interface IWrites
{
    /// <summary>The time, in milliseconds since the epoch.</summary>
    long Now { get; }

    /// <summary>A change.</summary>
    void Run<TArgs>(Statement statement, TArgs args, Action<IArguments, TArgs> bind);

    /// <summary>A change that decides whether its change was applied: it was if a row changed.</summary>
    void RunIf<TChange>(Statement statement, TChange change, Action<IArguments, TChange> bind)
        where TChange : ConditionalChange;

    /// <summary>A statement that returns what its change wants to know: applied if there is a row of which the reader says so.</summary>
    void RunFor<TChange>(
        Statement statement, TChange change, Action<IArguments, TChange> bind, Func<TChange, IRow, bool> read)
        where TChange : ConditionalChange;
}
