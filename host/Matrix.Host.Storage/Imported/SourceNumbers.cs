using System.Globalization;
using System.Text.Json;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Sqlite;
using Npgsql;

namespace Matrix.Host.Storage.Imported;

/// <summary>
/// The greatest numbers of a source's streams: `table.column`, and the maximum of that column. If they are what they
/// were when the import ended, the source has written nothing since.
/// </summary>
public static class SourceNumbers
{
    private const int BusyTimeoutMs = 2_000;
    private const int TimeoutSeconds = 10;

    /// <summary>
    /// The names of the numbers that are not as they were, in order. A number of a table that is missing is passed
    /// over.
    /// </summary>
    /// <param name="source">The source.</param>
    /// <param name="numbers">The stored numbers, as JSON.</param>
    /// <param name="stop">Ends the comparison.</param>
    /// <exception cref="StorageException">The source cannot be read: one line for the operator.</exception>
    public static async Task<IReadOnlyList<string>> ChangedAsync(
        ImportedFrom source, string numbers, CancellationToken stop)
    {
        var stored = (JsonSerializer.Deserialize<Dictionary<string, long>>(numbers) ?? [])
            .Where(static pair => IsPlain(pair.Key)).OrderBy(static pair => pair.Key, StringComparer.Ordinal).ToList();
        return source.IsPostgres
            ? await OfPostgresAsync(source.Address, stored, stop)
            : OfSqlite(source.Address, stored);
    }

    // Names are put into the text of a query.
    private static bool IsPlain(string name) =>
        name.Split('.') is [{ Length: > 0 }, { Length: > 0 }]
        && name.All(static c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.');

    private static string Query(string name) => $"SELECT MAX({name.Split('.')[1]}) FROM {name.Split('.')[0]}";

    private static List<string> OfSqlite(string file, List<KeyValuePair<string, long>> stored)
    {
        if (!File.Exists(file)) throw new StorageException(StorageFailure.Unavailable, $"{file} does not exist.");
        using var connection = SqliteConnection.OpenReadOnly(file, BusyTimeoutMs);
        connection.Execute("PRAGMA query_only = 1");
        var changed = new List<string>();
        foreach (var (name, number) in stored)
        {
            var (table, column) = (name.Split('.')[0], name.Split('.')[1]);
            var has = connection.Scalar($"SELECT COUNT(*) FROM pragma_table_info('{table}') WHERE name = '{column}'");
            if (has == "0") continue;
            var now = long.Parse(connection.Scalar(Query(name)) ?? "0", CultureInfo.InvariantCulture);
            if (now != number) changed.Add(name);
        }

        return changed;
    }

    private static async Task<List<string>> OfPostgresAsync(
        string address, List<KeyValuePair<string, long>> stored, CancellationToken stop)
    {
        var settings = new NpgsqlConnectionStringBuilder(address)
        {
            Pooling = false,
            Timeout = TimeoutSeconds,
            CommandTimeout = TimeoutSeconds,
            ApplicationName = "matrix-host",
        };
        try
        {
            await using var connection = new NpgsqlConnection(settings.ConnectionString);
            await connection.OpenAsync(stop);
            var changed = new List<string>();
            foreach (var (name, number) in stored)
            {
                await using var has = new NpgsqlCommand(
                    $"SELECT to_regclass('{name.Split('.')[0]}') IS NOT NULL", connection);
                if (await has.ExecuteScalarAsync(stop) is not true) continue;
                await using var command = new NpgsqlCommand(Query(name), connection);
                var now = await command.ExecuteScalarAsync(stop) is { } value and not DBNull
                    ? Convert.ToInt64(value, CultureInfo.InvariantCulture)
                    : 0;
                if (now != number) changed.Add(name);
            }

            return changed;
        }
        catch (Exception fault) when (fault is NpgsqlException or TimeoutException)
        {
            throw new StorageException(StorageFailure.Unavailable, fault.Message, fault);
        }
    }
}
