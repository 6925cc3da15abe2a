using Matrix.Host.Storage.Commits;
using Npgsql;

namespace Matrix.Host.Storage.Postgres;

/// <summary>
/// How a process proves that it may write: the lock that its connection holds, and what each of its transactions does
/// first. Every transaction advances the one row of the sequence, so that all are in order.
/// </summary>
internal abstract class WriteClaim
{
    // "matrix" on a telephone's keys: any number will do, so long as all processes agree.
    protected const long Lock = 628749;

    /// <summary>The position of the sequence, as far as it is known.</summary>
    internal long Position { get; private protected set; }

    /// <summary>Takes the lock of the database for the connection's session, if it is free: one boolean.</summary>
    internal abstract string TryLock { get; }

    /// <summary>Gives the lock back.</summary>
    internal abstract string Unlock { get; }

    /// <summary>Further options of the connection.</summary>
    internal virtual string Options => "";

    /// <summary>
    /// Each process begins its positions this far above those of the process before it, so that it cannot take
    /// another's for its own.
    /// </summary>
    protected const long Between = 1 << 20;

    /// <summary>How much higher than the sequence this process begins.</summary>
    internal virtual long Apart => 0;

    /// <summary>
    /// Begins to write. If the schema is there already, this is before it is changed: whoever wrote before writes
    /// nothing more.
    /// </summary>
    /// <param name="check">Throws if this process cannot serve the database; called once nothing is waited for any
    /// more.</param>
    internal abstract Task BeginAsync(
        NpgsqlConnection connection, long now, Func<Task> check, CancellationToken stop);

    /// <summary>Ends: others need not wait.</summary>
    internal virtual Task EndAsync(NpgsqlConnection connection) => Task.CompletedTask;

    /// <summary>Finds out, on a new connection, what became of a transaction that was lost with the last one.</summary>
    internal abstract Task LookAsync(NpgsqlConnection connection, CancellationToken stop);

    /// <summary>How often an idle process gives a sign of life; null for never.</summary>
    internal virtual TimeSpan? BeatsEvery => null;

    /// <summary>Gives a sign of life. False if this process may write no more.</summary>
    internal virtual Task<bool> BeatAsync(NpgsqlConnection connection) => Task.FromResult(true);

    /// <summary>Adds the first statement of a transaction that takes the positions up to one.</summary>
    internal abstract void Take(PostgresWrites writes, long last);

    /// <summary>A transaction was committed.</summary>
    internal virtual void Committed(long last) => Position = last;

    /// <summary>Whether another process writes instead of this one, whose greatest position is given.</summary>
    internal abstract bool IsLost(long greatest);

    /// <summary>Whether the transaction up to a position was kept, as seen by <see cref="LookAsync"/>.</summary>
    internal abstract bool IsKept(long last);

    /// <summary>Whether that transaction was not kept, and may be sent again.</summary>
    internal abstract bool MayRepeat(long last);

    /// <summary>
    /// Whether the first statement failed, so that this process has to look what became of its claim.
    /// </summary>
    internal virtual bool MustLook(Exception fault) => false;

    /// <summary>Why this process writes no more.</summary>
    internal abstract string WhyLost { get; }

    /// <summary>The failure of a write when this process writes no more.</summary>
    internal StorageException Lost() => new(StorageFailure.Refused, WhyLost);

    /// <summary>One value.</summary>
    private protected static async Task<object?> ScalarAsync(
        NpgsqlConnection connection, string sql, CancellationToken stop, params object[] values)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        foreach (var value in values) command.Parameters.Add(new NpgsqlParameter { Value = value });
        return await command.ExecuteScalarAsync(stop);
    }
}
