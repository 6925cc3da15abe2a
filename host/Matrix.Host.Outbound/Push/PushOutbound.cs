using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Consumers;
using Matrix.Host.Storage.Tables.Pushers;
using Matrix.Host.Storage.Tables.Receipts;
using Microsoft.Extensions.Hosting;

namespace Matrix.Host.Outbound.Push;

/// <summary>
/// Pushes events and counts to push gateways. It follows the commits: what is pending to each pusher becomes durable
/// together with the position up to which commits were handled. So a stop loses and repeats nothing, and after a crash
/// only requests may repeat whose outcome was not recorded.
/// </summary>
public sealed class PushOutbound : IHostedService, IAsyncDisposable
{
    /// <summary>The name of its position in the database.</summary>
    internal const string Name = "push";

    /// <summary>About so many changes are written at once.</summary>
    private const int ChangesPerBatch = 2000;

    private readonly PushFeed _feed;
    private readonly PusherIndex _index;
    private readonly PendingPushes _pending;
    private readonly MissedPushes _missed;
    private readonly Badges _badges;
    private readonly PushSenders _senders;
    private readonly ReceiptsTable _receiptsTable;
    private readonly PushersTable _pushersTable;
    private readonly IConsumersTable _consumersTable;
    private readonly IStorageWriter _writer;
    private readonly PushOptions _options;
    private readonly PushLog _log;
    private readonly CancellationTokenSource _stop = new();
    private Task? _running;
    private bool _isLoaded;
    private long _handled;
    private long _recorded;
    private long _recordedAt = Environment.TickCount64;

    internal PushOutbound(
        PushFeed feed, PusherIndex index, PendingPushes pending, MissedPushes missed, Badges badges,
        PushSenders senders,
        ReceiptsTable receiptsTable,
        PushersTable pushersTable,
        IConsumersTable consumersTable,
        IStorageWriter writer,
        PushOptions options,
        PushLog log)
    {
        (_feed, _index, _pending, _missed, _badges, _senders) = (feed, index, pending, missed, badges, senders);
        _receiptsTable = receiptsTable;
        _pushersTable = pushersTable;
        _consumersTable = consumersTable;
        _writer = writer;
        _options = options;
        _log = log;
    }

    /// <summary>All changes up to this position were handled: what they owe is stored.</summary>
    public long HandledThrough => _feed.IdleAt() ?? Volatile.Read(ref _handled);

    /// <summary>Starts to push.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        _running ??= Task.Run(() => RunAsync(_stop.Token), CancellationToken.None);
        return Task.CompletedTask;
    }

    /// <summary>Ends the requests that were begun, and records the position.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (_stop.IsCancellationRequested) return;
        await _stop.CancelAsync();
        if (_running is { } running) await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _senders.StopAsync();
        if (!_isLoaded) return;
        if (_feed.IdleAt() is { } through) Volatile.Write(ref _handled, Math.Max(_handled, through));
        try
        {
            var batch = new WriteBatch();
            foreach (var pusherId in _senders.Counting())
            {
                batch.Add(new PushEnqueued(pusherId, _handled, EventNid.None));
            }

            await RecordAsync(batch);
        }
        catch (StorageException fault)
        {
            _log.StorageFailed(fault);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await StopAsync(CancellationToken.None);
        _senders.Dispose();
        _stop.Dispose();
    }

    private async Task RunAsync(CancellationToken stop)
    {
        for (var failures = 0; ;)
        {
            try
            {
                if (!_isLoaded) await LoadAsync(stop);
                await HandleAsync(stop);
                await RecordIfIdleAsync(stop);
                failures = 0;
                await _feed.WaitAsync(_recorded, _senders.HasMany, _options.RecordInterval, stop);
            }
#pragma warning disable CA1031 // Every failure is retried: no change is skipped.
            catch (Exception fault) when (!stop.IsCancellationRequested)
#pragma warning restore CA1031
            {
                _log.StorageFailed(fault);
                _feed.Miss();
                var pause = Math.Min(Math.Pow(2, failures++), _options.LongestReadPause.TotalSeconds);
                await Task.Delay(TimeSpan.FromSeconds(pause), stop);
            }
        }
    }

    private async ValueTask LoadAsync(CancellationToken stop)
    {
        await _index.LoadAsync(stop);
        var position = await _consumersTable.PositionAsync(Name, stop);
        if (position is null)
        {
            // Without a stored position, a crash would skip what came since.
            _handled = _feed.Beginning;
            await RecordAsync(new WriteBatch(1));
        }

        Volatile.Write(ref _handled, position ?? _handled);
        _recorded = _handled;
        for (long after = 0; ;)
        {
            var owing = await _pushersTable.OwingAsync(after, _options.EventsPerPage, stop);
            foreach (var pusherId in owing)
            {
                if (await _pushersTable.FindAsync(pusherId, stop) is { } row)
                {
                    _senders.Wake(new PusherName(row.PusherId, row.UserId, row.Kind));
                }
            }

            if (owing.Count < _options.EventsPerPage) break;
            after = owing[^1];
        }

        _isLoaded = true;
        _senders.Start();
    }

    /// <summary>Handles what is there.</summary>
    private async ValueTask HandleAsync(CancellationToken stop)
    {
        if (_feed.TakeMissed() is { } through)
        {
            try
            {
                await ReadAsync(through, stop);
            }
            catch
            {
                // Also if it is stopped: what was not read is still missing.
                _feed.Miss();
                throw;
            }
        }

        while (_feed.Next() is { } flush)
        {
            // Its events may have been read from the database already, but counts may have been made before it came.
            await HandleAsync(flush, stop);
            _feed.Handled(flush);
        }
    }

    private async ValueTask HandleAsync(PushFlush flush, CancellationToken stop)
    {
        var owing = new Dictionary<PusherName, int>();
        var counting = new HashSet<PusherName>();
        var batch = new WriteBatch();
        foreach (var invite in flush.Invites)
        {
            if (invite.Position <= _handled) continue;
            await _pending.AddInviteAsync(invite, batch, owing, stop);
        }

        for (var i = 0; i < flush.Events.Count; i++)
        {
            var pushed = flush.Events[i];
            if (pushed.Position <= _handled) continue;
            if (batch.Changes.Count >= ChangesPerBatch && pushed.Position > flush.Events[i - 1].Position)
            {
                await EnqueueAsync(batch, owing, flush.Events[i - 1].Position);
                (batch, owing) = (new WriteBatch(), []);
            }

            await _pending.AddAsync(pushed, batch, owing, counting, stop);
        }

        foreach (var pusher in flush.Set) _senders.Wake(pusher);
        foreach (var (userId, room) in flush.Read) Count(userId, room);
        foreach (var room in flush.Recounted)
        {
            foreach (var userId in await _pending.MembersAsync(room, stop)) Count(userId, room);
        }

        await EnqueueAsync(batch, owing, flush.Through);
        foreach (var pusher in counting)
        {
            if (!owing.ContainsKey(pusher)) _senders.CountChanged(pusher);
        }

        void Count(string userId, RoomNid room)
        {
            _badges.Changed(userId, room);
            counting.UnionWith(_index.Of(userId));
        }
    }

    /// <summary>Makes durable what is pending, and wakes the senders.</summary>
    private async ValueTask EnqueueAsync(WriteBatch batch, Dictionary<PusherName, int> owing, long through)
    {
        Volatile.Write(ref _handled, Math.Max(_handled, through));
        if (batch.Changes.Count == 0) return;
        foreach (var (pusher, events) in owing)
        {
            if (_senders.MustTrim(pusher, events)) batch.Add(new PushesTrimmed(pusher.PusherId, _options.MaxPending));
        }

        try
        {
            await RecordAsync(batch);
        }
        catch
        {
            _handled = _recorded;
            throw;
        }

        foreach (var pusher in owing.Keys) _senders.Wake(pusher);
    }

    /// <summary>Handles, from the database, changes that were missed.</summary>
    private async ValueTask ReadAsync(long through, CancellationToken stop)
    {
        _badges.ForgetAll();
        var after = _handled;
        if (_index.Users == 0)
        {
            Volatile.Write(ref _handled, Math.Max(_handled, through));
            return;
        }

        // Mail that asks for a confirmation may not have been sent.
        foreach (var pusher in _index.OfKind(PusherKind.Email)) _senders.Wake(pusher);
        _senders.CountAll();
        for (var (position, user) = (after + 1, ""); ;)
        {
            var moved = await _receiptsTable.MovedFromAsync(position, user, _options.EventsPerPage, stop);
            foreach (var pusher in moved.SelectMany(receipt => _index.Of(receipt.UserId)))
            {
                _senders.CountChanged(pusher);
            }

            if (moved.Count < _options.EventsPerPage) break;
            (position, user) = moved[^1];
        }

        while (_handled < through)
        {
            await HandleAsync(await _missed.ReadAsync(_handled, through, stop), stop);
        }
    }

    private async ValueTask RecordIfIdleAsync(CancellationToken stop)
    {
        _senders.DropIdle();
        if (_feed.IdleAt() is not { } through) return;
        Volatile.Write(ref _handled, Math.Max(_handled, through));
        stop.ThrowIfCancellationRequested();
        if (_feed.Changed > _recorded && IsTimeToRecord()) await RecordAsync(new WriteBatch(1));
    }

    private bool IsTimeToRecord()
    {
        if (Environment.TickCount64 - _recordedAt < _options.RecordInterval.TotalMilliseconds) return false;
        _recordedAt = Environment.TickCount64;
        return true;
    }

    private async ValueTask RecordAsync(WriteBatch batch)
    {
        var through = _handled;
        await _writer.WriteAsync(batch.Add(new ConsumerAdvanced(Name, through)), CancellationToken.None);
        _recorded = through;
    }
}
