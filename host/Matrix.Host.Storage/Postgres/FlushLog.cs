using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Formats;
using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables;

namespace Matrix.Host.Storage.Postgres;

/// <summary>
/// Writes what each flush changed into the table `flushes`, for the other nodes, and deletes rows that are old.
/// </summary>
internal sealed class FlushLog(StorageOptions options)
{
    /// <summary>After how many flushes old rows are deleted.</summary>
    private const int DeletesEvery = 64;

    private static readonly Statement _insert = Statement.Of(
        "INSERT INTO flushes (last, after, node, incarnation, changes) VALUES ($1, $2, $3, $4, $5)");

    private static readonly Statement _delete = Statement.Of("DELETE FROM flushes WHERE last <= $1");

    /// <summary>Positions that this process has reached, with the moments, for what is old.</summary>
    private readonly Queue<(long Moment, long Position)> _reached = [];

    private readonly FlushFormat _format = new(SharedChanges.Formats);
    private int _flushes;

    /// <summary>Rows of processes before this one are old in time, too.</summary>
    internal void StartAt(long position) => _reached.Enqueue((options.Time.GetTimestamp(), position));

    /// <summary>Adds the row of a flush, once its outcomes are known.</summary>
    /// <returns>The same, for those who read it. The bytes are valid until the next call.</returns>
    internal FlushNews Add(PostgresWrites writes, List<WriteBatch> batches, FlushOrigin origin)
    {
        var news = new FlushNews(origin.After, origin.Last, Bytes(batches));
        writes.Run(
            _insert,
            (Origin: origin, news.Changes),
            static (a, q) => a.Int(q.Origin.Last).Int(q.Origin.After).Text(q.Origin.Node).Int(q.Origin.Incarnation)
                .BlobOrNull(q.Changes));
        if (++_flushes >= DeletesEvery) DeleteOld(writes, origin);
        return news;
    }

    private void DeleteOld(PostgresWrites writes, FlushOrigin origin)
    {
        _flushes = 0;
        StartAt(origin.Last);
        var old = 0L;
        while (_reached.TryPeek(out var next) && options.Time.GetElapsedTime(next.Moment) > options.KeepFlushes)
        {
            old = _reached.Dequeue().Position;
        }

        if (old != 0) writes.Run(_delete, old, static (a, old) => a.Int(old));
    }

    /// <summary>The changes; null if they are too many.</summary>
    private ReadOnlyMemory<byte>? Bytes(List<WriteBatch> batches)
    {
        var bytes = _format.Write(batches);
        return bytes.Length <= options.MaxFlushRowBytes ? bytes : null;
    }
}

/// <summary>Where a flush is in the sequence, and who wrote it.</summary>
/// <param name="After">The position of the sequence before it.</param>
/// <param name="Last">Its own last position.</param>
internal readonly record struct FlushOrigin(long After, long Last, string Node, long Incarnation);
