using System.Diagnostics;
using System.Threading.Channels;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Shards;
using Npgsql;

namespace Matrix.Host.Storage.Postgres;

/// <summary>Reads the table `flushes`, on a task of its own.</summary>
internal sealed class PostgresFlushRows : IFlushRows
{
    /// <summary>The most flushes that are read at once.</summary>
    private const int MostFlushes = 16;

    private static readonly TimeSpan _readAgain = TimeSpan.FromMilliseconds(100);

    private readonly NpgsqlDataSource _source;
    private readonly NodeClaim _claim;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _reading;

    /// <summary>The position after which to read; the latest replaces one that waits.</summary>
    private readonly Channel<long> _asked = Channel.CreateBounded<long>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });

    internal PostgresFlushRows(NpgsqlDataSource source, NodeClaim claim)
    {
        (_source, _claim) = (source, claim);
        _reading = Task.Run(ReadAsync);
    }

    public Action<FoundFlushes>? OnRead { private get; set; }

    public void ReadAfter(long position) => _asked.Writer.TryWrite(position);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task ReadAsync()
    {
        await foreach (var position in _asked.Reader.ReadAllAsync(_stop.Token))
        {
            try
            {
                OnRead?.Invoke(await AfterAsync(position, _stop.Token));
            }
            catch (Exception fault) when (PostgresFault.IsDatabaseFault(fault))
            {
                await Task.Delay(_readAgain, _stop.Token);
                ReadAfter(position);
            }
        }
    }

    /// <summary>The flushes after a position, and how far the sequence is: one statement, so one moment.</summary>
    private async Task<FoundFlushes> AfterAsync(long position, CancellationToken stop)
    {
        await using var command = _source.CreateCommand(
            $"""
            SELECT s.position, f.after, f.last, f.node, f.incarnation, f.changes
            FROM sequence s LEFT JOIN flushes f ON f.last > $1 WHERE s.one = 1 ORDER BY f.last LIMIT {MostFlushes}
            """);
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = position });
        var lookedAt = Stopwatch.GetTimestamp();
        await using var row = await command.ExecuteReaderAsync(stop);
        var flushes = new List<FoundFlush>();
        var through = 0L;
        while (await row.ReadAsync(stop))
        {
            through = row.GetInt64(0);
            if (row.IsDBNull(1)) break;
            flushes.Add(new(
                row.GetInt64(1),
                row.GetInt64(2),
                new ShardOwner(row.GetString(3), row.GetInt64(4)) == _claim.Self,
                row.IsDBNull(5) ? null : row.GetFieldValue<byte[]>(5)));
        }

        var hasMore = flushes.Count == MostFlushes;
        return new(flushes, hasMore ? flushes[^1].Last : through, hasMore, lookedAt);
    }
}
