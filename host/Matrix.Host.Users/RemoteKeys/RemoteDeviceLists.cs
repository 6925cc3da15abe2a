using System.Collections.Concurrent;
using System.Threading.Channels;
using Matrix.Core.DeviceLists;
using Matrix.Core.Federation;
using Matrix.Core.Ident;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Network.FederationClient.Operations;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.RemoteDevices;
using Matrix.Host.Users.Commands;
using Matrix.Host.Users.Keys;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Users.RemoteKeys;

/// <summary>
/// Caches the device lists of other servers' users who share an encrypted room with a local user. Updates of their
/// servers keep the lists current, as the core's <see cref="TrackedList"/> says.
/// v1.19 server-server-api#device-management
/// </summary>
public sealed partial class RemoteDeviceLists : BackgroundService
{
    private const int UsersAtOnce = 500;
    private static readonly TimeSpan _pauseAfterFault = TimeSpan.FromSeconds(10);

    /// <summary>The shortest time between two attempts that updates of the server cause.</summary>
    private static readonly TimeSpan _wakePause = TimeSpan.FromSeconds(10);

    private readonly IMembershipsTable _membershipsTable;
    private readonly RemoteDevicesTable _remoteDevicesTable;
    private readonly IStorageWriter _writer;
    private readonly FederationOperations _api;
    private readonly IEncryptedRooms _rooms;
    private readonly KeyOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<RemoteDeviceLists> _log;
    private readonly BackoffPauses _pauses;
    private readonly UserLocks _locks;
    private readonly FetchQueue _queue;

    /// <summary>The lists that are fetched, or wait for it.</summary>
    private readonly ConcurrentDictionary<string, TrackedList> _active = new(StringComparer.Ordinal);

    /// <summary>Users whose lists clients need. If too many wait, the next query of a client adds them again.</summary>
    private readonly Channel<string> _wanted;

    /// <summary>Those of them whose server's shard is at another node.</summary>
    private readonly Channel<string> _wantedElsewhere;

    private readonly ServerCommands _commands;

    internal RemoteDeviceLists(
        IMembershipsTable membershipsTable,
        RemoteDevicesTable remoteDevicesTable,
        IStorageWriter writer,
        FederationOperations api,
        IEncryptedRooms rooms,
        ShardGates gates,
        ServerCommands commands,
        KeyOptions options,
        TimeProvider time,
        ILogger<RemoteDeviceLists> log)
    {
        _locks = new UserLocks(gates, AuthorityOf);
        _commands = commands;
        _membershipsTable = membershipsTable;
        _remoteDevicesTable = remoteDevicesTable;
        _writer = writer;
        _api = api;
        _rooms = rooms;
        _options = options;
        _time = time;
        _log = log;
        _pauses = new BackoffPauses(
            (long)options.FirstFetchPause.TotalMilliseconds,
            (long)options.LongestFetchPause.TotalMilliseconds,
            (long)_wakePause.TotalMilliseconds);
        _queue = new FetchQueue(options.MaxListFetches, options.MaxListFetchesOfServer, time);
        var bounds = new BoundedChannelOptions(options.MaxStaleLists) { FullMode = BoundedChannelFullMode.DropWrite };
        (_wanted, _wantedElsewhere) = (Channel.CreateBounded<string>(bounds), Channel.CreateBounded<string>(bounds));
    }

    /// <summary>The bounds of updates.</summary>
    public DeviceListLimits Limits => _options.ListLimits;

    /// <summary>
    /// Takes updates of a user's list, in order, from the user's server. They are durable when this returns. False if
    /// no local user shares a room with the user: they are ignored then.
    /// </summary>
    public async ValueTask<bool> ReceiveAsync(
        string userId, IReadOnlyList<DeviceListUpdate> updates, CancellationToken stop)
    {
        using var held = await _locks.TakeAsync(userId, stop);
        var batch = new WriteBatch(AuthorityOf(userId));
        var (list, row) = await LoadAsync(userId, batch, stop);
        if (list is null)
        {
            await WriteAsync(batch, stop);
            return false;
        }

        var now = Now();
        var announces = false;
        CachedList? cached = null;
        foreach (var update in updates)
        {
            var step = list.Received(update, now);
            list = step.Next;
            if (step.Applied.Length > 0 && cached is null)
            {
                cached = await CachedList.LoadAsync(_remoteDevicesTable, row!, stop);
            }

            announces |= step.Announcement == Announcement.Always
                || (step.Announcement == Announcement.IfDifferent && cached!.Differs(update));
            foreach (var applied in step.Applied) cached!.Apply(applied, batch);
        }

        if (cached?.Devices.Count > _options.MaxRemoteDevices)
        {
            list = list.Lost().Next;
            batch = new WriteBatch(AuthorityOf(userId)).Add(new RemoteListDropped(userId));
        }
        else if (list.IsCached)
        {
            var stored = list.Stored;
            batch.Add(new RemoteListAdvanced(userId, stored.FetchedId, stored.IsStale, stored.ReceivedIds));
        }

        if (announces) batch.Add(new DeviceListChanged(userId));
        await WriteAsync(batch, stop);
        Settle(userId, list);
        return true;
    }

    /// <summary>Clients need these users' lists, which are not cached, or not current.</summary>
    internal void Wanted(IEnumerable<string> userIds)
    {
        foreach (var userId in userIds)
        {
            (_commands.IsHere(userId) ? _wanted : _wantedElsewhere).Writer.TryWrite(userId);
        }
    }

    /// <summary>The lists of these users that are cached and current.</summary>
    internal async ValueTask<IReadOnlyList<RemoteListRow>> CurrentAsync(
        IReadOnlyCollection<string> userIds, CancellationToken stop)
    {
        if (userIds.Count == 0) return [];
        var rows = await _remoteDevicesTable.ListsAsync(userIds, stop);
        var current = rows.Where(row => !row.IsStale).ToList();
        if (current.Count == 0) return [];
        var since = await SharedSinceAsync([.. current.Select(row => row.UserId)], stop);
        return [.. current.Where(row => since.TryGetValue(row.UserId, out var at) && at <= row.SharedSince)];
    }

    /// <summary>Fetches lists until it is stopped, the stale ones of the last run first.</summary>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await Task.WhenAll(
                _queue.RunAsync(FetchAsync, stoppingToken),
                RepeatAsync(ReadWantedAsync, stoppingToken),
                RepeatAsync(SendWantedAsync, stoppingToken),
                RepeatAsync(SweepAsync, stoppingToken));
        }
#pragma warning disable CA1031 // The server serves without cached lists: clients' queries go to the users' servers.
        catch (Exception fault) when (fault is not OperationCanceledException || !stoppingToken.IsCancellationRequested)
#pragma warning restore CA1031
        {
            Failed(fault);
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _queue.Dispose();
        base.Dispose();
    }

    /// <summary>
    /// The state of a user's list; null if no local user shares a room with the user. If updates of a cached list may
    /// be missing, the list's removal is added to the batch.
    /// </summary>
    private async ValueTask<(TrackedList? List, RemoteListRow? Row)> LoadAsync(
        string userId, WriteBatch batch, CancellationToken stop)
    {
        var rows = await _remoteDevicesTable.ListsAsync([userId], stop);
        var row = rows.Count > 0 ? rows[0] : null;
        var since = await SharedSinceAsync([userId], stop);
        var isShared = since.TryGetValue(userId, out var at);
        if (row is not null && (!isShared || at > row.SharedSince))
        {
            batch.Add(new RemoteListDropped(userId));
            _active.TryRemove(userId, out _);
            row = null;
        }

        if (!isShared)
        {
            _active.TryRemove(userId, out _);
            return (null, null);
        }

        if (_active.TryGetValue(userId, out var active) && active.IsCached == row is not null) return (active, row);
        return (
            row is null
                ? TrackedList.Untracked(_pauses)
                : TrackedList.Restore(_pauses, new StoredList(row.FetchedId, [.. row.ReceivedIds], row.IsStale)),
            row);
    }

    /// <summary>
    /// Since when each user shares rooms with local users, without a gap in one of these rooms at least. The server of
    /// such a user has sent all updates since.
    /// </summary>
    private async ValueTask<Dictionary<string, long>> SharedSinceAsync(
        IReadOnlyCollection<string> userIds, CancellationToken stop)
    {
        var rooms = await _membershipsTable.SharedRoomsAsync(userIds, stop);
        return rooms.GroupBy(row => row.UserId).ToDictionary(user => user.Key, user => user.Min(row => row.Since));
    }

    /// <summary>Keeps the state of a list that is fetched or waits for it, and drops any other.</summary>
    private void Settle(string userId, TrackedList list)
    {
        if (list.FetchAt is not { } at)
        {
            if (list.IsFetching) _active[userId] = list;
            else _active.TryRemove(userId, out _);
            return;
        }

        // A stale list beyond the bound stays marked in the database, and is found there later.
        if (_active.Count >= _options.MaxStaleLists && !_active.ContainsKey(userId)) return;
        _active[userId] = list;
        _queue.Add(userId, UserId.Server(userId), at);
    }

    private async Task FetchAsync(string userId, CancellationToken stop)
    {
        if (!_commands.IsHere(userId))
        {
            _active.TryRemove(userId, out _);
            return;
        }

        long sharedSince;
        using (await _locks.TakeAsync(userId, stop))
        {
            if (!_active.TryGetValue(userId, out var list)) return;
            list = list.Fetching().Next;
            if (!list.IsFetching) return;
            _active[userId] = list;

            // Read before the request: a membership that begins later is not covered by the response.
            sharedSince = _writer.PublishedPosition;
        }

        FederationFailure? failure = null;
        var isStored = false;
        try
        {
            var response = await _api.GetUserDevicesAsync(UserId.Server(userId), userId, stop);
            failure = response.Failure;
            if (response.IsOk)
            {
                await StoreAsync(userId, response.Value, sharedSince, stop);
                isStored = true;
            }
        }
        catch (StorageException)
        {
            // The list is fetched again later.
        }
        finally
        {
            if (!isStored && !stop.IsCancellationRequested)
            {
                await EndFailedAsync(userId, failure, stop);
            }
        }
    }

    /// <summary>Stores a fetched list, if it is within the bounds.</summary>
    private async ValueTask StoreAsync(
        string userId, RemoteDeviceList response, long sharedSince, CancellationToken stop)
    {
        if (response.Devices.Count > _options.MaxRemoteDevices)
        {
            await RefuseAsync(userId, stop);
            return;
        }

        using var held = await _locks.TakeAsync(userId, stop);
        var batch = new WriteBatch(AuthorityOf(userId));
        var (list, row) = await LoadAsync(userId, batch, stop);
        if (list is not { IsFetching: true })
        {
            await WriteAsync(batch, stop);
            return;
        }

        var step = list.Fetched(response.StreamId, Now());
        var fetched = CachedList.Of(userId, response, Limits);
        foreach (var update in step.Applied) fetched.Apply(update, batch: null);
        var isAnnounced = step.Announcement == Announcement.Always;
        if (step.Announcement == Announcement.IfDifferent)
        {
            var before = await CachedList.LoadAsync(_remoteDevicesTable, row!, stop);
            isAnnounced = !fetched.IsSameAs(before);
        }

        var stored = step.Next.Stored;
        batch.Add(new RemoteListFetched(
            new RemoteListRow(
                userId,
                stored.FetchedId,
                sharedSince,
                stored.IsStale,
                stored.ReceivedIds,
                fetched.MasterKey,
                fetched.SelfSigningKey),
            [.. fetched.Devices]));
        if (isAnnounced) batch.Add(new DeviceListChanged(userId));
        await WriteAsync(batch, stop);
        Settle(userId, step.Next);
    }

    private async ValueTask EndFailedAsync(string userId, FederationFailure? failure, CancellationToken stop)
    {
        if (failure is { Kind: FederationFailureKind.TooLarge }
            or { Kind: FederationFailureKind.Refused, Status: 400 or 403 or 404 })
        {
            await RefuseAsync(userId, stop);
            return;
        }

        using var held = await _locks.TakeAsync(userId, stop);
        if (!_active.TryGetValue(userId, out var list)) return;
        var pause = (long)(failure?.RetryAfter?.TotalMilliseconds ?? 0);
        Settle(userId, list.FetchFailed(Now(), pause).Next);
    }

    private async ValueTask RefuseAsync(string userId, CancellationToken stop)
    {
        using var held = await _locks.TakeAsync(userId, stop);
        if (!_active.TryGetValue(userId, out var list)) return;
        var step = list.FetchRefused();
        var batch = new WriteBatch(AuthorityOf(userId));
        if (step.Drops) batch.Add(new RemoteListDropped(userId));
        if (step.Announcement == Announcement.Always) batch.Add(new DeviceListChanged(userId));
        try
        {
            await WriteAsync(batch, stop);
        }
        catch (StorageException)
        {
            step = list.FetchFailed(Now(), 0);
        }

        Settle(userId, step.Next);
    }

    private async Task ReadWantedAsync(CancellationToken stop)
    {
        await foreach (var userId in _wanted.Reader.ReadAllAsync(stop))
        {
            if (!_commands.IsHere(userId)) continue;
            var rooms = await _membershipsTable.SharedRoomsAsync([userId], stop);
            if (!await _rooms.AnyAsync([.. rooms.Select(row => row.Room)], stop)) continue;
            using var held = await _locks.TakeAsync(userId, stop);
            var batch = new WriteBatch(AuthorityOf(userId));
            var (list, _) = await LoadAsync(userId, batch, stop);
            await WriteAsync(batch, stop);
            if (list is not null) Settle(userId, list.Wanted(Now()).Next);
        }
    }

    /// <summary>Has other nodes fetch lists. What is lost is wanted again by the next query.</summary>
    private async Task SendWantedAsync(CancellationToken stop)
    {
        var reader = _wantedElsewhere.Reader;
        while (await reader.WaitToReadAsync(stop))
        {
            var userIds = new List<string>();
            while (userIds.Count < UsersAtOnce && reader.TryRead(out var userId)) userIds.Add(userId);
            foreach (var ofServer in userIds.GroupBy(UserId.Server))
            {
                try
                {
                    await _commands.AskAsync(new WantDeviceLists(ofServer.Key, [.. ofServer.Distinct()]), stop);
                }
                catch (StorageException)
                {
                    // Nobody has the server's shard now.
                }
            }
        }
    }

    /// <summary>
    /// Finds stale lists that are not fetched yet, and drops the lists of users who share no room any more, now and
    /// after each interval.
    /// </summary>
    private async Task SweepAsync(CancellationToken stop)
    {
        while (true)
        {
            await ForEachPageAsync(_remoteDevicesTable.StaleUsersAsync, ResumeAsync, stop);
            await ForEachPageAsync(_remoteDevicesTable.UsersAsync, DropUnsharedAsync, stop);
            await Task.Delay(_options.ListSweepInterval, _time, stop);
        }
    }

    private static async ValueTask ForEachPageAsync(
        Func<string, int, CancellationToken, ValueTask<IReadOnlyList<string>>> read,
        Func<IReadOnlyList<string>, CancellationToken, ValueTask> handle,
        CancellationToken stop)
    {
        var after = "";
        while (true)
        {
            var page = await read(after, UsersAtOnce, stop);
            if (page.Count > 0) await handle(page, stop);
            if (page.Count < UsersAtOnce) return;
            after = page[^1];
        }
    }

    private async ValueTask ResumeAsync(IReadOnlyList<string> userIds, CancellationToken stop)
    {
        foreach (var userId in userIds)
        {
            if (_active.Count >= _options.MaxStaleLists) return;
            if (!_commands.IsHere(userId)) continue;
            using var held = await _locks.TakeAsync(userId, stop);
            var batch = new WriteBatch(AuthorityOf(userId));
            var (list, _) = await LoadAsync(userId, batch, stop);
            await WriteAsync(batch, stop);
            if (list is not null) Settle(userId, list);
        }
    }

    private async ValueTask DropUnsharedAsync(IReadOnlyList<string> userIds, CancellationToken stop)
    {
        var since = await SharedSinceAsync(userIds, stop);
        foreach (var userId in userIds.Where(userId => !since.ContainsKey(userId) && _commands.IsHere(userId)))
        {
            using var held = await _locks.TakeAsync(userId, stop);
            var batch = new WriteBatch(AuthorityOf(userId));
            await LoadAsync(userId, batch, stop);
            await WriteAsync(batch, stop);
        }
    }

    private async Task RepeatAsync(Func<CancellationToken, Task> work, CancellationToken stop)
    {
        while (true)
        {
            try
            {
                await work(stop);
            }
            catch (StorageException)
            {
                await Task.Delay(_pauseAfterFault, _time, stop);
            }
        }
    }

    private async ValueTask WriteAsync(WriteBatch batch, CancellationToken stop)
    {
        if (batch.Changes.Count > 0) await _writer.WriteAsync(batch, stop);
    }

    private static Authority AuthorityOf(string userId) => Authority.Server(UserId.Server(userId));

    private long Now() => _time.GetUtcNow().ToUnixTimeMilliseconds();

    [LoggerMessage(Level = LogLevel.Error, Message = "Device lists of other servers are not fetched any more")]
    private partial void Failed(Exception fault);
}
