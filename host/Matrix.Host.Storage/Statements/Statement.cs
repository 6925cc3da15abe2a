namespace Matrix.Host.Storage.Statements;

/// <summary>
/// A question or a change as text, with `$1`, `$2` … for its arguments. Both databases speak enough of one language that most have one text;
/// where they differ there are two, side by side. Made once, in a static field: its index finds the prepared form on each connection.
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

    /// <summary>One text for both.</summary>
    public static Statement Of(string text) => new(text, text);

    /// <summary>A text for each.</summary>
    public static Statement Of(string sqlite, string postgres) => new(sqlite, postgres);

    /// <summary>A question asked of many keys at once: `= KEY` stands where the key is compared, arguments go on with `$2`.</summary>
    public static Statement ByKeys(string text) => ByKeys(text, text);

    /// <summary>The same with a text for each database.</summary>
    public static Statement ByKeys(string sqlite, string postgres) => new(
        sqlite.Replace("= KEY", "= $1", StringComparison.Ordinal),
        postgres.Replace("= KEY", "= ANY($1)", StringComparison.Ordinal));

    /// <summary>How many statements were made so far.</summary>
    public static int Count => Volatile.Read(ref _count);

    /// <summary>Dense, from 0.</summary>
    public int Index { get; }

    /// <summary>For SQLite, with its numbered parameters (`?1`).</summary>
    public string Sqlite { get; }

    /// <summary>For PostgreSQL.</summary>
    public string Postgres { get; }
}
