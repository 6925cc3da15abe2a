namespace Matrix.Host.Storage.Statements;

/// <summary>
/// A query or a change as SQL text, with `$1`, `$2` … for its arguments. Most statements have one text for both
/// databases; where the dialects differ there are two, side by side. A statement is created once, in a static field:
/// its index finds the prepared form on each connection.
/// </summary>
internal sealed class Statement
{
    private static int _count;

    private Statement(string sqlite, string postgres)
    {
        Sqlite = sqlite.Replace('$', '?');
        Postgres = postgres;
        Index = Interlocked.Increment(ref _count) - 1;
    }

    /// <summary>A statement with one text for both databases.</summary>
    public static Statement Of(string text) => new(text, text);

    /// <summary>A statement with a text for each database.</summary>
    public static Statement Of(string sqlite, string postgres) => new(sqlite, postgres);

    /// <summary>
    /// An insertion, `INSERT … VALUES ($1, …)`. PostgreSQL gets the rows of a flush as one statement, before the next
    /// statement that is not of such rows. Statements of such rows keep no order among them: each writes another table.
    /// </summary>
    public static Statement OfRows(string text)
    {
        var values = text.LastIndexOf("VALUES (", StringComparison.Ordinal);
        var arguments = text[(values + "VALUES (".Length)..text.LastIndexOf(')')];
        return new Statement(text, text) { PostgresRows = $"{text[..values]}SELECT * FROM unnest({arguments})" };
    }

    /// <summary>
    /// The same for an insertion that is more than `VALUES`: a text for each database, and one for PostgreSQL with an
    /// array for each argument.
    /// </summary>
    public static Statement OfRows(string sqlite, string postgres, string many) =>
        new(sqlite, postgres) { PostgresRows = many };

    /// <summary>
    /// An update of one row, whose first argument is the row's key, and for PostgreSQL that of many rows, whose
    /// arguments are arrays. Of several updates of one row only the last is made.
    /// </summary>
    public static Statement OfLastOfRows(string text, string many) =>
        new(text, text) { PostgresRows = many, OnlyLastOfRow = true };

    /// <summary>
    /// A query for many keys at once: `= KEY` marks the comparison with the key, and other arguments start with `$2`.
    /// </summary>
    public static Statement ByKeys(string text) => ByKeys(text, text);

    /// <summary>A query for many keys at once, with a text for each database.</summary>
    public static Statement ByKeys(string sqlite, string postgres) => new(
        sqlite.Replace("= KEY", "= $1", StringComparison.Ordinal),
        postgres.Replace("= KEY", "= ANY($1)", StringComparison.Ordinal));

    /// <summary>How many statements were created so far.</summary>
    public static int Count => Volatile.Read(ref _count);

    /// <summary>The statement's number, without gaps from 0.</summary>
    public int Index { get; }

    /// <summary>For SQLite, with its numbered parameters (`?1`).</summary>
    public string Sqlite { get; }

    /// <summary>For PostgreSQL.</summary>
    public string Postgres { get; }

    /// <summary>For PostgreSQL, for many rows, with an array for each argument; null if there is none.</summary>
    public string? PostgresRows { get; private init; }

    /// <summary>Whether later rows with the same first argument replace earlier ones.</summary>
    public bool OnlyLastOfRow { get; private init; }
}
