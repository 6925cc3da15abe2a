using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Storage.Statements;

/// <summary>
/// Carries changes out inside the transaction of a flush. A change's outcome may be known only after the flush (PostgreSQL sends all of them at
/// once), so no statement of an operation may depend on another's outcome except by what the database itself can see.
/// </summary>
internal interface IWrites
{
    /// <summary>The time, in milliseconds since the epoch.</summary>
    long Now { get; }

    /// <summary>A change.</summary>
    void Run<TArgs>(Statement statement, TArgs args, Action<IArguments, TArgs> bind);

    /// <summary>A change that decides whether its operation was applied: it was if a row changed.</summary>
    void RunIf<TOperation>(Statement statement, TOperation operation, Action<IArguments, TOperation> bind)
        where TOperation : ConditionalOperation;

    /// <summary>A statement that returns what its operation wants to know: applied if there is a row of which the reader says so.</summary>
    void RunFor<TOperation>(
        Statement statement, TOperation operation, Action<IArguments, TOperation> bind, Func<TOperation, IRow, bool> read)
        where TOperation : ConditionalOperation;
}
