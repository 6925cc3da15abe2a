using Matrix.Host.Storage.Commits;
using Npgsql;

namespace Matrix.Host.Storage.Postgres;

/// <summary>
/// How a process proves that it may write: the lock that its connection holds, and what each of its transactions does
/// first. Every transaction advances the one row of the sequence, so that all are in order.
/// </summary>
internal abstract class WriteClaim : IDisposable
{
    // "matrix" on a telephone's keys: any number will do, so long as all processes agree.
    protected const long Lock = 628749;

    /// <summary>The position of the sequence, as far as it is known.</summary>
    internal long Position { get; private protected set; }

    /// <summary>
    /// The position before the next flush of this process: what it advanced itself since is no flush of anybody.
    /// </summary>
    internal virtual long After => Position;

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

    /// <summary>Takes the shards that this process serves, once the schema is this version's.</summary>
    internal abstract Task TakeShardsAsync(NpgsqlConnection connection, CancellationToken stop);

    /// <summary>Ends: others need not wait.</summary>
    internal virtual Task EndAsync(NpgsqlConnection connection) => Task.CompletedTask;

    /// <summary>Finds out, on a new connection, what became of a transaction that was lost with the last one.</summary>
    internal abstract Task LookAsync(NpgsqlConnection connection, CancellationToken stop);

    /// <summary>How often an idle process gives a sign of life; null for never.</summary>
    internal virtual TimeSpan? BeatsEvery => null;

    /// <summary>Gives a sign of life. False if this process may write no more.</summary>
    internal virtual Task<bool> BeatAsync(NpgsqlConnection connection) => Task.FromResult(true);

    /// <summary>
    /// Whether <see cref="Position"/> is where the sequence is, unless somebody else wrote. Then a transaction's
    /// positions are known before it begins.
    /// </summary>
    internal virtual bool KnowsPosition => true;

    /// <summary>
    /// Adds the first statement of a transaction that takes the positions up to one. It fails if the sequence is not
    /// where it is expected.
    /// </summary>
    internal abstract void Take(PostgresWrites writes, long last);

    /// <summary>
    /// Adds the first statement of a transaction that takes the next positions, wherever the sequence is. Once it is
    /// sent, <paramref name="taken"/> has got the last one.
    /// </summary>
    internal virtual void TakeNext(PostgresWrites writes, int count, Action<long> taken) =>
        throw new InvalidOperationException("The position is known.");

    /// <summary>Releases what it holds in this process.</summary>
    public virtual void Dispose()
    {
    }

    /// <summary>
    /// Ends, while something is sent, who keeps this process from the sequence and stands still.
    /// </summary>
    internal virtual BlockedWriters.Watch Sending(NpgsqlConnection connection) => default;

    /// <summary>
    /// The time of a flush after which the next ones are made smaller, because others wait for it; null for none.
    /// </summary>
    internal virtual TimeSpan? LongestFlush => null;

    /// <summary>
    /// Adds what a flush changed for the processes that read it, once its outcomes are known.
    /// </summary>
    /// <returns>What they are told once it is committed; null if nobody reads it.</returns>
    internal virtual FlushNews? Log(PostgresWrites writes, List<WriteBatch> batches, long after, long last) => null;

    /// <summary>An authority of a batch whose shard this process does not own; nobody if it owns them all.</summary>
    internal virtual Authority ForeignOf(WriteBatch batch) => Authority.Nobody;

    /// <summary>
    /// A batch with preconditions is sent: shards that it gives away are not this process's any more, as long as it is
    /// in doubt too.
    /// </summary>
    internal virtual void Sends(WriteBatch batch)
    {
    }

    /// <summary>Such a batch has ended, and it is known whether it was kept.</summary>
    internal virtual void Ended(WriteBatch batch, bool isKept)
    {
    }

    /// <summary>A transaction was committed.</summary>
    internal virtual void Committed(long last) => Position = last;

    /// <summary>Whether another process writes instead of this one, whose greatest position is given.</summary>
    internal abstract bool IsLost(long greatest);

    /// <summary>Whether the transaction up to a position was kept, as seen by <see cref="LookAsync"/>.</summary>
    internal abstract bool IsKept(long last);

    /// <summary>Whether that transaction was not kept, and may be sent again.</summary>
    internal abstract bool MayRepeat(long last);

    /// <summary>
    /// Whether the first statement failed because another process has written, which may be: the transaction is sent
    /// again.
    /// </summary>
    internal virtual bool HasMoved(Exception fault) => false;

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
