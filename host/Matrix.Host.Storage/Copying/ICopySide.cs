namespace Matrix.Host.Storage.Copying;

/// <summary>A database from which rows are read, or to which they are written.</summary>
internal interface ICopySide : IAsyncDisposable
{
    /// <summary>The rows of a table after a key, in the order of keys.</summary>
    IAsyncEnumerable<Cell[]> RowsAsync(CopiedTable table, Cell[]? after, CancellationToken stop);

    /// <summary>The greatest key of a table; null if it is empty.</summary>
    ValueTask<Cell[]?> LastKeyAsync(CopiedTable table, CancellationToken stop);

    /// <summary>Writes rows in one transaction.</summary>
    ValueTask WriteAsync(CopiedTable table, IReadOnlyList<Cell[]> rows, CancellationToken stop);

    /// <summary>Runs a statement without arguments, and returns the first value of its first row.</summary>
    ValueTask<Cell> RunAsync(string sql, CancellationToken stop);

    /// <summary>Deletes the rows of tables that only this kind of database has.</summary>
    ValueTask EmptyOwnTablesAsync(CancellationToken stop);

    /// <summary>From now on it reads one committed state, whatever a server writes meanwhile.</summary>
    ValueTask FreezeAsync(CancellationToken stop);

    /// <summary>Lets the planner of queries see the rows.</summary>
    ValueTask AnalyzeAsync(CancellationToken stop);

    /// <summary>What is written from now on is durable when that ends, with all that was written before.</summary>
    ValueTask SyncAsync(CancellationToken stop);
}
