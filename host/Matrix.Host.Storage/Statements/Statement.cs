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
}
