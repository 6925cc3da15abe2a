using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Storage.Sqlite;

/// <summary>Carries changes out on the writer's connection, each as it comes.</summary>
internal sealed class SqliteWrites(SqliteConnection connection) : IWrites
{
    private long _sequence;

    public long Now { get; private set; }

    public long Position { get; set; }

    public void Begin(long now)
    {
        Now = now;
        _sequence = 0;
    }

    public long NextSequence() => ++_sequence;

    public void Run<TArgs>(Statement statement, TArgs args, Action<IArguments, TArgs> bind)
    {
        var prepared = connection.Prepare(statement);
        prepared.Writes = this;
        try
        {
            bind(prepared, args);
            while (prepared.Step())
            {
            }
        }
        finally
        {
            prepared.Reset();
        }
    }

    public void RunIf<TOperation>(Statement statement, TOperation operation, Action<IArguments, TOperation> bind)
        where TOperation : ConditionalOperation
    {
        Run(statement, operation, bind);
        operation.Applied |= connection.Changes > 0;
    }

    public void RunFor<TOperation>(
        Statement statement, TOperation operation, Action<IArguments, TOperation> bind, Func<TOperation, IRow, bool> read)
        where TOperation : ConditionalOperation
    {
        var prepared = connection.Prepare(statement);
        prepared.Writes = this;
        try
        {
            bind(prepared, operation);
            while (prepared.Step())
            {
                operation.Applied |= read(operation, prepared);
            }
        }
        finally
        {
            prepared.Reset();
        }
    }
}
