using System.Globalization;
using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Migrations;

/// <summary>
/// A step of the schema, forward only. Each is one transaction together with the row that records it, so that one which was cut short never was.
/// </summary>
/// <param name="Number">Its number, from 1 without gaps.</param>
/// <param name="Name">Its name.</param>
/// <param name="Text">Its statements, in the common text that <see cref="ForSqlite"/> and <see cref="ForPostgres"/> make their own of.</param>
internal sealed record Migration(int Number, string Name, string Text)
{
    /// <summary>The table that records them.</summary>
    public const string CreateRecord =
        "CREATE TABLE IF NOT EXISTS migrations (number BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, applied_at BIGINT NOT NULL)";

    /// <summary>All that this server knows: files `NNNN_name.sql` beside this one.</summary>
    public static IReadOnlyList<Migration> All { get; } = Load();

    /// <summary>The text for SQLite.</summary>
    public string ForSqlite => Without("-- PostgreSQL only");

    /// <summary>The text for PostgreSQL.</summary>
    public string ForPostgres => Without("-- SQLite only")
        .Replace("INTEGER", "BIGINT", StringComparison.Ordinal)
        .Replace(" BLOB", " BYTEA", StringComparison.Ordinal)
        .Replace(" TEXT", " TEXT COLLATE \"C\"", StringComparison.Ordinal)
        .Replace(" WITHOUT ROWID", "", StringComparison.Ordinal);

    /// <summary>Those of the known ones that a database still needs, in order.</summary>
    /// <exception cref="StorageException">The database is newer than this server.</exception>
    public static IEnumerable<Migration> Pending(IReadOnlyList<Migration> known, int applied) => applied > known.Count
        ? throw new StorageException(
            StorageFailure.Refused,
            $"The database has schema {applied}, this server knows schemas up to {known.Count}: it was written by a newer version, run that.")
        : known.Skip(applied);

    /// <summary>The database belongs to another server than ours.</summary>
    public static StorageException ForeignServer(string theirs, string ours) => new(
        StorageFailure.Refused,
        $"The database belongs to the server {theirs}, but server_name is {ours}. A server's name cannot change: use another database.");

    private string Without(string mark) => string.Join('\n', Text.Split('\n').Where(line =>
        !line.StartsWith("--", StringComparison.Ordinal) && !line.EndsWith(mark, StringComparison.Ordinal)));

    private static Migration[] Load()
    {
        var assembly = typeof(Migration).Assembly;
        return [.. assembly.GetManifestResourceNames().Where(name => name.EndsWith(".sql", StringComparison.Ordinal)).Order(StringComparer.Ordinal).Select(name =>
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!);
            return new Migration(int.Parse(name.AsSpan(0, 4), CultureInfo.InvariantCulture), name[5..^4], reader.ReadToEnd());
        })];
    }
}
