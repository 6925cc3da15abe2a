using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Users.Presence;

namespace Matrix.Host.Streams.Streams.Presence;

/// <summary>
/// Changes of presence, by the ephemeral counter, for users who share a room. A change costs time for the rooms of its
/// user and for each of their active members, once.
/// </summary>
internal sealed class PresenceStream(
    Notifier notifier,
    PresenceBoard board,
    IMembershipsTable membershipsTable,
    PresenceOptions options) : IPresenceConsumer
{
    /// <summary>The users that are looked at for each that may be shown.</summary>
    private const int CandidatesOfEach = 4;

    private readonly Lock _gate = new();
    private readonly LinkedList<(string UserId, long Ephemeral)> _latest = new();
    private readonly Dictionary<string, LinkedListNode<(string UserId, long Ephemeral)>> _byUser = new(
        StringComparer.Ordinal);

    /// <summary>
    /// Users who did not change since the import, by their positions among the changes of the imported server.
    /// </summary>
    private readonly Dictionary<string, long> _imported = new(StringComparer.Ordinal);

    public async ValueTask ShowAsync(IReadOnlyList<PresenceChange> changes, CancellationToken stop)
    {
        TakeImported(changes);
        var shown = changes.Where(static change => !change.IsRepeated).ToArray();
        if (shown.Length == 0) return;
        var rooms = shown.ToDictionary(
            static change => change.UserId, static _ => new List<RoomNid>(), StringComparer.Ordinal);
        if (notifier.ActiveUsers > 0)
        {
            var remote = shown.Where(static change => !change.IsLocal).Select(static change => change.UserId).ToArray();
            if (remote.Length > 0)
            {
                var shared = await membershipsTable.SharedRoomsAsync(remote, stop);
                foreach (var row in shared) rooms[row.UserId].Add(row.Room);
            }

            foreach (var change in shown.Where(static change => change.IsLocal))
            {
                var joined = await membershipsTable
                    .RoomsOfAsync(change.UserId, MembershipSet.Join, stop);
                rooms[change.UserId].AddRange(joined.Select(static row => row.Room));
            }
        }

        notifier.PresenceChanged(
            rooms.Select(static each => (each.Key, (IReadOnlyList<RoomNid>)each.Value)),
            options.MaxRemembered,
            ephemeral => Remember(rooms.Keys, ephemeral));
    }

    /// <summary>
    /// The users whose presence changed between a token and an ephemeral counter and who share a room with the reader.
    /// </summary>
    public async ValueTask<IReadOnlySet<string>> ChangedAsync(
        UserStream? stream, string reader, SyncToken since, long through, CancellationToken stop)
    {
        var after = since.EphemeralIn(notifier.Epoch);

        // The reader may have been kicked from the last shared room since a change.
        var users = new HashSet<string>(StringComparer.Ordinal);
        var isRemembered = stream is not null && stream.TryPresence(after, through, users);
        var changed = isRemembered ? users : (IEnumerable<string>)Latest(after, through);

        // Another node's token says nothing of the import.
        if (since.Imported is not null || (after == 0 && since.Epoch != notifier.Epoch))
        {
            changed = changed.Concat(Imported(since.Imported?.Presence.Least ?? 0));
        }

        return await SharingAsync(stream, reader, changed, stop);
    }

    /// <summary>The users who are not offline and share a room with the reader.</summary>
    public ValueTask<IReadOnlySet<string>> PresentAsync(UserStream? stream, string reader, CancellationToken stop)
    {
        var present = Latest(0, long.MaxValue).Concat(Imported(0))
            .Where(userId => board.Find(userId) is { IsPresent: true });
        return SharingAsync(stream, reader, present, stop);
    }

    /// <summary>
    /// Those of the candidates who share a room with the reader. Users who sync are found in memory; for the others the
    /// database is asked, a bounded number of them, the first ones.
    /// </summary>
    private async ValueTask<IReadOnlySet<string>> SharingAsync(
        UserStream? stream, string reader, IEnumerable<string> candidates, CancellationToken stop)
    {
        var active = ActiveWith(stream);
        var sharing = new HashSet<string>(StringComparer.Ordinal);
        var others = new List<string>();
        foreach (var userId in candidates)
        {
            if (sharing.Count >= options.MaxShown) break;
            if (active.Contains(userId)) sharing.Add(userId);
            else if (others.Count < options.MaxLookedUp) others.Add(userId);
        }

        if (others.Count > 0)
        {
            sharing.UnionWith(await membershipsTable.SharingAmongAsync(reader, others, stop));
        }

        return sharing;
    }

    /// <summary>The users who sync and share a room with the user of a stream.</summary>
    private static HashSet<string> ActiveWith(UserStream? stream)
    {
        var rooms = new List<RoomStream>();
        stream?.CollectJoined(rooms);
        var members = new HashSet<UserStream>();
        foreach (var room in rooms) room.CollectMembers(members);
        return members.Select(static member => member.UserId).ToHashSet(StringComparer.Ordinal);
    }

    /// <summary>
    /// The users with changes between two counters, the latest first: a bounded number of them.
    /// </summary>
    private List<string> Latest(long after, long through)
    {
        var most = CandidatesOfEach * (options.MaxShown + options.MaxLookedUp);
        var users = new List<string>();
        lock (_gate)
        {
            for (var node = _latest.Last; node is not null && node.Value.Ephemeral > after; node = node.Previous)
            {
                if (users.Count == most) break;
                if (node.Value.Ephemeral <= through) users.Add(node.Value.UserId);
            }
        }

        return users;
    }

    /// <summary>The users who are as the imported server showed them after a position: a bounded number.</summary>
    private List<string> Imported(long after)
    {
        lock (_gate)
        {
            return
            [
                .. _imported.Where(each => each.Value > after).Select(static each => each.Key)
                    .Take(CandidatesOfEach * (options.MaxShown + options.MaxLookedUp)),
            ];
        }
    }

    private void TakeImported(IReadOnlyList<PresenceChange> changes)
    {
        lock (_gate)
        {
            foreach (var change in changes)
            {
                if (change.ImportedAt > 0) _imported[change.UserId] = change.ImportedAt;
            }
        }
    }

    private void Remember(IEnumerable<string> users, long ephemeral)
    {
        lock (_gate)
        {
            foreach (var userId in users)
            {
                _imported.Remove(userId);
                if (_byUser.Remove(userId, out var node)) _latest.Remove(node);
                _byUser[userId] = _latest.AddLast((userId, ephemeral));
                if (_latest.Count <= options.MaxUsers) continue;
                _byUser.Remove(_latest.First!.Value.UserId);
                _latest.RemoveFirst();
            }
        }
    }
}
