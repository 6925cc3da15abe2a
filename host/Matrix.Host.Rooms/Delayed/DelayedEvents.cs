using System.Buffers.Text;
using System.Security.Cryptography;
using System.Threading.Channels;
using Matrix.Core.Cluster;
using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Host.Rooms.Accounts;
using Matrix.Host.Rooms.Changes;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.DelayedEvents;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.RoomRows;
using Matrix.Host.Storage.Tables.Transactions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Rooms.Delayed;

/// <summary>
/// Events that are sent after a delay, unless their client begins it anew or cancels them: a call's client that goes
/// away leaves the call so. They are durable, and what is due while the server does not run is sent at its start. A
/// state event that another user sends to the same place cancels those that wait for it. MSC4140, which is not merged.
/// </summary>
/// <remarks>
/// An event is sent as its user sends events, and may be refused then. A message is sent once, also across a kill. If
/// the server is killed right after a state event replaced a delayed one, that one may still be sent.
/// </remarks>
public sealed partial class DelayedEvents : BackgroundService, IRestoredConsumer, IShardHolder
{
    private const int PageSize = 1000;
    private const int IdBytes = 24;

    // Events of one room are sent in order; a room that takes long holds up few others.
    private const int Workers = 4;

    private readonly RoomSender _sender;
    private readonly RoomMemberships _memberships;
    private readonly RoomSnapshots _rooms;
    private readonly ILocalUsers _users;
    private readonly SuspendedUsers _suspended;
    private readonly DelayedEventsTable _delayedEventsTable;
    private readonly RoomChangesReader _changes;
    private readonly IStorageWriter _writer;
    private readonly ShardGates _gates;
    private readonly DelayOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<DelayedEvents> _log;
    private readonly DelaySchedule _schedule;
    private readonly SemaphoreSlim _earlier = new(0, 1);
    private readonly Channel<WaitingEvent>[] _work;
    private readonly CancellationTokenSource _ended = new();

    /// <summary>The reading of what waits in the rooms of the shards that opened last, after those before.</summary>
    private Task _loading = Task.CompletedTask;
    private bool _isDisposed;

    internal DelayedEvents(
        RoomSender sender,
        RoomMemberships memberships,
        RoomSnapshots rooms,
        ILocalUsers users,
        SuspendedUsers suspended,
        DelayedEventsTable delayedEventsTable,
        RoomChangesReader changes,
        IStorageWriter writer,
        ShardGates gates,
        DelayOptions options,
        TimeProvider time,
        ILogger<DelayedEvents> log)
    {
        _sender = sender;
        _memberships = memberships;
        _rooms = rooms;
        (_delayedEventsTable, _changes) = (delayedEventsTable, changes);
        (_writer, _gates) = (writer, gates);
        (_users, _suspended, _log) = (users, suspended, log);
        (_options, _time, _schedule) = (options, time, new DelaySchedule(options));

        // As many as wait, which are bounded.
        _work = [.. Enumerable.Range(0, Workers).Select(static _ => Channel.CreateUnbounded<WaitingEvent>())];
    }

    /// <summary>The longest delay.</summary>
    public TimeSpan Longest => _options.Longest;

    /// <inheritdoc/>
    public override void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, true)) return;
        _ended.Cancel();
        _ended.Dispose();
        _earlier.Dispose();
        base.Dispose();
    }

    /// <summary>Reads what waits, before the first request.</summary>
    public async ValueTask LoadAsync(CancellationToken stop)
    {
        _gates.Hold(this);
        await _loading.WaitAsync(stop);
    }

    /// <inheritdoc/>
    public void Opened(IReadOnlyCollection<int> shards) => _loading = LoadAsync(_loading, shards);

    /// <inheritdoc/>
    public Task ClosedAsync(IReadOnlyCollection<int> shards, CancellationToken stop)
    {
        _schedule.Drop(room => shards.Contains(Shards.OfRoom(room)));
        return Task.CompletedTask;
    }

    /// <summary>Schedules an event. It is durable when this returns. A repeated request gets the same event.</summary>
    /// <param name="sender">The device.</param>
    /// <param name="roomId">The room.</param>
    /// <param name="draft">The event; its sender is the user of the device.</param>
    /// <param name="delay">The delay in milliseconds, at least 1.</param>
    /// <param name="key">Identifies repeated requests; null without a transaction id.</param>
    /// <param name="timestamp">Milliseconds since the epoch that an application service gives the event; null for the
    /// time of sending.</param>
    public async ValueTask<ScheduleResult> ScheduleAsync(
        UserDevice sender,
        string roomId,
        Draft draft,
        long delay,
        TransactionKey? key,
        long? timestamp,
        CancellationToken stop)
    {
        if (delay > _options.Longest.TotalMilliseconds) return ScheduleRefusal.TooLong;
        using var visit = await EnterAsync(roomId, stop);
        if (await _rooms.FindAsync(roomId, stop) is not { } room
            || !room.Local.IsJoined(sender.UserId))
        {
            return ScheduleRefusal.NotInRoom;
        }

        var row = new DelayedEventRow(
            Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(IdBytes)),
            sender,
            roomId,
            draft.Type,
            draft.StateKey,
            CanonicalJson.Bytes(Json.Of(draft.Content)),
            timestamp,
            delay,
            Now(),
            key?.Hash());
        while (true)
        {
            if (_schedule.Add(row, out var isNew) is not { } waiting) return ScheduleRefusal.TooMany;
            if (isNew) await StoreAsync(waiting, row);
            else if (!await waiting.Stored.Task.WaitAsync(stop)) continue;
            return new ScheduleResult(waiting.Row.DelayId, ScheduleRefusal.None);
        }
    }

    /// <summary>Begins a delay anew. False if no event waits under this id.</summary>
    public async ValueTask<bool> RestartAsync(string delayId, CancellationToken stop)
    {
        if (await RoomOfAsync(delayId, stop) is not { } room) return false;
        using var visit = await EnterAsync(room, stop);
        var now = Now();
        if (_schedule.Restart(delayId, now) is not { } waiting) return false;
        await WriteAsync(waiting.Row.RoomId, new DelayedEventRestarted(delayId, now));
        return true;
    }

    /// <summary>Cancels an event. False if none waits under this id.</summary>
    public async ValueTask<bool> CancelAsync(string delayId, CancellationToken stop)
    {
        if (await RoomOfAsync(delayId, stop) is not { } room) return false;
        using var visit = await EnterAsync(room, stop);
        if (_schedule.Take(delayId) is not { } waiting) return false;
        try
        {
            await WriteAsync(waiting.Row.RoomId, new DelayedEventEnded(delayId));
        }
        catch
        {
            Again(waiting, waiting.Due);
            throw;
        }

        End(waiting, DelayEnd.Dropped);
        return true;
    }

    /// <summary>
    /// Sends an event now. The failure if it was refused; unknown if no event waits under this id, or if it is
    /// cancelled or replaced meanwhile.
    /// </summary>
    public async ValueTask<(bool IsKnown, RoomFailure? Failure)> SendAsync(string delayId, CancellationToken stop)
    {
        if (await RoomOfAsync(delayId, stop) is not { } room) return (false, null);
        using var visit = await EnterAsync(room, stop);
        if (_schedule.Find(delayId, out var isTaken) is not { } waiting) return (false, null);
        var attempt = waiting.Attempt.Task;
        if (isTaken) Queue(waiting);
        try
        {
            var end = await attempt.WaitAsync(stop).WaitAsync(visit.Closing);
            return (!end.IsDropped, end.Failure);
        }
        catch (OperationCanceledException) when (visit.Closing.IsCancellationRequested)
        {
            return (true, new RoomFailure(RoomFailureKind.Busy, "The room goes to another node."));
        }
    }

    /// <summary>The room of an event, which another node may have; null if none waits under this id.</summary>
    public async ValueTask<string?> RoomOfAsync(string delayId, CancellationToken stop) =>
        _schedule.RoomOf(delayId) ?? (await _delayedEventsTable.FindAsync(delayId, stop))?.RoomId;

    /// <summary>The events of a user that wait, with their contents, the next one first.</summary>
    public async ValueTask<IReadOnlyList<DelayedEventRow>> OfUserAsync(string userId, CancellationToken stop)
    {
        var rows = await _delayedEventsTable.OfUserAsync(userId, stop);
        return [.. rows.OrderBy(static row => row.Since + row.Delay)];
    }

    /// <inheritdoc/>
    public void OnChange(Change change, long position)
    {
        if (change is RoomDeleted deleted)
        {
            // Their rows went with the room: the workers find that, and forget them.
            foreach (var waiting in _schedule.TakeOfRoom(deleted.Room.RoomId)) Queue(waiting);
        }
        else if (_schedule.HasStates && change is EventsAppended appended)
        {
            Replace(appended, position);
        }
    }

    /// <inheritdoc/>
    public void Missed(long through)
    {
    }

    /// <inheritdoc/>
    public async ValueTask RestoreAsync(long after, long through, CancellationToken stop)
    {
        foreach (var roomId in _schedule.Rooms)
        {
            if (await _rooms.FindAsync(roomId, stop) is not null) continue;
            foreach (var waiting in _schedule.TakeOfRoom(roomId)) Queue(waiting);
        }

        if (!_schedule.HasStates) return;
        await foreach (var missed in _changes.BetweenAsync(after, through, stop))
        {
            if (missed.Change is EventsAppended appended) Replace(appended, missed.Position);
        }
    }

    /// <summary>Takes the delayed events whose places state events have taken.</summary>
    private void Replace(EventsAppended appended, long position)
    {
        for (var i = 0; i < appended.Events.Count; i++)
        {
            var stored = appended.Events[i];
            if (!stored.Nid.IsLive || !stored.IsShown || (stored.Row.Marks & EventMarks.State) == 0) continue;
            if (stored.Pdu.StateKey is not { } key) continue;
            var replaced = _schedule.TakeReplaced(
                appended.Room.RoomId, stored.Pdu.Type, key, stored.Row.Sender, position);
            foreach (var waiting in replaced) Queue(waiting);
        }
    }

    /// <summary>Sends what is due, until it is stopped.</summary>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var workers = _work.Select(work => WorkAsync(work.Reader, stoppingToken));
        await Task.WhenAll(workers.Prepend(WatchAsync(stoppingToken)));
    }

    /// <summary>Enters a room's shard, once what waits in its rooms was read.</summary>
    private async ValueTask<ShardVisit> EnterAsync(string roomId, CancellationToken stop)
    {
        var visit = _gates.Enter(Authority.Room(roomId));
        var loading = Volatile.Read(ref _loading);
        if (loading.IsCompletedSuccessfully) return visit;
        try
        {
            await loading.WaitAsync(stop);
            return visit;
        }
        catch
        {
            visit.Dispose();
            throw;
        }
    }

    private async Task LoadAsync(Task before, IReadOnlyCollection<int> shards)
    {
        await before;
        while (true)
        {
            try
            {
                for (var after = ""; ;)
                {
                    var page = await _delayedEventsTable.AllAsync(after, PageSize, _ended.Token);
                    foreach (var row in page)
                    {
                        if (shards.Contains(Shards.OfRoom(row.RoomId))) _schedule.Restore(row);
                    }

                    if (page.Count < PageSize) break;
                    after = page[^1].DelayId;
                }

                Wake();
                return;
            }
            catch (StorageException fault)
            {
                NotRead(fault);
                await Task.Delay(_options.Retry, _time, _ended.Token);
            }
        }
    }

    private async Task WatchAsync(CancellationToken stop)
    {
        while (true)
        {
            long? next;
            while (_schedule.TakeDue(Now(), out next) is { } due) Queue(due);
            var wait = next is { } at ? Math.Clamp(at - Now(), 1, 60_000) : 60_000;
            await _earlier.WaitAsync(TimeSpan.FromMilliseconds(wait), stop);
        }
    }

    private async Task WorkAsync(ChannelReader<WaitingEvent> work, CancellationToken stop)
    {
        await foreach (var waiting in work.ReadAllAsync(stop))
        {
            var row = waiting.Row;

            // Another node has it, and reads it.
            if (!_gates.TryEnter(Authority.Room(row.RoomId), out var visit)) continue;
            using var inside = visit;
            try
            {
                var end = await EndAsync(waiting, stop);
                if (end.Failure is { Kind: not RoomFailureKind.Busy } failure)
                {
                    Refused(row.Sender.UserId, row.RoomId, failure.Message);
                }
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                throw;
            }
#pragma warning disable CA1031 // One event's failure does not keep the others from being sent.
            catch (Exception fault)
#pragma warning restore CA1031
            {
                Failed(fault, row.Sender.UserId, row.RoomId);
                Again(waiting, Now() + (long)_options.Retry.TotalMilliseconds, fault);
            }
        }
    }

    /// <summary>Sends one and forgets it. A busy room gets it later.</summary>
    private async ValueTask<DelayEnd> EndAsync(WaitingEvent waiting, CancellationToken stop)
    {
        var end = DelayEnd.Dropped;
        if (!waiting.IsReplaced
            && await _delayedEventsTable.FindAsync(waiting.Row.DelayId, stop) is { } row)
        {
            var failure = await AppendAsync(row, stop);
            end = failure is null ? DelayEnd.Sent : DelayEnd.Failed(failure);
            if (failure is { Kind: RoomFailureKind.Busy })
            {
                Again(waiting, Now() + (long)_options.Retry.TotalMilliseconds, failure);
                return end;
            }
        }

        await WriteAsync(waiting.Row.RoomId, new DelayedEventEnded(waiting.Row.DelayId));
        End(waiting, end);
        return end;
    }

    private async ValueTask<RoomFailure?> AppendAsync(DelayedEventRow row, CancellationToken stop)
    {
        if (!JsonText.TryParseStored(row.Content.Span, out var content))
        {
            return new RoomFailure(RoomFailureKind.BadJson, "The stored content is not a JSON object.");
        }

        var user = row.Sender.UserId;
        if (await RefusedAsync(row, content, stop) is { } refused) return refused;
        var made = row switch
        {
            { StateKey: null } => await _sender.SendAsync(
                row.Sender,
                row.RoomId,
                new Draft(row.Type, null, user, content, null),
                new TransactionKey(user, row.Sender.DeviceId, "delayed", row.DelayId),
                row.OriginServerTs,
                stop),
            { Type: EventTypes.Member } => await _memberships.SetAsync(
                user, row.RoomId, row.StateKey, content, row.OriginServerTs, stop),
            _ => await _sender.SendStateAsync(
                row.RoomId, Draft.State(row.Type, row.StateKey, user, content), row.OriginServerTs, stop),
        };
        return made.IsOk ? null : made.Failure;
    }

    /// <summary>
    /// Why the event of a user whose account was locked or suspended meanwhile is not sent; null if it is.
    /// </summary>
    private async ValueTask<RoomFailure?> RefusedAsync(DelayedEventRow row, JsonObject content, CancellationToken stop)
    {
        var user = row.Sender.UserId;
        return await _users.AccountAsync(user, stop) switch
        {
            { IsLocked: true } => new RoomFailure(RoomFailureKind.Forbidden, "The account is locked."),
            { IsSuspended: false } => null,
            _ when row.StateKey is { } key => SuspendedUsers.RefusesState(user, row.Type, key, content),
            _ => await _suspended.RefusesEventAsync(
                user, row.RoomId, row.Type, content, content.Text("redacts"), stop),
        };
    }

    private async ValueTask StoreAsync(WaitingEvent waiting, DelayedEventRow row)
    {
        WriteReceipt stored;
        try
        {
            stored = await WriteAsync(row.RoomId, new DelayedEventAdded(row));
        }
        catch
        {
            _schedule.Remove(waiting);
            waiting.Stored.SetResult(false);
            throw;
        }

        _schedule.Store(waiting, stored.Position);
        waiting.Stored.SetResult(true);
        Wake();
    }

    // Not cancelled with the request: a row that is written and not in memory would be sent after the next start.
    private async ValueTask<WriteReceipt> WriteAsync(string roomId, Change change) =>
        await _writer.WriteAsync(new WriteBatch(Authority.Room(roomId), 1).Add(change), CancellationToken.None);

    /// <summary>It waits again, after an attempt that failed.</summary>
    private void Again(WaitingEvent waiting, long due, object? why = null)
    {
        var attempt = waiting.Attempt;
        waiting.Attempt = new TaskCompletionSource<DelayEnd>(TaskCreationOptions.RunContinuationsAsynchronously);
        _schedule.WaitFor(waiting, due);
        attempt.SetResult(DelayEnd.Failed(
            why as RoomFailure ?? new RoomFailure(RoomFailureKind.Busy, "The event could not be sent now.")));
        Wake();
    }

    private void End(WaitingEvent waiting, DelayEnd end)
    {
        _schedule.Remove(waiting);
        waiting.Attempt.SetResult(end);
    }

    private void Queue(WaitingEvent waiting) =>
        _work[(uint)waiting.Row.RoomId.GetHashCode(StringComparison.Ordinal) % Workers].Writer.TryWrite(waiting);

    private void Wake()
    {
        try
        {
            if (_earlier.CurrentCount == 0) _earlier.Release();
        }
        catch (SemaphoreFullException)
        {
            // Somebody else woke it.
        }
    }

    private long Now() => _time.GetUtcNow().ToUnixTimeMilliseconds();

    [LoggerMessage(
        Level = LogLevel.Information, Message = "A delayed event of {UserId} in {RoomId} was not sent: {Reason}")]
    private partial void Refused(string userId, string roomId, string reason);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "A delayed event of {UserId} in {RoomId} could not be sent; the server will retry")]
    private partial void Failed(Exception fault, string userId, string roomId);

    [LoggerMessage(
        Level = LogLevel.Warning, Message = "The delayed events could not be read; the server will retry")]
    private partial void NotRead(Exception fault);
}
