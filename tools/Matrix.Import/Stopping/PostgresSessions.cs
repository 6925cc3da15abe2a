using Matrix.Import.Sources;
using Npgsql;

namespace Matrix.Import.Stopping;

/// <summary>Sessions at a PostgreSQL database.</summary>
internal static class PostgresSessions
{
    /// <summary>The sessions other than ours, each as process, user, application and address.</summary>
    /// <exception cref="SourceException">The database does not answer.</exception>
    public static async Task<IReadOnlyList<string>> OthersAsync(string connectionString, CancellationToken stop)
    {
        var settings = new NpgsqlConnectionStringBuilder(connectionString)
        {
            Pooling = false,
            ApplicationName = "mx import",
        };
        try
        {
            await using var connection = new NpgsqlConnection(settings.ConnectionString);
            await connection.OpenAsync(stop);
            await using var command = new NpgsqlCommand(
                """
                SELECT pid, COALESCE(usename, ''), COALESCE(application_name, ''), COALESCE(client_addr::text, 'socket')
                FROM pg_stat_activity
                WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
                    AND application_name <> 'mx import'
                ORDER BY pid LIMIT 20
                """,
                connection);
            await using var reader = await command.ExecuteReaderAsync(stop);
            var sessions = new List<string>();
            while (await reader.ReadAsync(stop))
            {
                var application = reader.GetString(2) is { Length: > 0 } name ? $", {name}" : "";
                sessions.Add(
                    $"process {reader.GetInt32(0)}, user {reader.GetString(1)}{application}, {reader.GetString(3)}");
            }

            return sessions;
        }
        catch (Exception fault) when (fault is NpgsqlException or TimeoutException)
        {
            throw new SourceException(
                $"Synapse's database {settings.Database} at {settings.Host} does not answer: {fault.Message}", fault);
        }
    }
}
