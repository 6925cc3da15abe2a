using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Npgsql;

namespace Matrix.Import.Sources;

/// <summary>
/// A PostgreSQL database of Synapse's. All connections read the snapshot of the first one, whose transaction stays
/// open.
/// </summary>
internal sealed class PostgresSource : ISourceDatabase
{
    private readonly NpgsqlDataSource _source;
    private readonly NpgsqlConnection _first;
    private readonly string _snapshot;
    private readonly Stack<NpgsqlConnection> _free = new();

    private PostgresSource(NpgsqlDataSource source, NpgsqlConnection first, string snapshot) =>
        (_source, _first, _snapshot) = (source, first, snapshot);

    public IReadOnlyDictionary<string, IReadOnlySet<string>> Tables { get; private set; } =
        new Dictionary<string, IReadOnlySet<string>>();

    public bool IsPostgres => true;

    /// <exception cref="SourceException">It cannot be reached.</exception>
    public static async Task<PostgresSource> OpenAsync(string connectionString, CancellationToken stop)
    {
        var settings = new NpgsqlConnectionStringBuilder(connectionString)
        {
            ApplicationName = "mx import",
            Pooling = false,
            CommandTimeout = 0,
        };
        var source = NpgsqlDataSource.Create(settings);
        NpgsqlConnection? first = null;
        try
        {
            first = await source.OpenConnectionAsync(stop);
            await ExecuteAsync(first, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", stop);
            await using var export = new NpgsqlCommand("SELECT pg_export_snapshot()", first);
            var opened = new PostgresSource(source, first, (string)(await export.ExecuteScalarAsync(stop))!);
            opened.Tables = await opened.TablesAsync(stop);
            return opened;
        }
        catch (Exception fault) when (fault is NpgsqlException or TimeoutException)
        {
            if (first is not null) await first.DisposeAsync();
            await source.DisposeAsync();
            throw new SourceException(
                $"Synapse's database {settings.Database} at {settings.Host} cannot be read: {fault.Message}", fault);
        }
    }

    public async IAsyncEnumerable<ISourceRow> RowsAsync(
        string sql, [EnumeratorCancellation] CancellationToken stop, params object?[] arguments)
    {
        var connection = await GuardedAsync(sql, () => TakeAsync(stop));
        try
        {
            await using var command = new NpgsqlCommand(sql, connection);
            foreach (var argument in arguments)
            {
                command.Parameters.Add(new NpgsqlParameter { Value = argument ?? DBNull.Value });
            }

            await using var reader = await GuardedAsync(sql, () => command.ExecuteReaderAsync(stop));
            var row = new Row(reader);
            while (await GuardedAsync(sql, () => reader.ReadAsync(stop))) yield return row;
        }
        finally
        {
            _free.Push(connection);
        }
    }

    public async ValueTask DisposeAsync()
    {
        while (_free.TryPop(out var connection)) await connection.DisposeAsync();
        await _first.DisposeAsync();
        await _source.DisposeAsync();
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        _ = await command.ExecuteNonQueryAsync(stop);
    }

    private static async Task<T> GuardedAsync<T>(string sql, Func<Task<T>> call)
    {
        try
        {
            return await call();
        }
        catch (Exception fault) when (fault is NpgsqlException or TimeoutException or InvalidCastException)
        {
            throw new SourceException($"Synapse's database does not answer ({sql.Trim()}): {fault.Message}", fault);
        }
    }

    private async Task<NpgsqlConnection> TakeAsync(CancellationToken stop)
    {
        if (_free.TryPop(out var free)) return free;
        var connection = await _source.OpenConnectionAsync(stop);
        await ExecuteAsync(connection, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", stop);
        await ExecuteAsync(connection, $"SET TRANSACTION SNAPSHOT '{_snapshot}'", stop);
        return connection;
    }

    private async Task<Dictionary<string, IReadOnlySet<string>>> TablesAsync(CancellationToken stop)
    {
        var tables = new Dictionary<string, IReadOnlySet<string>>();
        await foreach (var row in RowsAsync(
            """
            SELECT table_name::text, column_name::text FROM information_schema.columns
            WHERE table_schema::text = ANY (SELECT unnest(current_schemas(false))::text)
            """,
            stop))
        {
            var table = row.Text(0);
            if (!tables.TryGetValue(table, out var columns)) tables[table] = columns = new HashSet<string>();
            ((HashSet<string>)columns).Add(row.Text(1));
        }

        return tables;
    }

    private sealed class Row(NpgsqlDataReader reader) : ISourceRow
    {
        public bool IsNull(int column) => reader.IsDBNull(column);

        public long Int64(int column) => reader.GetValue(column) switch
        {
            long value => value,
            int value => value,
            short value => value,
            bool value => value ? 1 : 0,
            string text => long.TryParse(text, CultureInfo.InvariantCulture, out var value) ? value : 0,
            IConvertible value and not DBNull => (long)value.ToDouble(CultureInfo.InvariantCulture),
            _ => 0,
        };

        public double Double(int column) => reader.GetValue(column) switch
        {
            string text => double.TryParse(text, CultureInfo.InvariantCulture, out var value) ? value : 0,
            IConvertible value and not DBNull => value.ToDouble(CultureInfo.InvariantCulture),
            _ => 0,
        };

        public string Text(int column) => reader.GetValue(column) switch
        {
            string text => text,
            byte[] bytes => Encoding.UTF8.GetString(bytes),
            bool flag => flag ? "1" : "0",
            IConvertible value and not DBNull => value.ToString(CultureInfo.InvariantCulture),
            _ => "",
        };

        public byte[] Bytes(int column) => reader.GetValue(column) switch
        {
            byte[] bytes => bytes,
            _ => Encoding.UTF8.GetBytes(Text(column)),
        };
    }
}
