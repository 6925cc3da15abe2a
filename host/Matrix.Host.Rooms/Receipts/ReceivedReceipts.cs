using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Servers;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Receipts;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Rooms.Receipts;

/// <summary>A receipt that another server sent. v1.19 server-server-api#receipts</summary>
/// <param name="UserId">The user.</param>
/// <param name="EventId">The event up to which they have read.</param>
/// <param name="ThreadId">The thread, `main`, or empty for an unthreaded one.</param>
/// <param name="Timestamp">The time, in milliseconds since the epoch.</param>
public readonly record struct RemoteReceipt(string UserId, string EventId, string ThreadId, long Timestamp);

/// <summary>
/// Stores receipts of other servers' users. One that comes before its event is applied when the event comes.
/// </summary>
public sealed partial class ReceivedReceipts : BackgroundService
{
    private const int LongestId = 255;
    private static readonly TimeSpan _pauseAfterFault = TimeSpan.FromSeconds(5);

    private readonly ServerAccess _access;
    private readonly EventStore _events;
    private readonly EarlyReceipts _early;
    private readonly IStorageWriter _writer;
    private readonly ReadingOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<ReceivedReceipts> _log;

    internal ReceivedReceipts(
        ServerAccess access,
        EventStore events,
        EarlyReceipts early,
        IStorageWriter writer,
        ReadingOptions options,
        TimeProvider time,
        ILogger<ReceivedReceipts> log)
    {
        _access = access;
        _events = events;
        _early = early;
        _writer = writer;
        _options = options;
        _time = time;
        _log = log;
    }

    /// <summary>
    /// Stores receipts that another server sent for its users. Any thread id is accepted, because the thread's root may
    /// arrive later; the limit of threads per user is that of local users. Skips users of other servers and users who
    /// are not joined; all receipts if this server has no user in the room, or the room's access control list denies
    /// the other server.
    /// </summary>
    /// <returns>The number of skipped receipts.</returns>
    public async ValueTask<int> ReceiveAsync(
        string server, string roomId, IReadOnlyList<RemoteReceipt> receipts, CancellationToken stop)
    {
        if (await _access.ForEdusAsync(server, roomId, stop) is not { } snapshot)
        {
            return receipts.Count;
        }

        var batch = new WriteBatch(Authority.Nobody, receipts.Count * 2);
        var skipped = 0;
        foreach (var receipt in receipts)
        {
            if (!IsKeepable(receipt, server)
                || !await _access.IsUserJoinedAsync(receipt.UserId, snapshot, stop))
            {
                skipped++;
                continue;
            }

            if (await FindOrKeepAsync(server, snapshot.Room, receipt, stop) is not { } stored)
            {
                continue;
            }

            ReceiptWriter.Put(
                batch,
                new ReceiptMoved(
                    snapshot.Room.Nid,
                    receipt.UserId,
                    ReceiptTypes.Read,
                    receipt.ThreadId,
                    stored.Nid,
                    receipt.EventId,
                    receipt.Timestamp,
                    IsLocal: false),
                _options);
        }

        if (batch.Changes.Count > 0) await _writer.WriteAsync(batch, stop);
        return skipped;
    }

    /// <summary>
    /// Applies receipts when their events have come, until it is stopped. What waits then is dropped.
    /// </summary>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await ApplyAsync(stoppingToken);
        }
#pragma warning disable CA1031 // The server serves without these receipts.
        catch (Exception fault) when (fault is not OperationCanceledException || !stoppingToken.IsCancellationRequested)
#pragma warning restore CA1031
        {
            Failed(fault);
        }
    }

    private async Task ApplyAsync(CancellationToken stop)
    {
        // Those that the storage refused, at most as many as may be early.
        var failed = new Queue<EarlyReceipt>();
        var due = _early.Due.WaitToReadAsync(stop).AsTask();
        var pause = Task.CompletedTask;
        while (true)
        {
            if (failed.Count == 0) await due;
            else await Task.WhenAny(due, pause);
            stop.ThrowIfCancellationRequested();
            if (failed.Count > 0 && pause.IsCompleted)
            {
                await ApplyAgainAsync(failed, stop);
                pause = Task.Delay(_pauseAfterFault, _time, stop);
            }

            if (!due.IsCompleted) continue;
            if (_early.Due.TryRead(out var early) && !await TryApplyAsync(early, stop))
            {
                if (failed.Count == 0) pause = Task.Delay(_pauseAfterFault, _time, stop);
                if (failed.Count >= _options.MaxEarlyReceipts) failed.Dequeue();
                failed.Enqueue(early);
            }

            due = _early.Due.WaitToReadAsync(stop).AsTask();
        }
    }

    /// <summary>Tries again what failed, until one fails again: that one is the last of the next time.</summary>
    private async ValueTask ApplyAgainAsync(Queue<EarlyReceipt> failed, CancellationToken stop)
    {
        for (var left = failed.Count; left > 0; left--)
        {
            var early = failed.Dequeue();
            if (await TryApplyAsync(early, stop)) continue;
            failed.Enqueue(early);
            return;
        }
    }

    private async ValueTask<bool> TryApplyAsync(EarlyReceipt early, CancellationToken stop)
    {
        try
        {
            await ReceiveAsync(early.Server, early.RoomId, [early.Receipt], stop);
            return true;
        }
        catch (StorageException)
        {
            return false;
        }
    }

    /// <summary>The event of a receipt; if it has not come, the receipt is kept for it.</summary>
    private async ValueTask<StoredEvent?> FindOrKeepAsync(
        string server, RoomIdentity room, RemoteReceipt receipt, CancellationToken stop)
    {
        var stored = await ShownAsync(room, receipt, stop);
        if (stored is not null) return stored;
        var early = new EarlyReceipt(server, room.Nid, room.RoomId, receipt);
        _early.Keep(early);

        // The event may have come meanwhile.
        stored = await ShownAsync(room, receipt, stop);
        if (stored is not null) _early.Forget(early);
        return stored;
    }

    private async ValueTask<StoredEvent?> ShownAsync(
        RoomIdentity room, RemoteReceipt receipt, CancellationToken stop) =>
        await _events.ByIdAsync(room, receipt.EventId, stop) is { IsShown: true } stored
            ? stored
            : null;

    private static bool IsKeepable(RemoteReceipt receipt, string server) =>
        RoomNames.ServerOf(receipt.UserId) == server
        && receipt.EventId.Length <= LongestId
        && receipt.ThreadId.Length <= LongestId
        && !receipt.ThreadId.Contains('\0')
        && !receipt.ThreadId.Any(char.IsSurrogate);

    [LoggerMessage(Level = LogLevel.Error, Message = "Receipts that came before their events are not applied any more")]
    private partial void Failed(Exception fault);
}
