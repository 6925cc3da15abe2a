namespace Matrix.Import.Sources;

/// <summary>
/// Synapse's databases: one, or two if the state groups are apart (`databases` in its configuration). A query goes to
/// the one that has the tables.
/// </summary>
/// <param name="main">The database of everything else.</param>
/// <param name="state">The database of state groups; the same object if there is one database.</param>
internal sealed class SynapseSource(ISourceDatabase main, ISourceDatabase state) : IAsyncDisposable
{
    /// <summary>The database of everything but state groups.</summary>
    public ISourceDatabase Main => main;

    /// <summary>The database of state groups.</summary>
    public ISourceDatabase State => state;

    /// <summary>The version of the main database's schema, such as 94.</summary>
    public int SchemaVersion { get; private init; }

    /// <exception cref="SourceException">It is not Synapse's, or of a schema that is not known.</exception>
    public static async Task<SynapseSource> OpenAsync(
        ISourceDatabase main, ISourceDatabase state, CancellationToken stop)
    {
        if (!main.Tables.ContainsKey("schema_version") || !main.Tables.ContainsKey("events"))
        {
            throw new SourceException("The database is not Synapse's: it has no tables schema_version and events.");
        }

        if (!state.Tables.ContainsKey("state_groups_state"))
        {
            throw new SourceException("The database of state groups has no table state_groups_state.");
        }

        var version = 0;
        await foreach (var row in main.RowsAsync("SELECT version FROM schema_version", stop)) version = row.Int32(0);
        return new SynapseSource(main, state) { SchemaVersion = version };
    }

    /// <summary>Whether the main database has a table.</summary>
    public bool HasTable(string table) => main.Tables.ContainsKey(table);

    /// <summary>Whether a table of the main database has a column.</summary>
    public bool HasColumn(string table, string column) =>
        main.Tables.TryGetValue(table, out var columns) && columns.Contains(column);

    /// <summary>
    /// The column, or another expression in its place if the table lacks it: for schemas that do not have it yet, or no
    /// longer.
    /// </summary>
    public string ColumnOr(string table, string column, string otherwise) =>
        HasColumn(table, column) ? column : otherwise;

    /// <summary>The rows of a query of the main database.</summary>
    public IAsyncEnumerable<ISourceRow> RowsAsync(string sql, CancellationToken stop, params object?[] arguments) =>
        main.RowsAsync(sql, stop, arguments);

    /// <summary>The first row's number; 0 if there is no row or it is NULL.</summary>
    public async Task<long> NumberAsync(string sql, CancellationToken stop, params object?[] arguments)
    {
        await foreach (var row in main.RowsAsync(sql, stop, arguments)) return row.Int64(0);
        return 0;
    }

    /// <summary>The rows of a query of the main database, copied: for few rows.</summary>
    public async Task<List<T>> ListAsync<T>(
        string sql, Func<ISourceRow, T> read, CancellationToken stop, params object?[] arguments)
    {
        var rows = new List<T>();
        await foreach (var row in main.RowsAsync(sql, stop, arguments)) rows.Add(read(row));
        return rows;
    }

    public async ValueTask DisposeAsync()
    {
        await main.DisposeAsync();
        if (!ReferenceEquals(main, state)) await state.DisposeAsync();
    }
}
