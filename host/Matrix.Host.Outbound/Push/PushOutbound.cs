using Matrix.Host.Outbound.Shards;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Pushers;
using Microsoft.Extensions.Hosting;

namespace Matrix.Host.Outbound.Push;

/// <summary>
/// Pushes events and counts to push gateways. It follows the commits: what is pending to each pusher becomes durable
/// together with the position up to which commits were handled. So a stop loses and repeats nothing, and after a crash
/// only requests may repeat whose outcome was not recorded.
/// </summary>
public sealed class PushOutbound : IHostedService, IAsyncDisposable
{
    /// <summary>About so many changes are written at once.</summary>
    private const int ChangesPerBatch = 2000;

    private readonly PushFeed _feed;
    private readonly PusherIndex _index;
    private readonly PendingPushes _pending;
    private readonly MissedPushes _missed;
    private readonly Badges _badges;
    private readonly PushSenders _senders;
    private readonly PushedShards _shards;
    private readonly ShardGates _gates;
    private readonly ShardMoves _moves = new();
    private readonly PushPosition _position;
    private readonly PushOptions _options;
    private readonly PushLog _log;
    private readonly CancellationTokenSource _stop = new();
    private Task? _running;
    private bool _isLoaded;

    internal PushOutbound(
        PushFeed feed,
        PusherIndex index,
        PendingPushes pending,
        MissedPushes missed,
        Badges badges,
        PushSenders senders,
        PushedShards shards,
        ShardGates gates,
        PushPosition position,
        PushOptions options,
        PushLog log)
    {
        (_feed, _index, _pending, _missed, _badges, _senders) = (feed, index, pending, missed, badges, senders);
        (_shards, _gates, _position) = (shards, gates, position);
        _options = options;
        _log = log;
        _moves.Wake = feed.Wake;
        _moves.Came = CameAsync;
        _moves.Goes = (gone, _) => shards.EndAsync(gone);
    }

    /// <summary>All changes up to this position were handled: what they owe is stored.</summary>
    public long HandledThrough => _feed.IdleAt() ?? _position.Handled;

    /// <summary>Starts to push.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (_running is null)
        {
            _gates.Hold(_moves);
            _running = Task.Run(() => RunAsync(_stop.Token), CancellationToken.None);
        }

        return Task.CompletedTask;
    }

    /// <summary>Ends the requests that were begun, and records the position.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (_stop.IsCancellationRequested) return;
        await _stop.CancelAsync();
        if (_running is { } running) await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _senders.StopAsync();
        if (!_isLoaded)
        {
            _moves.End();
            return;
        }

        if (_feed.IdleAt() is { } through) _position.Advance(through);
        try
        {
            var batch = new WriteBatch(Authority.Nobody);
            foreach (var pusher in _senders.Counting()) _shards.Owe(batch, pusher);
            await _position.RecordAsync(batch);
        }
        catch (StorageException fault)
        {
            _log.StorageFailed(fault);
        }

        _moves.End();
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
                await _moves.HandleAsync(stop);
                await HandleAsync(stop);
                await RecordIfIdleAsync(stop);
                failures = 0;
                await _feed.WaitAsync(_position.Recorded, _senders.HasMany, _options.RecordInterval, stop);
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
        await _position.LoadAsync(_feed.Beginning, stop);
        _isLoaded = true;
        _senders.Start();
    }

    /// <summary>Begins to push to the users of shards.</summary>
    private async ValueTask CameAsync(IReadOnlyCollection<int> shards, CancellationToken stop)
    {
        var own = await _shards.PositionsAsync(shards, stop);
        if (own.Any(each => each.Position > _position.Handled))
        {
            // As much is handled for the others first.
            _feed.Miss();
            await HandleAsync(stop);
        }

        await _shards.BeginAsync(shards, own, stop);
        _feed.Miss();
    }

    /// <summary>
    /// Handles what is there, and what comes meanwhile; only the former if shards wait that come or go.
    /// </summary>
    private async ValueTask HandleAsync(CancellationToken stop)
    {
        var there = _feed.Seen;
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
            if (flush.Through >= there && _moves.AreWaiting) return;
        }
    }

    private async ValueTask HandleAsync(PushFlush flush, CancellationToken stop)
    {
        var owing = new Dictionary<PusherName, int>();
        var counting = new HashSet<PusherName>();
        var batch = new WriteBatch(Authority.Nobody);
        foreach (var invite in flush.Invites)
        {
            if (invite.Position <= _position.Handled) continue;
            await _pending.AddInviteAsync(invite, batch, owing, stop);
        }

        for (var i = 0; i < flush.Events.Count; i++)
        {
            var pushed = flush.Events[i];
            if (pushed.Position <= _position.Handled) continue;
            if (batch.Changes.Count >= ChangesPerBatch && pushed.Position > flush.Events[i - 1].Position)
            {
                await EnqueueAsync(batch, owing, flush.Events[i - 1].Position);
                (batch, owing) = (new WriteBatch(Authority.Nobody), []);
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
        _position.Advance(through);
        if (batch.Changes.Count == 0) return;
        foreach (var (pusher, events) in owing)
        {
            if (!_senders.MustTrim(pusher, events)) continue;
            batch.AlsoOf(Authority.User(pusher.UserId)).Add(new PushesTrimmed(pusher.PusherId, _options.MaxPending));
        }

        await _position.RecordOrReturnAsync(batch);
        foreach (var pusher in owing.Keys) _senders.Wake(pusher);
    }

    /// <summary>Handles, from the database, changes that were missed.</summary>
    private async ValueTask ReadAsync(long through, CancellationToken stop)
    {
        // Pushers may have been set.
        await _index.LoadAsync(stop);
        _badges.ForgetAll();
        var after = _position.Handled;
        if (_index.Users == 0)
        {
            _position.Advance(through);
            return;
        }

        // Mail that asks for a confirmation may not have been sent.
        foreach (var pusher in _index.OfKind(PusherKind.Email)) _senders.Wake(pusher);
        _senders.CountAll();
        await foreach (var userId in _missed.ReadersAsync(after, stop))
        {
            foreach (var pusher in _index.Of(userId)) _senders.CountChanged(pusher);
        }

        while (_position.Handled < through)
        {
            await HandleAsync(await _missed.ReadAsync(_position.Handled, through, stop), stop);
        }
    }

    private async ValueTask RecordIfIdleAsync(CancellationToken stop)
    {
        _senders.DropIdle();
        if (_feed.IdleAt() is not { } through) return;
        _position.Advance(through);
        stop.ThrowIfCancellationRequested();
        if (_feed.Changed > _position.Recorded && _position.IsTimeToRecord())
        {
            await _position.RecordAsync(new WriteBatch(Authority.Nobody, 1));
        }
    }
}
