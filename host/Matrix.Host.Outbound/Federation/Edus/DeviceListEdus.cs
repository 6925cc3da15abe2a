using System.Collections.Concurrent;
using Matrix.Core.Federation;
using Matrix.Host.Rooms.Changes;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Consumers;
using Matrix.Host.Storage.Tables.DeviceUpdates;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Users.Keys;

namespace Matrix.Host.Outbound.Federation.Edus;

/// <summary>
/// `m.device_list_update` and `m.signing_key_update`: changes of local users' devices, for the servers that share a
/// room with them. The database has the changes, and one row for each user whose changes a server has not got; a server
/// that has got all of them has none. v1.19 server-server-api#device-management
/// </summary>
internal sealed class DeviceListEdus(
    IMembershipsTable membershipsTable,
    IConsumersTable consumersTable,
    IDeviceUpdatesTable deviceUpdatesTable,
    IStorageWriter writer,
    DeviceListUpdates updates,
    RoomSnapshots rooms,
    RoomChangesReader changes,
    SharingServers sharing,
    ShardGates gates,
    ServerFilter filter,
    KeyOptions keys,
    OutboundOptions options) : IEduSource, IRestoredConsumer
{
    /// <summary>The name of the position in the database, and of the duty to find out whom changes concern.</summary>
    private const string Name = "device-lists";

    private const int RowsAtOnce = 200;

    /// <summary>After so many users without other servers the position is written all the same.</summary>
    private const int MaxUnrecorded = 1000;

    private static readonly Dictionary<string, long> _noneSent = [];

    private readonly Lock _gate = new();

    /// <summary>The servers that EDUs wait for. The number rises whenever more are added.</summary>
    private readonly Dictionary<string, long> _pending = new(StringComparer.Ordinal);

    /// <summary>Through which change servers have got those of users, where this is not durable yet.</summary>
    private readonly Dictionary<string, Dictionary<string, long>> _sent = new(StringComparer.Ordinal);

    private readonly ConcurrentQueue<Joined> _joins = new();

    /// <summary>Joins that were taken from the queue. They leave this list when what they cause is durable.</summary>
    private readonly List<Joined> _handling = [];
    private readonly News _news = new();
    private IEduDestinations? _destinations;
    private bool _hasChanged;
    private long _through;
    private int _unrecorded;

    /// <summary>Whether the duty is done here: then joins wait for it.</summary>
    private volatile bool _isOnDuty;

    public void Attach(IEduDestinations destinations) => _destinations = destinations;

    public async ValueTask LoadAsync(Func<string, bool> maySendTo, CancellationToken stop)
    {
        var after = "";
        while (true)
        {
            var servers = await deviceUpdatesTable.PendingServersAsync(after, RowsAtOnce, stop);
            foreach (var server in servers.Where(maySendTo)) Enqueue(server);
            if (servers.Count < RowsAtOnce) return;
            after = servers[^1];
        }
    }

    public async Task RunAsync(CancellationToken stop)
    {
        while (true)
        {
            using var visit = await gates.EnterWhenOpenAsync(Authority.Duty(Name), stop);
            using var here = CancellationTokenSource.CreateLinkedTokenSource(stop, visit.Closing);
            _isOnDuty = true;
            try
            {
                await HandleAllAsync(here.Token);
            }
            catch (OperationCanceledException) when (
                here.IsCancellationRequested && !stop.IsCancellationRequested)
            {
                // Another node does it. The joins that were not handled are in the database.
            }
            finally
            {
                _isOnDuty = false;
                _joins.Clear();
                _handling.Clear();
            }
        }
    }

    /// <inheritdoc/>
    public void Drop(Func<string, bool> isOf)
    {
        lock (_gate)
        {
            foreach (var server in _pending.Keys.Where(isOf).ToArray()) _pending.Remove(server);
            foreach (var server in _sent.Keys.Where(isOf).ToArray()) _sent.Remove(server);
        }
    }

    public bool HasFor(string server)
    {
        lock (_gate) return _pending.ContainsKey(server);
    }

    public async ValueTask<IReadOnlyList<OutboundEdu>> NextAsync(
        string server, int most, IReadOnlyList<OutboundEdu> deferred, CancellationToken stop)
    {
        // A later change of the same user follows the one that is deferred.
        var held = deferred.OfType<UserEdu>().Select(static edu => edu.UserId).ToHashSet(StringComparer.Ordinal);
        var isHeld = false;
        long version;
        Dictionary<string, long> sent;
        lock (_gate)
        {
            if (!_pending.TryGetValue(server, out version)) return [];

            // Before the rows are read: what becomes durable meanwhile may be missing in them.
            sent = _sent.TryGetValue(server, out var undurable) ? new(undurable, StringComparer.Ordinal) : _noneSent;
        }

        var edus = new List<OutboundEdu>();
        var after = "";
        while (true)
        {
            var rows = await deviceUpdatesTable.PendingAsync(server, after, RowsAtOnce, stop);
            foreach (var row in rows)
            {
                if (held.Contains(row.UserId)) isHeld = true;
                else await AddAsync(edus, server, row, sent, most - edus.Count, stop);
                if (edus.Count >= most) return edus;
            }

            if (rows.Count < RowsAtOnce) break;
            after = rows[^1].UserId;
        }

        if (edus.Count > 0 || isHeld) return edus;
        lock (_gate)
        {
            if (_pending.GetValueOrDefault(server) == version) _pending.Remove(server);
        }

        return edus;
    }

    public ValueTask<bool> IsStillForAsync(string server, OutboundEdu edu, CancellationToken stop) =>
        sharing.ShareAsync(server, ((UserEdu)edu).UserId, stop);

    public void Remove(string server, IReadOnlyList<OutboundEdu> edus, IReadOnlyList<OutboundEdu> deferred)
    {
        var sent = edus.OfType<UserEdu>().GroupBy(edu => edu.UserId)
            .Select(user => new DeviceUpdatesSent(server, user.Key, user.Max(edu => edu.StreamId))).ToArray();
        lock (_gate)
        {
            foreach (var each in sent)
            {
                if (!_sent.TryGetValue(server, out var undurable))
                {
                    _sent.Add(server, undurable = new(StringComparer.Ordinal));
                }

                undurable[each.UserId] = each.ThroughId;
            }
        }

        Post(server, sent);
    }

    /// <inheritdoc/>
    public void OnChange(Change change, long position)
    {
        switch (change)
        {
            case DeviceAdded or DeviceRenamed or DeviceDeleted or OtherDevicesDeleted or DeviceKeysUploaded
                or CrossSigningKeyUploaded or CrossSigningKeysDeleted or KeySignatureUploaded:
                _hasChanged = true;
                break;
            case MembershipChanged { IsLocal: true, After: Membership.Join, Before: not Membership.Join } joined:
                _hasChanged |= TryAdd(joined, position);
                break;
            case DeviceUpdatesEnqueued enqueued:
                Enqueue(enqueued.ServerName);
                break;
        }
    }

    /// <inheritdoc/>
    public void End(long through)
    {
        if (_hasChanged) _news.Wake();
        _hasChanged = false;
    }

    /// <inheritdoc/>
    public void Missed(long through) => _news.Wake();

    /// <inheritdoc/>
    public async ValueTask RestoreAsync(long after, long through, CancellationToken stop)
    {
        await LoadAsync(filter.Allows, stop);
        await foreach (var missed in changes.BetweenAsync(after, through, stop))
        {
            if (missed.Change is MembershipChanged
                {
                    IsLocal: true, After: Membership.Join, Before: not Membership.Join,
                } joined
                && TryAdd(joined, missed.Position))
            {
                _news.Wake();
            }
        }
    }

    /// <summary>
    /// Adds a join. False beyond the bound: then the servers of the room learn of the user's devices when they ask for
    /// them.
    /// </summary>
    private bool TryAdd(MembershipChanged joined, long position)
    {
        if (!_isOnDuty || _joins.Count >= options.MaxWaitingBatches) return false;
        _joins.Enqueue(new Joined(joined.Room, joined.UserId, position));
        return true;
    }

    private async Task HandleAllAsync(CancellationToken stop)
    {
        _through = await consumersTable.PositionAsync(Name, stop) ?? 0;
        while (true)
        {
            while (await HandleAsync(stop))
            {
                // More changes may be there.
            }

            await _news.WaitAsync(stop);
        }
    }

    /// <summary>Enqueues changes since the position for their servers. False if there were none.</summary>
    private async ValueTask<bool> HandleAsync(CancellationToken stop)
    {
        var published = writer.PublishedPosition;
        var users = await deviceUpdatesTable.ChangedAsync(_through, published, RowsAtOnce, stop);
        var batch = new WriteBatch(Authority.Duty(Name));
        foreach (var user in users)
        {
            var servers = await membershipsTable.ServersSharingWithAsync(user.UserId, stop);
            foreach (var server in servers.Keys.Where(filter.Allows))
            {
                batch.Add(new DeviceUpdatesEnqueued(server, user.UserId, user.FirstId - 1));
            }

            if (user.Kept > (servers.Count > 0 ? 1 : 2) * keys.DeviceUpdatesKept)
            {
                batch.Add(new DeviceUpdatesTrimmed(user.UserId, keys.DeviceUpdatesKept));
            }
        }

        // A batch has one position, and several users only if all their devices end at once.
        var through = users.Count < RowsAtOnce ? published : users[^1].FirstPosition;
        await AddJoinsAsync(batch, stop);
        _unrecorded += users.Count;
        if (batch.Changes.Count > 0 || _unrecorded >= MaxUnrecorded)
        {
            await writer.WriteAsync(batch.Add(new ConsumerAdvanced(Name, through)), stop);
            _unrecorded = 0;
        }

        _through = through;
        var joins = _handling.Count;
        _handling.Clear();
        return users.Count > 0 || joins > 0;
    }

    /// <summary>
    /// A server of a room that a user joined may not have got changes of the user's devices: it is sent the newest
    /// change. Because the server lacks the change before it, the server fetches the whole list if it needs it. If the
    /// user joined several rooms with that server, only the first join counts.
    /// </summary>
    private async ValueTask AddJoinsAsync(WriteBatch batch, CancellationToken stop)
    {
        // After a failure the former ones come first.
        while (_handling.Count < RowsAtOnce && _joins.TryDequeue(out var join)) _handling.Add(join);
        foreach (var (room, userId, position) in _handling)
        {
            var snapshot = await rooms.FindAsync(room, stop);
            if (snapshot is null || snapshot.JoinedCount <= snapshot.Local.Joined.Count) continue;

            var inRoom = await membershipsTable.RemoteMembersAsync(room, stop);
            var earlier = await membershipsTable.ServersSharingBeforeAsync(userId, position, stop);
            var servers = inRoom.Keys.Where(server => filter.Allows(server) && !earlier.Contains(server)).ToArray();
            if (servers.Length == 0) continue;

            var latest = await deviceUpdatesTable.LatestIdAsync(userId, stop);
            if (latest == 0) continue;
            foreach (var server in servers) batch.Add(new DeviceUpdatesEnqueued(server, userId, latest - 1));
        }
    }

    private async ValueTask AddAsync(
        List<OutboundEdu> edus,
        string server,
        PendingUpdatesRow row,
        Dictionary<string, long> sent,
        int most,
        CancellationToken stop)
    {
        if (await HasLeftAsync(server, row, stop)) return;
        var isSent = sent.TryGetValue(row.UserId, out var through);
        var next = await updates.AfterAsync(row.UserId, Math.Max(row.AfterId, through), row.Before, most, stop);
        edus.AddRange(next.Select(edu => new UserEdu(edu.Json, row.UserId, edu.StreamId)));

        // The changes are not kept any more, as when the user has made many others and then none for a long time.
        if (next.Count == 0 && !isSent) Post(server, [new DeviceUpdatesSent(server, row.UserId, row.AfterId)]);
    }

    /// <summary>
    /// Whether a server shares no room with a user any more. What it was owed of the user so far is not sent then.
    /// </summary>
    private async ValueTask<bool> HasLeftAsync(string server, PendingUpdatesRow row, CancellationToken stop)
    {
        if (await sharing.ShareAsync(server, row.UserId, stop)) return false;

        // Read before the server is looked for again: later changes are owed anew.
        var changes = await deviceUpdatesTable.AfterAsync(row.UserId, row.AfterId, int.MaxValue, stop);
        if (await sharing.ShareAsync(server, row.UserId, stop)) return false;
        var through = changes.Count > 0 ? changes[^1].StreamId : row.AfterId;
        Post(server, [new DeviceUpdatesSent(server, row.UserId, through)]);
        return true;
    }

    private void Post(string server, DeviceUpdatesSent[] sent)
    {
        var batch = new WriteBatch(Authority.Server(server), sent.Length)
        {
            OnCommitted = (_, _) => Forget(sent),
            OnFailed = (_, _) => SendAgain(server, sent),
        };
        foreach (var each in sent) batch.Add(each);
        try
        {
            writer.Post(batch);
        }
        catch (StorageException)
        {
            SendAgain(server, sent);
        }
    }

    private void Forget(DeviceUpdatesSent[] sent)
    {
        lock (_gate)
        {
            foreach (var (server, userId, through) in sent)
            {
                if (!_sent.TryGetValue(server, out var undurable)) continue;
                if (undurable.GetValueOrDefault(userId) == through) undurable.Remove(userId);
                if (undurable.Count == 0) _sent.Remove(server);
            }
        }
    }

    /// <summary>That a server has got changes was not written: they are sent twice, which does no harm.</summary>
    private void SendAgain(string server, DeviceUpdatesSent[] sent)
    {
        Forget(sent);
        if (!_destinations!.IsHere(server)) return;
        lock (_gate) _pending[server] = _pending.GetValueOrDefault(server) + 1;
    }

    private void Enqueue(string server)
    {
        if (_destinations?.IsHere(server) != true) return;
        lock (_gate) _pending[server] = _pending.GetValueOrDefault(server) + 1;
        _destinations.Notify(server);
    }

    /// <summary>A local user joined a room.</summary>
    private readonly record struct Joined(RoomNid Room, string UserId, long Position);

    /// <summary>An EDU of a user's change.</summary>
    private sealed record UserEdu(ReadOnlyMemory<byte> Json, string UserId, long StreamId) : OutboundEdu(Json)
    {
        internal override object Key => (UserId, StreamId);
    }
}
