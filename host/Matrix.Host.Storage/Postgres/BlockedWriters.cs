using Npgsql;

namespace Matrix.Host.Storage.Postgres;

/// <summary>
/// Ends the sessions that keep a node from the sequence because their process stands still: in the middle of a
/// transaction, or of a message to the server. A session that waits for the disk or for a standby is left alone: its
/// commit would become visible before it is safe. One session is watched at a time.
/// </summary>
/// <param name="connectionString">For a second connection, while the first one is blocked.</param>
internal sealed class BlockedWriters(string connectionString) : IDisposable
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan _lookAgain = TimeSpan.FromMilliseconds(500);

    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _ended = new();
    private Timer? _timer;

    /// <summary>The process of the session that is watched; 0 for none.</summary>
    private int _blocked;
    private Task _looking = Task.CompletedTask;

    /// <summary>Ends, until the watch is disposed, who blocks a session for more than two seconds.</summary>
    internal Watch Begin(NpgsqlConnection connection)
    {
        lock (_gate)
        {
            _blocked = ProcessOf(connection);
            _timer ??= new Timer(
                static self => ((BlockedWriters)self!).Look(), this, Timeout.Infinite, Timeout.Infinite);
            _timer.Change(_patience, _lookAgain);
        }

        return new Watch(this);
    }

    /// <summary>Ends what it is doing.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _blocked = 0;
            _timer?.Dispose();
            _ended.Cancel();
            _ended.Dispose();
        }
    }

    private void End()
    {
        lock (_gate)
        {
            _blocked = 0;
            _timer!.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }

    private void Look()
    {
        lock (_gate)
        {
            if (_blocked == 0 || !_looking.IsCompleted) return;
            _looking = EndBlockersAsync(_blocked, _ended.Token);
        }
    }

    private static int ProcessOf(NpgsqlConnection connection)
    {
        try
        {
            return connection.ProcessID;
        }
        catch (InvalidOperationException)
        {
            // It is lost, which who sends finds out.
            return 0;
        }
    }

    private async Task EndBlockersAsync(int blocked, CancellationToken stop)
    {
        try
        {
            await using var connection = new NpgsqlConnection(connectionString);
            await connection.OpenAsync(stop);

            // One that waits for its own turn is in this state for a moment, too.
            await using var end = new NpgsqlCommand(
                """
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE pid = ANY(pg_blocking_pids($1)) AND datname = current_database()
                    AND state_change < clock_timestamp() - interval '1 second'
                    AND (state LIKE 'idle in transaction%' OR (state = 'active' AND wait_event_type = 'Client'))
                """,
                connection)
            {
                Parameters = { new NpgsqlParameter { Value = blocked } },
            };
            await end.ExecuteNonQueryAsync(stop);
        }
        catch (Exception fault) when (fault is OperationCanceledException || PostgresFault.IsDatabaseFault(fault))
        {
            // The server ends, or the next look may succeed.
        }
    }

    /// <summary>The time for which a session may be blocked. Who waits disposes it.</summary>
    internal readonly struct Watch(BlockedWriters? writers) : IDisposable
    {
        public void Dispose() => writers?.End();
    }
}
