namespace Matrix.Import.Sources;

/// <summary>One of Synapse's databases, as of one moment: its rows are those of one snapshot.</summary>
internal interface ISourceDatabase : IAsyncDisposable
{
    /// <summary>The columns of each table, by the table's name.</summary>
    IReadOnlyDictionary<string, IReadOnlySet<string>> Tables { get; }

    /// <summary>Whether it is PostgreSQL.</summary>
    bool IsPostgres { get; }

    /// <summary>
    /// The rows of a query, read as they are asked for. A row is valid until the next one. Several queries may be read
    /// at once, by one caller at a time.
    /// </summary>
    /// <param name="sql">One text for both databases, with `$1`, `$2` … for the arguments.</param>
    /// <param name="stop">Ends the query.</param>
    /// <param name="arguments">Text, numbers, booleans, bytes or null.</param>
    /// <exception cref="SourceException">The database did not answer the query.</exception>
    IAsyncEnumerable<ISourceRow> RowsAsync(string sql, CancellationToken stop, params object?[] arguments);
}
