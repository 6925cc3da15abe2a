using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Sqlite;

/// <summary>A fixed number of threads, each with a connection, that run queries in order of arrival.</summary>
internal sealed class SqliteReaders : IReads, IAsyncDisposable
{
    private static readonly Statement Begin = Statement.Of("BEGIN");
    private static readonly Statement End = Statement.Of("COMMIT");

    // A monitor, because a thread that waits for it sleeps at once. A semaphore spins first, and the time between two
    // queries is mostly longer than that.
    private readonly object _gate = new();
    private readonly Queue<Query> _queries = new();
    private readonly StorageOptions _options;
    private readonly Task[] _threads;
    private bool _closed;

    public SqliteReaders(IReadOnlyList<SqliteConnection> connections, StorageOptions options)
    {
        _options = options;
        _threads = [.. connections.Select(Start)];
    }

    /// <summary>The number of waiting queries.</summary>
    public int Waiting
    {
        get
        {
            lock (_gate) return _queries.Count;
        }
    }

    public ValueTask<T?> FirstAsync<TArgs, T>(
        Statement statement, TArgs args, Action<IArguments, TArgs> bind, Func<IRow, T> map, CancellationToken stop) =>
        ExecuteAsync<T?>(
            connection =>
            {
                var prepared = connection.Prepare(statement);
                try
                {
                    bind(prepared, args);
                    return prepared.Step() ? map(prepared) : default;
                }
                finally
                {
                    prepared.Reset();
                }
            },
            stop);

    public ValueTask<IReadOnlyList<T>> ListAsync<TArgs, T>(
        Statement statement, TArgs args, Action<IArguments, TArgs> bind, Func<IRow, T> map, CancellationToken stop) =>
        ExecuteAsync<IReadOnlyList<T>>(
            connection =>
            {
                var rows = new List<T>();
                Collect(connection.Prepare(statement), args, bind, map, rows, stop);
                return rows;
            },
            stop);

    public ValueTask<IReadOnlyList<T>> ByKeysAsync<TKey, TArgs, T>(
        Statement statement,
        IReadOnlyCollection<TKey> keys,
        KeyKind<TKey> kind,
        TArgs args,
        Action<IArguments, TArgs> bind,
        Func<IRow, T> map,
        CancellationToken stop) =>
        keys.Count == 0
            ? ValueTask.FromResult<IReadOnlyList<T>>([])
            : ExecuteAsync<IReadOnlyList<T>>(
                connection =>
                {
                    var rows = new List<T>(keys.Count);
                    var prepared = connection.Prepare(statement);

                    // One transaction: otherwise each statement takes and releases SQLite's locks.
                    if (keys.Count > 1) Run(connection.Prepare(Begin));
                    try
                    {
                        foreach (var key in keys)
                        {
                            Collect(
                                prepared,
                                (kind, key, args, bind),
                                static (a, q) =>
                                {
                                    q.kind.Bind(a, q.key);
                                    q.bind(a, q.args);
                                },
                                map,
                                rows,
                                stop);
                        }
                    }
                    finally
                    {
                        // In every case: the next query must not run in a transaction that was left open.
                        connection.BeginQuery(TimeSpan.Zero, CancellationToken.None);
                        if (connection.InTransaction) Run(connection.Prepare(End));
                    }

                    return rows;
                },
                stop);

    /// <summary>Runs any other work on a reading connection.</summary>
    public ValueTask<T> ExecuteAsync<T>(Func<SqliteConnection, T> work, CancellationToken stop)
    {
        stop.ThrowIfCancellationRequested();
        var query = new Query<T>(work, stop);
        lock (_gate)
        {
            if (_closed) throw new StorageException(StorageFailure.Closed, "The store is closed.");
            if (_queries.Count >= _options.MaxQueuedReads)
            {
                throw new StorageException(StorageFailure.Overloaded, "Too many queries are already waiting.");
            }

            _queries.Enqueue(query);
            Monitor.Pulse(_gate);
        }

        return new ValueTask<T>(query.Task);
    }

    public async ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            _closed = true;
            Monitor.PulseAll(_gate);
        }

        await Task.WhenAll(_threads);
    }

    private static void Run(SqliteStatement prepared)
    {
        try
        {
            prepared.Step();
        }
        finally
        {
            prepared.Reset();
        }
    }

    private static void Collect<TArgs, T>(
        SqliteStatement prepared, TArgs args, Action<IArguments, TArgs> bind, Func<IRow, T> map, List<T> rows,
        CancellationToken stop)
    {
        try
        {
            bind(prepared, args);
            while (prepared.Step())
            {
                rows.Add(map(prepared));
                if ((rows.Count & 0xFF) == 0)
                {
                    stop.ThrowIfCancellationRequested();
                }
            }
        }
        finally
        {
            prepared.Reset();
        }
    }

    private Task Start(SqliteConnection connection)
    {
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        new Thread(() =>
        {
            using (connection)
            {
                connection.LetInterrupt();
                Serve(connection);
            }

            ended.SetResult();
        })
        { Name = "storage reader", IsBackground = true }.Start();
        return ended.Task;
    }

    private void Serve(SqliteConnection connection)
    {
        while (Next() is { } query) query.Execute(connection, _options.LongestRead);
    }

    /// <summary>Waits for the next query; null once the store is closed and all queries have run.</summary>
    private Query? Next()
    {
        lock (_gate)
        {
            Query? query;
            while (!_queries.TryDequeue(out query) && !_closed) Monitor.Wait(_gate);
            return query;
        }
    }

    private abstract class Query
    {
        public abstract void Execute(SqliteConnection connection, TimeSpan longest);
    }

    private sealed class Query<T>(Func<SqliteConnection, T> work, CancellationToken stop) : Query
    {
        private readonly TaskCompletionSource<T> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<T> Task => _result.Task;

        public override void Execute(SqliteConnection connection, TimeSpan longest)
        {
            if (stop.IsCancellationRequested)
            {
                _result.SetCanceled(stop);
                return;
            }

            try
            {
                connection.BeginQuery(longest, stop);
                _result.SetResult(work(connection));
            }
            catch (OperationCanceledException)
            {
                _result.SetCanceled(stop);
            }
            catch (StorageException fault) when (
                fault.Failure == StorageFailure.TimedOut && stop.IsCancellationRequested)
            {
                _result.SetCanceled(stop);
            }
#pragma warning disable CA1031 // Every exception belongs to the caller.
            catch (Exception fault)
#pragma warning restore CA1031
            {
                _result.SetException(fault);
            }
        }
    }
}
