using System.Globalization;
using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Federation;
using Matrix.Core.Json;
using Matrix.Host.Outbound.Queue;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.AppServices;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.ToDevice;
using Matrix.Host.Users.AppServices;

namespace Matrix.Host.Outbound.AppServices;

/// <summary>
/// Sends to one application service, a transaction at a time, in order. A transaction is written before it is sent, and
/// sent again with the same bytes until the service takes it, also after a restart. While the service does not answer,
/// nothing is read or written for it but one attempt after each pause. v1.19 application-service-api#pushing-events
/// </summary>
internal sealed class ServiceSender : QueuedSender
{
    private const int PagesPerAttempt = 20;

    private static readonly TimeSpan _stopTime = TimeSpan.FromSeconds(1);

    private readonly AppServiceContext _context;
    private readonly ServiceRooms _rooms;
    private readonly ServiceFeed _feed;
    private readonly long _begin;
    private volatile AppService _service;
    private AppService? _known;
    private bool _isEnded;
    private DestinationBackoff _backoff;
    private AppServiceRow? _row;

    /// <summary>What the database has; null if it has nothing yet.</summary>
    private AppServiceRow? _recorded;

    /// <param name="service">The service.</param>
    /// <param name="begin">Where a service begins that was never sent to.</param>
    /// <param name="context">What all senders share.</param>
    internal ServiceSender(AppService service, long begin, AppServiceContext context)
    {
        _service = service;
        _begin = begin;
        _context = context;
        _rooms = context.NewRooms();
        _feed = context.NewFeed(_rooms);
        Ephemeral = context.NewEphemeral();
        Devices = context.NewDevices();
        _backoff = DestinationBackoff.Healthy(context.Options.Pauses);
    }

    /// <summary>The service; replaced when its registration has changed.</summary>
    internal AppService Service
    {
        get => _service;
        set => _service = value;
    }

    /// <summary>The authority over what the service is sent.</summary>
    internal Authority Authority => Authority.AppService(_service.Id);

    /// <summary>Whether the service has no registration, or no address, any more.</summary>
    internal bool IsEnded
    {
        get => Volatile.Read(ref _isEnded);
        set => Volatile.Write(ref _isEnded, value);
    }

    /// <summary>Receipts, typing users and changes of presence that wait.</summary>
    internal ServiceEphemeral Ephemeral { get; }

    /// <summary>Messages to devices and key counts that wait.</summary>
    internal ServiceDevices Devices { get; }

    /// <summary>Writes what the service has got, at a stop: less is sent again after the next start.</summary>
    internal async ValueTask RecordAsync(CancellationToken stop)
    {
        if (_row is not { } row || row == _recorded) return;
        try
        {
            await WriteAsync(new WriteBatch(Authority, 1), row, stop);
        }
        catch (Exception fault) when (fault is StorageException or OperationCanceledException)
        {
            // A stop that has taken too long already does not wait for it.
            _context.LogNotRecorded(fault, row.ServiceId);
        }
    }

    internal override async ValueTask<AttemptResult> AttemptAsync(CancellationToken stop)
    {
        if (IsEnded || !_context.Gates.TryEnter(Authority, out var visit)) return AttemptResult.Idle;
        using (visit)
        {
            if (!visit.Closing.CanBeCanceled) return await SendNextAsync(stop);
            using var here = CancellationTokenSource.CreateLinkedTokenSource(stop, visit.Closing);
            try
            {
                return await SendNextAsync(here.Token);
            }
            catch (OperationCanceledException) when (visit.Closing.IsCancellationRequested)
            {
                return AttemptResult.Idle;
            }
        }
    }

    private async ValueTask<AttemptResult> SendNextAsync(CancellationToken stop)
    {
        var service = _service;
        try
        {
            await RegisterAsync(service, stop);
            if (_row!.Body is null)
            {
                var (built, mayBeMore) = await BuildAsync(service, stop);
                if (!built) return mayBeMore ? AttemptResult.Again : AttemptResult.Idle;
            }

            return await SendAsync(service, stop);
        }
#pragma warning disable CA1031 // Every failure is retried: no event is left out.
        catch (Exception fault) when (!stop.IsCancellationRequested)
#pragma warning restore CA1031
        {
            _context.LogFailed(fault, service.Id);

            // A batch may have been written despite the failure: the row is read again.
            _row = null;
            return Fail();
        }
    }

    /// <summary>Reads what the service has got, at first, and after a failure or a new registration.</summary>
    private async ValueTask RegisterAsync(AppService service, CancellationToken stop)
    {
        if (_row is null)
        {
            _recorded = await _context.Table.FindAsync(service.Id, stop);

            // The ids of a new database must not repeat those that the service remembers.
            _row = _recorded
                ?? new AppServiceRow(service.Id, _begin, 0, _begin, TransactionId: _context.Now, null, null);
            if (_recorded is null) await WriteAsync(new WriteBatch(Authority, 1), _row, stop);
            Restart();
        }

        if (ReferenceEquals(_known, service)) return;
        if (_known is not null) Restart();
        if (service.ReceivesEncryption) await Devices.LoadAsync(service, stop);
        _known = service;
    }

    private void Restart()
    {
        _rooms.Clear();
        _feed.Start(_row!.Position, _row.Skipped);
    }

    /// <summary>Gathers the next transaction, and writes it. False if there is nothing to send.</summary>
    private async ValueTask<(bool Built, bool MayBeMore)> BuildAsync(AppService service, CancellationToken stop)
    {
        var (items, mayBeMore) = await GatherAsync(service, stop);
        var gathered = await PartsAsync(service, items, stop);
        var (position, skipped) = _feed.Place;
        var row = _row! with { Position = position, Skipped = skipped, DevicePosition = gathered.DevicePosition };
        if (items.Count == 0 && gathered.Parts.IsEmpty)
        {
            // The device lists that were read may be only the first of those that changed.
            mayBeMore |= gathered.HasMore;

            // Changes without an event for the service cost no write of their own.
            _row = row;
            var isSent = _recorded?.Body is not null;
            if (isSent || row.Position - (_recorded?.Position ?? 0) >= _context.Options.RecordAfter)
            {
                await WriteAsync(new WriteBatch(Authority, 1), row, stop);
            }

            return (false, mayBeMore);
        }

        try
        {
            var body = await _context.Transactions.WriteAsync(service, items, gathered.Parts, stop);
            var delivers = gathered.Parts.Devices.Delivers;
            row = row with
            {

                // Above those that the service had before the database was restored from a copy.
                TransactionId = Math.Max(row.TransactionId + 1, _context.Now),
                Body = body,
                Delivers = delivers.Count == 0 ? null : DeliversOf(delivers),
            };
            await WriteAsync(new WriteBatch(Authority, 1), row, stop);
            return (true, true);
        }
        catch
        {
            Devices.GiveBack(gathered.Parts.Devices);
            throw;
        }
    }

    private async ValueTask<(List<FeedItem> Items, bool MayBeMore)> GatherAsync(
        AppService service, CancellationToken stop)
    {
        var items = new List<FeedItem>();
        var bytes = 0L;
        for (var pages = 0; items.Count < _context.Options.MaxEvents;)
        {
            if (!_feed.TryPeek(out var item))
            {
                if (pages++ == PagesPerAttempt) return (items, true);
                if (!await _feed.ReadAsync(service, _context.AliasVersion, stop))
                {
                    return (items, false);
                }

                continue;
            }

            bytes += item.Event?.Row.Json.Length ?? (item.Stripped!.Event.Length + item.Stripped.State.Length);
            if (items.Count > 0 && bytes > _context.Options.MaxBytes) return (items, true);
            items.Add(item);
            _feed.Take();
        }

        return (items, true);
    }

    private async ValueTask<(TransactionParts Parts, long DevicePosition, bool HasMore)> PartsAsync(
        AppService service, List<FeedItem> items, CancellationToken stop)
    {
        var context = new TransactionParts();
        if (service.ReceivesEphemeral)
        {
            context = context with { Ephemeral = await Ephemeral.TakeAsync(service, _rooms, stop) };
        }

        var through = _context.Writer.PublishedPosition;
        if (!service.ReceivesEncryption) return (context, through, false);
        var changed = new HashSet<string>(StringComparer.Ordinal);
        var left = new HashSet<string>(StringComparer.Ordinal);
        var hasMore = false;
        if (through > _row!.DevicePosition)
        {
            var (users, read) = await Devices.ChangedListsAsync(service, _rooms, _row.DevicePosition, through, stop);
            changed.UnionWith(users);
            (hasMore, through) = (read < through, read);
        }

        foreach (var item in items)
        {
            if (item.Event is not { Pdu: { Type: EventTypes.Member, StateKey: { } userId } pdu }) continue;
            if (service.HasUser(userId)) continue;
            if (LaneState.MembershipOf(pdu) == Membership.Join) changed.Add(userId);
            else if (!await Devices.TracksAsync(service, _rooms, userId, stop)) left.Add(userId);
        }

        left.ExceptWith(changed);
        var devices = await Devices.TakeAsync(service, stop);
        return (context with { Changed = changed, Left = left, Devices = devices }, through, hasMore);
    }

    private async ValueTask<AttemptResult> SendAsync(AppService service, CancellationToken stop)
    {
        var row = _row!;

        // What the service takes while the server stops is not sent again after the next start.
        using var patience = new CancellationTokenSource();
        using var stopping = stop.Register(() => patience.CancelAfter(_stopTime));
        var outcome = await _context.Client.SendAsync(
            service,
            "PUT",
            // v1.19 application-service-api#put_matrixappv1transactionstxnid
            ServicePath.Of("transactions", row.TransactionId.ToString(CultureInfo.InvariantCulture)),
            [],
            row.Body,
            _context.Options.TransactionTime,
            patience.Token);
        if (outcome.Reply is not { Status: >= 200 and < 300 })
        {
            var why = outcome.Reply is { } reply
                ? string.Create(CultureInfo.InvariantCulture, $"status {reply.Status}")
                : outcome.Failure!.Message;
            if (_backoff.IsHealthy) _context.LogDown(service.Id, why);
            Ephemeral.DropPassing();
            return Fail();
        }

        if (!_backoff.IsHealthy) _context.LogUp(service.Id);
        _backoff = _backoff.Succeeded();
        var taken = row with { Body = null, Delivers = null };
        if (row.Delivers is { } delivers)
        {
            // The next transaction must not have the same messages.
            var batch = new WriteBatch(Authority);
            foreach (var delivered in DeliversIn(delivers)) batch.Add(delivered);
            await WriteAsync(batch, taken, CancellationToken.None);
        }

        _row = taken;
        return AttemptResult.Succeeded(hasMore: true);
    }

    private AttemptResult Fail()
    {
        _backoff = _backoff.Failed(_context.Now, 0);
        return AttemptResult.Later(_backoff.RetryAt);
    }

    private async ValueTask WriteAsync(WriteBatch batch, AppServiceRow row, CancellationToken stop)
    {
        await _context.Writer.WriteAsync(batch.Add(new AppServiceAdvanced(row)), stop);
        _row = _recorded = row;
    }

    private static ReadOnlyMemory<byte> DeliversOf(IReadOnlyList<ToDeviceDelivered> delivers) =>
        JsonText.Write(Json.Of([.. delivers.Select(static each => Json.Of(
            [Json.Of(each.UserId), Json.Of(each.DeviceId), Json.Of(each.Through)]))]));

    private static IEnumerable<ToDeviceDelivered> DeliversIn(ReadOnlyMemory<byte> stored)
    {
        if (!JsonText.TryParse(stored.Span, Reading.Lenient, JsonText.ClientBodyLimits, out var json, out _)
            || json is not Json.Array { Item: var list })
        {
            yield break;
        }

        foreach (var each in list)
        {
            if (each is Json.Array { Item: [Json.String user, Json.String device, Json.Int through] })
            {
                yield return new ToDeviceDelivered(user.Item, device.Item, through.Item);
            }
        }
    }
}
