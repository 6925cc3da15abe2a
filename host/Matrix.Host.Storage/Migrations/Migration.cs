using System.Globalization;
using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Migrations;

/// <summary>
/// A change of the schema. Its statements and the row that records it are one transaction, so an interrupted migration
/// leaves no trace. There is no way back to an earlier schema.
/// </summary>
/// <param name="Number">Its number, from 1 without gaps.</param>
/// <param name="Text">Its statements for both databases: <see cref="ForSqlite"/> and <see cref="ForPostgres"/> derive
/// each dialect.</param>
internal sealed record Migration(int Number, string Name, string Text)
{
    /// <summary>Creates the table of applied migrations.</summary>
    public const string CreateRecord = """
        CREATE TABLE IF NOT EXISTS migrations (
            number BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, applied_at BIGINT NOT NULL)
        """;

    /// <summary>All migrations: the files `NNNN_name.sql` in this folder.</summary>
    public static IReadOnlyList<Migration> All { get; } = Load();

    /// <summary>
    /// Whether servers that know only the migrations before it can serve beside one that made it: it adds what they
    /// neither read nor have to fill, and whatever they write is valid. The first line of its text says so, with the
    /// reason.
    /// </summary>
    public bool Expands => Text.StartsWith("-- Expands: ", StringComparison.Ordinal);

    /// <summary>How many migrations a server has to know that serves beside one which knows these.</summary>
    public static int OldestBeside(IReadOnlyList<Migration> known) =>
        known.LastOrDefault(static one => !one.Expands)?.Number ?? 0;

    public string ForSqlite => Without("-- PostgreSQL only");

    public string ForPostgres => Without("-- SQLite only")
        .Replace("INTEGER", "BIGINT", StringComparison.Ordinal)
        .Replace(" BLOB", " BYTEA", StringComparison.Ordinal)
        .Replace(" TEXT", " TEXT COLLATE \"C\"", StringComparison.Ordinal)
        .Replace(" WITHOUT ROWID", "", StringComparison.Ordinal);

    /// <summary>The migrations that a database still needs, in order.</summary>
    /// <param name="known">Those that this server knows.</param>
    /// <param name="applied">How many the database has.</param>
    /// <param name="expands">Whether all further ones that the database has only expand the schema.</param>
    /// <exception cref="StorageException">The database is newer than this server.</exception>
    public static IEnumerable<Migration> Pending(
        IReadOnlyList<Migration> known, int applied, bool expands = false) => applied > known.Count && !expands
        ? throw new StorageException(
            StorageFailure.Refused,
            $"The database has schema {applied}, but this server knows schemas up to {known.Count}. "
            + "Run the newer version that wrote it.")
        : known.Skip(applied);

    /// <summary>The failure to open the database of another server.</summary>
    public static StorageException ForeignServer(string theirs, string ours) => new(
        StorageFailure.Refused,
        $"The database belongs to the server {theirs}, but server_name is {ours}. A server's name cannot change: "
        + "use another database.");

    private string Without(string mark) => string.Join('\n', Text.Split('\n').Where(line =>
        !line.StartsWith("--", StringComparison.Ordinal) && !line.EndsWith(mark, StringComparison.Ordinal)));

    private static Migration[] Load()
    {
        var assembly = typeof(Migration).Assembly;
        var files = assembly.GetManifestResourceNames()
            .Where(name => name.EndsWith(".sql", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal);
        Migration[] all = [.. files.Select(Read)];

        // A database says how many it has: a gap that is filled later would be skipped.
        return Array.TrueForAll(all, one => one.Number == Array.IndexOf(all, one) + 1)
            ? all
            : throw new InvalidOperationException("The numbers of the migrations have a gap.");

        Migration Read(string file)
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(file)!);
            var number = int.Parse(file.AsSpan(0, 4), CultureInfo.InvariantCulture);
            return new Migration(number, file[5..^4], reader.ReadToEnd());
        }
    }
}
