using Matrix.Host.Outbound.Queue;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Aliases;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Host.Storage.Tables.Receipts;
using Matrix.Host.Storage.Tables.RoomRows;
using Matrix.Host.Storage.Tables.StrippedRooms;
using Matrix.Host.Storage.Tables.ToDevice;
using Matrix.Host.Users.AppServices;
using Matrix.Host.Users.Presence;
using Microsoft.Extensions.Hosting;

namespace Matrix.Host.Outbound.AppServices;

/// <summary>
/// Sends events to application services. A commit only wakes the senders; each reads the changes from storage, from its
/// own durable position on. v1.19 application-service-api#pushing-events
/// </summary>
public sealed class AppServiceOutbound
    : IHostedService, IRestoredConsumer, IPresenceConsumer, IShardHolder, IAsyncDisposable
{
    private readonly AppServiceDirectory _directory;
    private readonly AppServiceContext _context;
    private readonly SendQueue _queue;
    private readonly Lock _gate = new();
    private readonly HashSet<ServiceSender> _touched = [];

    /// <summary>All senders since the start: a service that is removed and comes back gets its own.</summary>
    private readonly Dictionary<string, ServiceSender> _all = new(StringComparer.Ordinal);

    private volatile ServiceSender[] _senders = [];
    private bool _hasEvents;
    private bool _isStopped;

    internal AppServiceOutbound(AppServiceDirectory directory, AppServiceContext context, SendQueue queue)
    {
        _directory = directory;
        _context = context;
        _queue = queue;
        Replace();
    }

    /// <summary>Starts to send.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        _directory.Replaced += Replace;
        _queue.Start();
        _context.Gates.Hold(this);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public void Opened(IReadOnlyCollection<int> shards) => Replace();

    /// <inheritdoc/>
    public async Task ClosedAsync(IReadOnlyCollection<int> shards, CancellationToken stop)
    {
        List<ServiceSender> gone = [];
        lock (_gate)
        {
            if (_isStopped) return;
            foreach (var (id, sender) in _all)
            {
                if (!shards.Contains(sender.Authority.Shard)) continue;
                sender.IsEnded = true;
                _all.Remove(id);
                gone.Add(sender);
            }
        }

        Replace();
        foreach (var sender in gone) await sender.RecordAsync(stop);
    }

    /// <summary>A user types in a room, or stopped.</summary>
    public void TypingChanged(RoomNid room, string userId, bool isTyping)
    {
        var senders = _senders;
        if (senders.Length == 0) return;
        _context.Typing.Set(room, userId, isTyping);
        foreach (var sender in senders)
        {
            if (!sender.Service.ReceivesEphemeral) continue;
            sender.Ephemeral.TypingChanged(room);
            _queue.Add(sender);
        }
    }

    /// <inheritdoc/>
    public ValueTask ShowAsync(IReadOnlyList<PresenceChange> changes, CancellationToken stop)
    {
        foreach (var sender in _senders)
        {
            if (!sender.Service.ReceivesEphemeral || sender.Status == SenderStatus.Waiting) continue;
            foreach (var change in changes)
            {
                if (!change.IsRepeated) sender.Ephemeral.PresenceChanged(change.UserId, change.IsLocal);
            }

            if (sender.Ephemeral.Any) _queue.Add(sender);
        }

        return ValueTask.CompletedTask;
    }

    /// <summary>A service is there: if it did not answer before, it is tried at once.</summary>
    internal void Wake(AppService service)
    {
        foreach (var sender in _senders)
        {
            if (sender.Service.Id == service.Id && sender.Status == SenderStatus.Waiting)
            {
                _queue.WaitUntil(sender, _context.Now);
            }
        }
    }

    /// <inheritdoc/>
    public void OnChange(Change change, long position)
    {
        switch (change)
        {
            case EventsAppended or StrippedRoomEntered or StrippedRoomLeft:
                _hasEvents = true;
                break;
            case AliasCreated or AliasDeleted or DirectoryMoved or RoomDeleted:
                _context.AliasesChanged();
                break;
            case ReceiptMoved receipt:
                foreach (var sender in _senders)
                {
                    if (!sender.Service.ReceivesEphemeral) continue;
                    sender.Ephemeral.Moved(receipt);
                    _touched.Add(sender);
                }

                break;
            case DeviceListChanged { OnlyFor: null }:
                foreach (var sender in _senders)
                {
                    if (sender.Service.ReceivesEncryption) _touched.Add(sender);
                }

                break;
            case ToDeviceSent sent:
                Touch(sent.UserId, static (sender, user) => sender.Devices.MessageSent(user));
                break;
            case KeysClaimed claimed:
                foreach (var claim in claimed.Claims)
                {
                    Touch(claim.UserId, static (sender, user) => sender.Devices.KeysChanged(user));
                }

                break;
            case OneTimeKeyUploaded uploaded:
                Touch(uploaded.UserId, static (sender, user) => sender.Devices.KeysChanged(user));
                break;
            case FallbackKeyUploaded uploaded:
                Touch(uploaded.UserId, static (sender, user) => sender.Devices.KeysChanged(user));
                break;
        }
    }

    /// <inheritdoc/>
    public void End(long through)
    {
        if (_hasEvents)
        {
            foreach (var sender in _senders) _queue.Add(sender);
        }
        else
        {
            foreach (var sender in _touched) _queue.Add(sender);
        }

        _hasEvents = false;
        _touched.Clear();
    }

    /// <inheritdoc/>
    public void Missed(long through)
    {
        _context.AliasesChanged();
        _hasEvents = true;
        End(through);
    }

    /// <inheritdoc/>
    public async ValueTask RestoreAsync(long after, long through, CancellationToken stop)
    {
        // The senders read events and device lists from storage themselves.
        var ephemeral = _senders.Where(static sender => sender.Service.ReceivesEphemeral).ToArray();
        if (ephemeral.Length > 0)
        {
            await foreach (var receipt in _context.MissedReceipts.BetweenAsync(after, through, stop))
            {
                foreach (var sender in ephemeral) sender.Ephemeral.Restore(receipt);
            }
        }

        foreach (var sender in _senders)
        {
            if (sender.Service.ReceivesEncryption) await sender.Devices.RestoreAsync(sender.Service, stop);
            _queue.Add(sender);
        }
    }

    /// <summary>Stops sending, and records what the services have got.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (_isStopped) return;
            _isStopped = true;
        }

        _directory.Replaced -= Replace;
        await _queue.StopAsync();
        foreach (var sender in _senders) await sender.RecordAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await StopAsync(CancellationToken.None);
        _queue.Dispose();
    }

    private void Touch(string userId, Action<ServiceSender, string> act)
    {
        foreach (var sender in _senders)
        {
            if (!sender.Service.ReceivesEncryption || !sender.Service.HasUser(userId)) continue;
            act(sender, userId);
            _touched.Add(sender);
        }
    }

    /// <summary>
    /// Follows the directory: a service that is sent to from here keeps its sender for as long as it has an address.
    /// </summary>
    private void Replace()
    {
        lock (_gate)
        {
            var begin = _context.Writer.PublishedPosition;
            var senders = new List<ServiceSender>();
            foreach (var service in _directory.All)
            {
                if (service.Url is null || !_context.Gates.IsOpen(Authority.AppService(service.Id).Shard)) continue;
                if (_all.TryGetValue(service.Id, out var known)) known.Service = service;
                else _all[service.Id] = known = new ServiceSender(service, begin, _context);
                senders.Add(known);
            }

            foreach (var sender in _all.Values) sender.IsEnded = !senders.Contains(sender);
            _senders = [.. senders];
        }

        foreach (var sender in _senders) _queue.Add(sender);
    }
}
