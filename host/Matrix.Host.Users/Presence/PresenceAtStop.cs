using System.Threading.Channels;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Presence;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Users.Presence;

/// <summary>
/// Saves who is present when the server stops in order, and takes it up at the next start: clients must learn that a
/// user does not come back. A node does so for the users of its shards, also when it gets more of them.
/// </summary>
public sealed partial class PresenceAtStop : BackgroundService
{
    private readonly PresenceBoard _board;
    private readonly PresenceTable _presenceTable;
    private readonly IStorageWriter _writer;
    private readonly ShardGates _gates;
    private readonly ILogger<PresenceAtStop> _log;
    private readonly Channel<bool> _moves = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>Creates it.</summary>
    public PresenceAtStop(
        PresenceBoard board,
        PresenceTable presenceTable,
        IStorageWriter writer,
        ShardGates gates,
        ILogger<PresenceAtStop> log)
    {
        (_board, _presenceTable, _writer, _gates, _log) = (board, presenceTable, writer, gates, log);
        gates.OnMoves(_ => _moves.Writer.TryWrite(true));
    }

    /// <inheritdoc/>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        if (!_board.IsOn) return;
        await TakeUpAsync(cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        if (!_board.IsOn) return;
        try
        {
            await Task.WhenAll(
                Batches(_board.Present(), static user => new PresenceStopped(user))
                    .Select(batch => _writer.WriteAsync(batch, cancellationToken).AsTask()));
        }
        catch (Exception fault) when (fault is StorageException or OperationCanceledException)
        {
            // Clients show them until they come back.
            NotSaved(fault);
        }
    }

    /// <summary>Takes up users of shards that this node gets.</summary>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await foreach (var _ in _moves.Reader.ReadAllAsync(stoppingToken))
        {
            try
            {
                await TakeUpAsync(stoppingToken);
            }
            catch (StorageException fault)
            {
                NotTakenUp(fault);
            }
        }
    }

    private async Task TakeUpAsync(CancellationToken stop)
    {
        var rows = await _presenceTable.AtStopAsync(stop);
        PresentUser[] own = [.. rows.Where(row => _gates.IsOpen(Authority.User(row.UserId).Shard))];
        _board.Restore(own);
        foreach (var batch in Batches(own, static row => new PresenceResumed(row.UserId)))
        {
            _writer.Post(batch);
        }
    }

    /// <summary>A batch for each shard: one that was given away fails, and no other.</summary>
    private static IEnumerable<WriteBatch> Batches(
        IReadOnlyList<PresentUser> users, Func<PresentUser, Change> changeOf)
    {
        foreach (var ofShard in users.GroupBy(user => Authority.User(user.UserId).Shard))
        {
            var batch = new WriteBatch(Authority.Nobody);
            foreach (var user in ofShard) batch.AlsoOf(Authority.User(user.UserId)).Add(changeOf(user));
            yield return batch;
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The users who are present were not saved")]
    private partial void NotSaved(Exception fault);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The users who were present at the last stop were not read")]
    private partial void NotTakenUp(Exception fault);
}
