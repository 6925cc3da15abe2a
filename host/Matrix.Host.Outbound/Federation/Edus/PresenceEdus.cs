using Matrix.Core.Federation;
using Matrix.Core.Json;
using Matrix.Core.Presence;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Changes;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Users.Presence;

namespace Matrix.Host.Outbound.Federation.Edus;

/// <summary>
/// The presence of local users. Of a user who waits for a server only the id is kept, in memory: it gets the presence
/// of the time at which the transaction is built. A server that does not answer gets none.
/// v1.19 server-server-api#presence
/// </summary>
internal sealed class PresenceEdus(
    PresenceBoard board,
    CurrentServers servers,
    SharingServers sharing,
    RoomSnapshots rooms,
    RoomChangesReader changes,
    ServerFilter filter,
    PresenceOptions options,
    TimeProvider time) : IEduSource, IPresenceConsumer, IRestoredConsumer
{
    private readonly Lock _gate = new();
    private readonly News _news = new();
    private readonly Dictionary<string, Dictionary<string, long>> _pending = new(StringComparer.Ordinal);
    private HashSet<Joined> _joined = [];
    private long _version;
    private IEduDestinations? _destinations;

    /// <inheritdoc/>
    public bool IsTransient => true;

    /// <inheritdoc/>
    public void Attach(IEduDestinations destinations) => _destinations = destinations;

    /// <summary>
    /// Changes of local users: each server that shares a room with some of them is owed these at once.
    /// </summary>
    public async ValueTask ShowAsync(IReadOnlyList<PresenceChange> changes, CancellationToken stop)
    {
        if (!board.IsFederated) return;
        var receivers = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        foreach (var change in changes)
        {
            if (!change.IsLocal) continue;
            foreach (var server in await sharing.OfAsync(change.UserId, stop))
            {
                if (!filter.Allows(server)) continue;
                if (!receivers.TryGetValue(server, out var users)) receivers[server] = users = [];
                users.Add(change.UserId);
            }
        }

        foreach (var (server, users) in receivers) Enqueue(server, users);
    }

    /// <inheritdoc/>
    public void OnChange(Change change, long position)
    {
        if (change is not MembershipChanged { After: Membership.Join } joined
            || joined.Before == Membership.Join
            || !board.IsFederated)
        {
            return;
        }

        var key = joined.IsLocal
            ? new Joined(joined.Room, joined.UserId, null)
            : new Joined(joined.Room, null, RoomNames.ServerOf(joined.UserId));
        lock (_gate)
        {
            if (_joined.Count < options.MaxWaitingJoins) _joined.Add(key);
        }

        _news.Wake();
    }

    /// <inheritdoc/>
    public void Missed(long through)
    {
    }

    /// <inheritdoc/>
    public async ValueTask RestoreAsync(long after, long through, CancellationToken stop)
    {
        if (!board.IsFederated) return;
        await foreach (var missed in changes.BetweenAsync(after, through, stop))
        {
            OnChange(missed.Change, missed.Position);
        }
    }

    /// <summary>
    /// After joins: a server gets the presence of all local users of a room that it has joined, and the servers of a
    /// room that of a local user who has joined it.
    /// </summary>
    public async Task RunAsync(CancellationToken stop)
    {
        while (true)
        {
            await _news.WaitAsync(stop);
            await Task.Delay(options.JoinDelay, time, stop);
            HashSet<Joined> joined;
            lock (_gate) (joined, _joined) = (_joined, []);
            foreach (var each in joined)
            {
                if (await servers.OfAsync(each.Room, stop) is not var (_, present)) continue;
                if (each.UserId is { } userId)
                {
                    if (board.Find(userId) is not { IsPresent: true }) continue;
                    foreach (var server in present) Enqueue(server, [userId]);
                }
                else if (present.Contains(each.Server!)
                    && await rooms.FindAsync(each.Room, stop) is { } snapshot)
                {
                    var users = snapshot.Local.Joined.Where(user => board.Find(user) is { IsPresent: true });
                    Enqueue(each.Server!, [.. users.Take(options.MaxPending)]);
                }
            }
        }
    }

    /// <inheritdoc/>
    public void Drop(Func<string, bool> isOf)
    {
        lock (_gate)
        {
            foreach (var server in _pending.Keys.Where(isOf).ToArray()) _pending.Remove(server);
        }
    }

    /// <inheritdoc/>
    public bool HasFor(string server)
    {
        lock (_gate) return _pending.ContainsKey(server);
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<OutboundEdu>> NextAsync(
        string server, int most, IReadOnlyList<OutboundEdu> deferred, CancellationToken stop)
    {
        var isDeferred = deferred.OfType<PresenceEdu>().SelectMany(static edu => edu.Users)
            .Select(static user => user.UserId).ToHashSet(StringComparer.Ordinal);
        PendingPresence[] pending;
        lock (_gate)
        {
            pending = _pending.TryGetValue(server, out var users)
                ? [.. users.Select(static user => new PendingPresence(user.Key, user.Value))]
                : [];
        }

        var edus = new List<OutboundEdu>();
        var shown = new List<(PendingPresence User, SeenPresence Presence)>();
        var dropped = new List<PendingPresence>();
        foreach (var user in pending)
        {
            if (isDeferred.Contains(user.UserId)) continue;
            if (board.Find(user.UserId) is not { } presence
                || !await sharing.ShareAsync(server, user.UserId, stop))
            {
                dropped.Add(user);
                continue;
            }

            shown.Add((user, presence));
            if (shown.Count < options.MaxUsersPerEdu) continue;
            edus.Add(Edu(shown));
            shown = [];
            if (edus.Count == most) break;
        }

        if (shown.Count > 0 && edus.Count < most) edus.Add(Edu(shown));
        Remove(server, dropped);
        return edus;
    }

    /// <inheritdoc/>
    public async ValueTask<bool> IsStillForAsync(string server, OutboundEdu edu, CancellationToken stop)
    {
        foreach (var (userId, _) in ((PresenceEdu)edu).Users)
        {
            if (!await sharing.ShareAsync(server, userId, stop)) return false;
        }

        return true;
    }

    /// <inheritdoc/>
    public void Remove(string server, IReadOnlyList<OutboundEdu> edus, IReadOnlyList<OutboundEdu> deferred) =>
        Remove(server, [.. edus.OfType<PresenceEdu>().SelectMany(static edu => edu.Users)]);

    /// <inheritdoc/>
    public void Failed(string server, IReadOnlyList<OutboundEdu> repeated)
    {
        lock (_gate)
        {
            _pending.Remove(server);

            // What is sent again may be over by then: the presence of that time follows it.
            var users = repeated.OfType<PresenceEdu>().SelectMany(static edu => edu.Users).ToArray();
            if (users.Length == 0) return;
            _pending[server] = users.ToDictionary(
                static user => user.UserId, _ => ++_version, StringComparer.Ordinal);
        }
    }

    private void Enqueue(string server, List<string> users)
    {
        if (users.Count == 0 || _destinations?.IsHere(server) != true || _destinations.IsFailing(server)) return;
        lock (_gate)
        {
            if (!_pending.TryGetValue(server, out var pending))
            {
                _pending[server] = pending = new(StringComparer.Ordinal);
            }

            foreach (var userId in users)
            {
                if (pending.Count < options.MaxPending || pending.ContainsKey(userId)) pending[userId] = ++_version;
            }
        }

        _destinations.Notify(server);
    }

    private void Remove(string server, IReadOnlyList<PendingPresence> users)
    {
        lock (_gate)
        {
            if (!_pending.TryGetValue(server, out var pending)) return;
            foreach (var (userId, version) in users)
            {
                // A later change is still to be sent.
                if (pending.GetValueOrDefault(userId) == version) pending.Remove(userId);
            }

            if (pending.Count == 0) _pending.Remove(server);
        }
    }

    private static PresenceEdu Edu(List<(PendingPresence User, SeenPresence Presence)> shown)
    {
        using var json = new ByteBuffer(1024);
        json.Raw("{\"content\":{\"push\":["u8);
        for (var at = 0; at < shown.Count; at++)
        {
            var presence = shown[at].Presence;
            json.Raw(at == 0 ? "{\"currently_active\":"u8 : ",{\"currently_active\":"u8);
            json.Raw(presence.IsCurrentlyActive ? "true"u8 : "false"u8);
            json.Raw(",\"last_active_ago\":"u8);
            CanonicalJson.WriteInt(json, presence.LastActiveAgo ?? ReceivedPresence.LongestAgo);
            json.Raw(",\"presence\":"u8);
            CanonicalJson.WriteString(json, PresenceStates.Name(presence.State));
            if (presence.StatusMessage is { } message)
            {
                json.Raw(",\"status_msg\":"u8);
                CanonicalJson.WriteString(json, message);
            }

            json.Raw(",\"user_id\":"u8);
            CanonicalJson.WriteString(json, presence.UserId);
            json.Raw("}"u8);
        }

        // v1.19 server-server-api#definition-mpresence
        json.Raw("]},\"edu_type\":\"m.presence\"}"u8);
        return new PresenceEdu(json.ToArray(), [.. shown.Select(static each => each.User)]);
    }

    /// <summary>A join: of a local user, or of a user of a server.</summary>
    private readonly record struct Joined(RoomNid Room, string? UserId, string? Server);

    /// <summary>A user who waits for a server, with the number of the change.</summary>
    private readonly record struct PendingPresence(string UserId, long Version);

    private sealed record PresenceEdu(ReadOnlyMemory<byte> Json, IReadOnlyList<PendingPresence> Users)
        : OutboundEdu(Json)
    {
        internal override object Key => Users[0];
    }
}
