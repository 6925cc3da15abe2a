using Npgsql;

namespace Matrix.Host.Storage.Postgres;

/// <summary>
/// Ends the sessions that keep a node from the sequence because their process stands still: in the middle of a
/// transaction, or of a message to the server. A session that waits for the disk or for a standby is left alone: its
/// commit would become visible before it is safe.
/// </summary>
internal sealed class BlockedWriters : IAsyncDisposable
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan _lookAgain = TimeSpan.FromMilliseconds(500);

    private readonly CancellationTokenSource _over = new();
    private readonly Task _watching;

    private BlockedWriters(string connectionString, int blocked) =>
        _watching = WatchAsync(connectionString, blocked, _over.Token);

    /// <summary>Ends, until it is disposed, who blocks a session for more than two seconds.</summary>
    internal static BlockedWriters Ending(string connectionString, NpgsqlConnection blocked) =>
        new(connectionString, blocked.ProcessID);

    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        await _watching;
        _over.Dispose();
    }

    private static async Task WatchAsync(string connectionString, int blocked, CancellationToken over)
    {
        for (var pause = _patience; !over.IsCancellationRequested; pause = _lookAgain)
        {
            await Task.Delay(pause, over).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (over.IsCancellationRequested) return;
            try
            {
                await EndAsync(connectionString, blocked, over);
            }
            catch (Exception fault) when (fault is OperationCanceledException || PostgresFault.IsDatabaseFault(fault))
            {
                // It is over, or the next look may succeed.
            }
        }
    }

    private static async Task EndAsync(string connectionString, int blocked, CancellationToken over)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync(over);
        await using var end = new NpgsqlCommand(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE pid = ANY(pg_blocking_pids($1)) AND datname = current_database()
                AND (state LIKE 'idle in transaction%' OR (state = 'active' AND wait_event_type = 'Client'))
            """,
            connection)
        {
            Parameters = { new NpgsqlParameter { Value = blocked } },
        };
        await end.ExecuteNonQueryAsync(over);
    }
}
