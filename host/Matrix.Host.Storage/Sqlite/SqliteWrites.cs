using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;

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

    public void RunIf<TChange>(Statement statement, TChange change, Action<IArguments, TChange> bind)
        where TChange : ConditionalChange
    {
        Run(statement, change, bind);
        change.Applied |= connection.Changes > 0;
    }

    public void RunFor<TChange>(
        Statement statement, TChange change, Action<IArguments, TChange> bind, Func<TChange, IRow, bool> read)
        where TChange : ConditionalChange
    {
        var prepared = connection.Prepare(statement);
        prepared.Writes = this;
        try
        {
            bind(prepared, change);
            while (prepared.Step())
            {
                change.Applied |= read(change, prepared);
            }
        }
        finally
        {
            prepared.Reset();
        }
    }
}
