namespace Matrix.Host.Storage.Copying;

/// <summary>How a column's values are stored.</summary>
internal enum ColumnKind
{
    Int16,
    Int32,
    Int64,
    Text,
    Bytes,

    /// <summary>Words of a search: text with spaces between them on SQLite, `tsvector` on PostgreSQL.</summary>
    Words,
}

/// <summary>A column.</summary>
internal sealed record CopiedColumn(string Name, ColumnKind Kind);

/// <summary>A table as both databases have it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Columns">All columns. The last one of `events` is the JSON, which SQLite has in another table.</param>
/// <param name="Key">The indexes of the columns of its primary key, in the order of the key.</param>
internal sealed record CopiedTable(string Name, IReadOnlyList<CopiedColumn> Columns, IReadOnlyList<int> Key)
{
    /// <summary>The table whose JSON SQLite has in another one.</summary>
    public const string Events = "events";

    /// <summary>Whether this is <see cref="Events"/>.</summary>
    public bool IsEvents => Name == Events;

    /// <summary>The names of the columns, with commas.</summary>
    public string ColumnNames => string.Join(", ", Columns.Select(static column => column.Name));

    /// <summary>The names of the key's columns, with commas.</summary>
    public string KeyNames => Named("");

    /// <summary>The query of the rows after a key, in the order of keys.</summary>
    /// <param name="columns">The columns, as the database gives them.</param>
    /// <param name="from">The table, or the tables that its columns are in.</param>
    /// <param name="mark">The mark of a parameter.</param>
    /// <param name="isAfter">Whether it begins after a key, whose values are the parameters.</param>
    public string Select(string columns, string from, char mark, bool isAfter)
    {
        var marks = string.Join(", ", Enumerable.Range(1, Key.Count).Select(at => $"{mark}{at}"));
        return $"SELECT {columns} FROM {from}{(isAfter ? $" WHERE ({KeyNames}) > ({marks})" : "")} ORDER BY {KeyNames}";
    }

    /// <summary>The query of the greatest key.</summary>
    public string SelectLastKey => $"SELECT {KeyNames} FROM {Name} ORDER BY {Named(" DESC")} LIMIT 1";

    private string Named(string suffix) => string.Join(", ", Key.Select(at => Columns[at].Name + suffix));
}
