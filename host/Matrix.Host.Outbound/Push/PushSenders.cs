using Matrix.Host.Outbound.Queue;
using Matrix.Host.Storage.Tables.Pushers;

namespace Matrix.Host.Outbound.Push;

/// <summary>The senders of pushers that have something to send, or had lately.</summary>
internal sealed class PushSenders : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<long, KnownPusher> _senders = [];
    private readonly CancellationTokenSource _ends = new();
    private readonly SendQueue _queue;
    private readonly SendQueue _mails;
    private readonly GatewayShares _shares;
    private readonly PusherServices _services;

    internal PushSenders(PusherServices services)
    {
        var options = services.Options;
        _services = services with { Ends = _ends.Token };
        _queue = new SendQueue(
            options.MaxSending,
            options.MaxSendingLimited,
            options.SlowAfter,
            services.Level,
            services.Time,
            services.Log.AttemptFailed);
        _shares = new GatewayShares(options.MaxPerGateway, options.MaxPerGatewayAndUser, WakeInLine);

        // Mail mostly waits, which is no failure of anyone's.
        var mails = services.Email.Options.MaxSending;
        _mails = new SendQueue(
            mails, mails, services.Email.Mailer.Time, services.Level, services.Time, services.Log.AttemptFailed);
    }

    /// <summary>Begins to send.</summary>
    internal void Start()
    {
        _queue.Start();
        _mails.Start();
    }

    /// <summary>Wakes all pushers of users of these shards that have something pending in the database.</summary>
    internal async ValueTask WakeOwingAsync(IReadOnlySet<int> shards, CancellationToken stop)
    {
        var most = _services.Options.EventsPerPage;
        for (long after = 0; ;)
        {
            var owing = await _services.Table.OwingAsync(after, most, stop);
            foreach (var pusherId in owing)
            {
                if (await _services.Table.FindAsync(pusherId, stop) is { } row
                    && shards.Contains(Core.Cluster.Shards.OfUser(row.UserId)))
                {
                    Wake(new PusherName(row.PusherId, row.UserId, row.Kind));
                }
            }

            if (owing.Count < most) break;
            after = owing[^1];
        }
    }

    /// <summary>A pusher has something pending.</summary>
    internal void Wake(PusherName pusher)
    {
        lock (_gate) QueueOf(pusher).Add(Of(pusher));
    }

    /// <summary>A pusher's count may have changed.</summary>
    internal void CountChanged(PusherName pusher)
    {
        if (pusher.Kind != PusherKind.Http) return;
        lock (_gate)
        {
            var sender = Of(pusher);
            sender.CountChanged = true;
            _queue.Add(sender);
        }
    }

    /// <summary>After changes were missed, what was sent may not be the count any more.</summary>
    internal void CountAll()
    {
        lock (_gate)
        {
            foreach (var sender in _senders.Values)
            {
                if (!sender.HasSentCount) continue;
                sender.CountChanged = true;
                _queue.Add(sender);
            }
        }
    }

    /// <summary>
    /// Counts events that a pusher is owed. Whether so many came that it may owe too much: then it is to be trimmed.
    /// </summary>
    internal bool MustTrim(PusherName pusher, int events)
    {
        lock (_gate)
        {
            var sender = Of(pusher);
            sender.PendingSinceTrim += events;
            if (sender.PendingSinceTrim <= _services.Options.MaxPending / 4) return false;
            sender.PendingSinceTrim = 0;
            return true;
        }
    }

    /// <summary>The pushers whose count was not sent.</summary>
    internal IReadOnlyList<PusherName> Counting()
    {
        lock (_gate)
        {
            return [.. _senders.Values.Where(sender => sender.CountChanged).Select(sender => sender.Pusher)];
        }
    }

    /// <summary>Forgets the senders of users of these shards: another node pushes to them.</summary>
    internal void Drop(IReadOnlySet<int> shards)
    {
        lock (_gate)
        {
            foreach (var (id, sender) in _senders)
            {
                if (!shards.Contains(Core.Cluster.Shards.OfUser(sender.Pusher.UserId))) continue;
                _shares.Leave(sender);
                _senders.Remove(id);
            }
        }
    }

    /// <summary>Whether those that have nothing to send are to be forgotten.</summary>
    internal bool HasMany
    {
        get
        {
            lock (_gate) return _senders.Count > _services.Options.MaxIdle;
        }
    }

    /// <summary>Forgets the senders that have nothing to send, if there are many.</summary>
    internal void DropIdle()
    {
        lock (_gate)
        {
            if (_senders.Count <= _services.Options.MaxIdle) return;

            // A sender becomes ready under this lock only.
            foreach (var (id, sender) in _senders)
            {
                if (sender.Status == SenderStatus.Idle && !sender.CountChanged && !sender.IsInLine) _senders.Remove(id);
            }
        }
    }

    /// <summary>Stops. Requests that were begun may end, for a while.</summary>
    internal async ValueTask StopAsync()
    {
        _ends.CancelAfter(_services.Options.StopTime);
        await _queue.StopAsync();
        await _mails.StopAsync();
    }

    public void Dispose()
    {
        _queue.Dispose();
        _mails.Dispose();
        _ends.Dispose();
    }

    private SendQueue QueueOf(PusherName pusher) => pusher.Kind == PusherKind.Email ? _mails : _queue;

    private KnownPusher Of(PusherName pusher)
    {
        // A pusher that was set again may be of another kind: its id is the same.
        if (_senders.TryGetValue(pusher.PusherId, out var sender) && sender.Pusher.Kind == pusher.Kind) return sender;
        return _senders[pusher.PusherId] = pusher.Kind == PusherKind.Email
            ? new EmailSender(pusher, _services)
            : new PusherSender(pusher, _services, _shares);
    }

    private void WakeInLine(KnownPusher sender)
    {
        lock (_gate) _queue.Add(sender);
    }
}
