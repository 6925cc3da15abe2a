using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Sqlite;

namespace Matrix.Import.Sources;

/// <summary>
/// A SQLite file of Synapse's, read in one transaction. Never opened as `immutable`: that would leave out what is in
/// the write-ahead log. Calls of SQLite block; the import has a thread of its own.
/// </summary>
internal sealed class SqliteSource : ISourceDatabase
{
    private const int BusyTimeoutMs = 10_000;
    private const int MaxPrepared = 256;

    private readonly SqliteConnection _connection;
    private readonly Dictionary<string, Stack<SqliteStatement>> _prepared = [];
    private int _idle;

    private SqliteSource(SqliteConnection connection, IReadOnlyDictionary<string, IReadOnlySet<string>> tables) =>
        (_connection, Tables) = (connection, tables);

    public IReadOnlyDictionary<string, IReadOnlySet<string>> Tables { get; }

    public bool IsPostgres => false;

    /// <exception cref="SourceException">It is missing, or no database.</exception>
    public static SqliteSource Open(string file)
    {
        if (!File.Exists(file)) throw Missing(file);
        SqliteConnection? connection = null;
        try
        {
            connection = SqliteConnection.OpenReadOnly(file, BusyTimeoutMs);
            connection.Execute("PRAGMA query_only = 1; PRAGMA cache_size = -16384; PRAGMA temp_store = FILE");

            // The first read takes the snapshot.
            connection.Execute("BEGIN");
            return new SqliteSource(connection, TablesOf(connection));
        }
        catch (StorageException fault)
        {
            connection?.Dispose();
            throw new SourceException($"Synapse's database {file} cannot be read: {fault.Message}", fault);
        }
    }

    /// <summary>
    /// Copies a database that a running Synapse uses, by SQLite's `VACUUM INTO`, which reads one moment.
    /// </summary>
    /// <exception cref="SourceException">It cannot be read, or the copy not written.</exception>
    public static void Copy(string file, string copy)
    {
        if (!File.Exists(file)) throw Missing(file);
        try
        {
            File.Delete(copy);
            using var connection = SqliteConnection.OpenReadOnly(file, BusyTimeoutMs);
            connection.Execute($"VACUUM INTO '{copy.Replace("'", "''", StringComparison.Ordinal)}'");
        }
        catch (Exception fault) when (fault is StorageException or IOException or UnauthorizedAccessException)
        {
            throw new SourceException($"Synapse's database {file} cannot be copied to {copy}: {fault.Message}", fault);
        }
    }

    public async IAsyncEnumerable<ISourceRow> RowsAsync(
        string sql, [EnumeratorCancellation] CancellationToken stop, params object?[] arguments)
    {
        var statement = Take(sql);
        try
        {
            Guarded(sql, () => Bind(statement, arguments));
            var row = new Row(statement);
            while (Guarded(sql, statement.Step))
            {
                stop.ThrowIfCancellationRequested();
                yield return row;
            }
        }
        finally
        {
            statement.Reset();
            Return(sql, statement);
        }

        await Task.CompletedTask;
    }

    public ValueTask DisposeAsync()
    {
        foreach (var statement in _prepared.Values.SelectMany(static stack => stack)) statement.Dispose();
        _prepared.Clear();
        _connection.Dispose();
        return ValueTask.CompletedTask;
    }

    private static SourceException Missing(string file) => new(
        $"Synapse's database {file} does not exist. Give the folder in which Synapse runs (--synapse-folder), or where "
        + "a folder of its container is here (--moved).");

    private static Dictionary<string, IReadOnlySet<string>> TablesOf(SqliteConnection connection)
    {
        var tables = new Dictionary<string, IReadOnlySet<string>>();
        using var statement = connection.Prepare("""
            SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'
            """);
        while (statement.Step())
        {
            var table = statement.Text(0);
            if (!tables.TryGetValue(table, out var columns)) tables[table] = columns = new HashSet<string>();
            ((HashSet<string>)columns).Add(statement.Text(1));
        }

        return tables;
    }

    private static bool Bind(SqliteStatement statement, object?[] arguments)
    {
        foreach (var argument in arguments)
        {
            _ = argument switch
            {
                null => statement.IntOrNull(null),
                string text => statement.PlainText(text),
                bool flag => statement.Int(flag ? 1 : 0),
                byte[] bytes => statement.Blob(bytes),
                IConvertible number => statement.Int(number.ToInt64(CultureInfo.InvariantCulture)),
                _ => throw new ArgumentException($"{argument.GetType().Name} is no argument of a query."),
            };
        }

        return true;
    }

    private static T Guarded<T>(string sql, Func<T> call)
    {
        try
        {
            return call();
        }
        catch (StorageException fault)
        {
            throw new SourceException($"Synapse's database does not answer ({sql.Trim()}): {fault.Message}", fault);
        }
    }

    private SqliteStatement Take(string sql)
    {
        if (!_prepared.TryGetValue(sql, out var stack) || !stack.TryPop(out var statement))
        {
            return Guarded(sql, () => _connection.Prepare(sql.Replace('$', '?')));
        }

        _idle--;
        return statement;
    }

    private void Return(string sql, SqliteStatement statement)
    {
        if (_idle >= MaxPrepared)
        {
            statement.Dispose();
            return;
        }

        if (!_prepared.TryGetValue(sql, out var stack)) _prepared[sql] = stack = new Stack<SqliteStatement>();
        stack.Push(statement);
        _idle++;
    }

    private sealed class Row(SqliteStatement statement) : ISourceRow
    {
        public bool IsNull(int column) => statement.IsNull(column);

        public long Int64(int column) => statement.Int64(column);

        public double Double(int column) =>
            double.TryParse(Text(column), NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value : 0;

        public string Text(int column) => Encoding.UTF8.GetString(statement.Blob(column));

        public byte[] Bytes(int column) => statement.Blob(column);
    }
}
