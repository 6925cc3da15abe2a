using Matrix.Host.Storage.Migrations;
using Matrix.Host.Storage.Sqlite;

namespace Matrix.Host.Storage.Copying;

/// <summary>The tables that a copy has, as the migrations make them. None is named here but those left out.</summary>
internal static class CopiedTables
{
    /// <summary>
    /// What every database has of itself: its schema, its server, its position, its nodes and what they have of each
    /// other. The position is set in the end. A server without a node leaves nothing in the last four, and was the last
    /// to open the source.
    /// </summary>
    private static readonly HashSet<string> _ofTheDatabase =
    [
        "migrations", "identity", "sequence", "copies", "nodes", "node_terms", "node_positions", "flushes", "shards",
        "shard_positions",
    ];

    /// <summary>The row of `sequence` with the last position.</summary>
    public const int Positions = 1;

    /// <summary>The row of `sequence` with the greatest number of a deleted room.</summary>
    public const int DeletedRooms = 2;

    /// <summary>All tables, by name.</summary>
    public static IReadOnlyList<CopiedTable> Read() => Read(Migration.All);

    /// <summary>All tables of a schema, by name.</summary>
    public static IReadOnlyList<CopiedTable> Read(IEnumerable<Migration> migrations)
    {
        using var schema = SqliteConnection.Open(":memory:", busyTimeoutMs: 0);
        schema.Execute(Migration.CreateRecord);
        foreach (var migration in migrations) schema.Execute(migration.ForSqlite);
        var names = Names(schema);
        return [.. names.Select(name => Table(schema, name))];
    }

    private static List<string> Names(SqliteConnection schema)
    {
        // Triggers fill the index of words. Its tables, and SQLite's own, are no tables of the schema.
        using var rows = schema.Prepare(
            """
            SELECT name FROM pragma_table_list
            WHERE type = 'table' AND schema = 'main' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' AND name <> 'event_json'
            ORDER BY name
            """);
        var names = new List<string>();
        while (rows.Step())
        {
            if (!_ofTheDatabase.Contains(rows.Text(0))) names.Add(rows.Text(0));
        }

        return names;
    }

    private static CopiedTable Table(SqliteConnection schema, string name)
    {
        using var rows = schema.Prepare($"SELECT name, type, pk FROM pragma_table_info('{name}')");
        var columns = new List<CopiedColumn>();
        var key = new SortedDictionary<long, string>();
        while (rows.Step())
        {
            if (rows.Int64(2) > 0) key.Add(rows.Int64(2), rows.Text(0));
            if ((name, rows.Text(0)) is (CopiedTable.Events, "json_id")) continue;
            columns.Add((name, rows.Text(0)) is ("search_events", "tokens")
                ? new CopiedColumn("tokens", ColumnKind.Words)
                : new CopiedColumn(rows.Text(0), KindOf(name, rows.Text(0), rows.Text(1))));
        }

        if (name == CopiedTable.Events) columns.Add(new CopiedColumn("json", ColumnKind.Bytes));
        return key.Count > 0
            ? new CopiedTable(name, columns, [.. key.Values.Select(its => columns.FindIndex(one => one.Name == its))])
            : throw new InvalidOperationException($"The table {name} has no primary key.");
    }

    private static ColumnKind KindOf(string table, string column, string type) => type.ToUpperInvariant() switch
    {
        "SMALLINT" => ColumnKind.Int16,
        "INT" => ColumnKind.Int32,
        "INTEGER" or "BIGINT" => ColumnKind.Int64,
        "TEXT" => ColumnKind.Text,
        "BLOB" => ColumnKind.Bytes,
        _ => throw new InvalidOperationException(
            $"The column {table}.{column} has the type {type}, which a copy cannot keep."),
    };
}
