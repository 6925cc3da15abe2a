using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Core.State;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Rooms.State;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Rooms;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Streams.Streams.DeviceLists;

/// <summary>Changes of the device lists that a user tracks.</summary>
/// <param name="Changed">Users whose devices or cross-signing keys changed, and users who now share a room.</param>
/// <param name="Left">Users who no longer share a room.</param>
public sealed record DeviceListNews(IReadOnlyCollection<string> Changed, IReadOnlyCollection<string> Left);

/// <summary>
/// Computes changes of the device lists that a user tracks.
/// v1.19 client-server-api#tracking-the-device-list-for-a-user, v1.19 client-server-api#extensions-to-sync of
/// end-to-end encryption. Unencrypted rooms count too: they may become encrypted, and clients query what they need. Who
/// shares a room is computed from the rooms' states at both positions: a changed display name is no change, and what
/// happened after the second position is left to the next response. Where the lists of a user who went and came back in
/// between may have been missed, a <see cref="DeviceListChanged"/> was written.
/// </summary>
public sealed class DeviceListChanges(
    RoomsTable roomsTable,
    IMembershipsTable membershipsTable,
    KeysTable keysTable,
    RoomSnapshots rooms,
    StateStore states,
    EventStore events)
{
    private const int MembersPerPage = 1000;

    /// <summary>The changes after one position and up to another, which must not be beyond the published one.</summary>
    public ValueTask<DeviceListNews> BetweenAsync(string userId, long after, long through, CancellationToken stop) =>
        BetweenAsync(userId, after, listsAfter: after, through, stop);

    /// <summary>The changes after a token and up to a position, which must not be beyond the published one.</summary>
    public ValueTask<DeviceListNews> BetweenAsync(
        string userId, SyncToken since, long through, CancellationToken stop) =>
        BetweenAsync(userId, since.Position, since.DeviceListsUpTo, through, stop);

    private async ValueTask<DeviceListNews> BetweenAsync(
        string userId, long after, long listsAfter, long through, CancellationToken stop)
    {
        var came = new HashSet<string>(StringComparer.Ordinal);
        var gone = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (room, before, now) in await ChangedRoomsAsync(userId, after, through, stop))
        {
            var first = await states.AtAsync(room.Nid, before, stop);
            var last = await states.AtAsync(room.Nid, now, stop);
            await CompareAsync(userId, room, first, last, (after, through), came, gone, stop);
        }

        return await NewsAsync(userId, listsAfter, through, anyChanged: true, came, gone, stop);
    }

    /// <summary>
    /// The changes between two positions, given the users of <see cref="CompareAsync"/> in all rooms that changed.
    /// </summary>
    /// <param name="anyChanged">Whether any list may have changed; otherwise the lists are not read.</param>
    internal async ValueTask<DeviceListNews> NewsAsync(
        string userId,
        long after,
        long through,
        bool anyChanged,
        HashSet<string> came,
        HashSet<string> gone,
        CancellationToken stop)
    {
        IReadOnlyList<ChangedListRow> lists = anyChanged
            ? await keysTable.ChangedForAsync(userId, after, through, stop)
            : [];
        gone.Remove(userId);
        if (lists.Count == 0 && gone.Count == 0) return new DeviceListNews(came, gone);
        var unsure = lists.Where(row => !row.IsSure).Select(row => row.UserId).ToHashSet(StringComparer.Ordinal);
        var sharing = await SharingAtAsync(userId, [.. gone.Union(unsure)], through, stop);
        came.UnionWith(lists.Where(row => row.IsSure || sharing.Contains(row.UserId)).Select(row => row.UserId));
        gone.ExceptWith(sharing);
        came.ExceptWith(gone);
        return new DeviceListNews(came, gone);
    }

    /// <summary>The candidates who shared a room with the user at a position.</summary>
    private async ValueTask<HashSet<string>> SharingAtAsync(
        string userId, IReadOnlyCollection<string> candidates, long position, CancellationToken stop)
    {
        if (candidates.Count == 0) return [];
        var rows = await membershipsTable.SharedAtAsync(userId, candidates, position, stop);
        var sharing = rows.Where(row => row.IsSure).Select(row => row.UserId).ToHashSet(StringComparer.Ordinal);
        var unsure = rows.Where(row => !sharing.Contains(row.UserId)).ToLookup(row => row.Room, row => row.UserId);
        if (unsure.Count == 0) return sharing;

        // A membership changed since: the room's state at the position tells.
        var steps = await roomsTable.CurrentStepsAtAsync([.. unsure.Select(room => room.Key)], position, stop);
        foreach (var users in unsure)
        {
            if (await rooms.FindAsync(users.Key, stop) is not { Room: var room }) continue;
            var state = await states.AtAsync(room.Nid, steps.GetValueOrDefault(room.Nid), stop);
            if (!await IsJoinedAsync(room, state.Find(EventTypes.Member, userId), stop)) continue;
            foreach (var other in users)
            {
                if (await IsJoinedAsync(room, state.Find(EventTypes.Member, other), stop))
                {
                    sharing.Add(other);
                }
            }
        }

        return sharing;
    }

    /// <summary>The user's rooms whose state differs between two positions, with both steps.</summary>
    private async ValueTask<IReadOnlyList<(RoomIdentity Room, int Before, int Now)>> ChangedRoomsAsync(
        string userId, long after, long through, CancellationToken stop)
    {
        var memberships = await membershipsTable
            .RoomsOfAsync(userId, MembershipSet.Join | MembershipSet.Leave | MembershipSet.Ban, stop);
        var nids = memberships
            .Where(row => row.Membership == Membership.Join || row.Position > after)
            .Select(row => row.Room)
            .ToArray();
        if (nids.Length == 0) return [];

        var before = await roomsTable.CurrentStepsAtAsync(nids, after, stop);
        var now = await roomsTable.CurrentStepsAtAsync(nids, through, stop);
        var answer = new List<(RoomIdentity, int, int)>();
        foreach (var nid in nids)
        {
            var (first, last) = (before.GetValueOrDefault(nid), now.GetValueOrDefault(nid));
            if (first == last) continue;
            if (await rooms.FindAsync(nid, stop) is { } snapshot)
            {
                answer.Add((snapshot.Room, first, last));
            }
        }

        return answer;
    }

    /// <summary>
    /// Collects the users who began or ceased to share a room with the user between two of its states.
    /// </summary>
    /// <param name="userId">The user.</param>
    /// <param name="room">The room.</param>
    /// <param name="first">Its state at the first position.</param>
    /// <param name="last">Its state at the last position.</param>
    /// <param name="ends">Both positions.</param>
    /// <param name="came">Takes the users who began to share it.</param>
    /// <param name="gone">Takes the users who ceased to share it.</param>
    internal async ValueTask CompareAsync(
        string userId,
        RoomIdentity room,
        StateTree first,
        StateTree last,
        (long First, long Last) ends,
        HashSet<string> came,
        HashSet<string> gone,
        CancellationToken stop)
    {
        var (ownFirst, ownLast) = (first.Find(EventTypes.Member, userId), last.Find(EventTypes.Member, userId));
        var was = await IsJoinedAsync(room, ownFirst, stop);
        var isNow = await IsJoinedAsync(room, ownLast, stop);
        if (!was && !isNow) return;

        var changes = StateTree.Diff(
            first, last).Changes
            .Where(change => change.Type == EventTypes.Member && change.StateKey != userId).ToArray();
        await LoadAsync(room, changes, stop);
        var stayed = new List<string>();
        foreach (var change in changes)
        {
            var joinedBefore = was && await IsJoinedAsync(room, change.Before, stop);
            var joinedNow = isNow && await IsJoinedAsync(room, change.After, stop);
            if (joinedNow && !joinedBefore) came.Add(change.StateKey);
            if (joinedBefore && !joinedNow) gone.Add(change.StateKey);
            if (joinedBefore && joinedNow) stayed.Add(change.StateKey);
        }

        // Of those with another join event, some have a new profile, and some left and came back.
        if (stayed.Count > 0)
        {
            var rows = await membershipsTable.FindManyAsync(room.Nid, stayed, stop);
            came.UnionWith(rows.Where(row => row.Position > ends.First).Select(row => row.UserId));
        }

        // The user of a join or leave begins or ceases to share the room with all members who stay. Whoever left and
        // came back begins again: this server may have heard nothing of the lists of other servers' users meanwhile.
        if (was != isNow)
        {
            await AddJoinedAsync(userId, room, last, ends.Last, isNow ? came : gone, stop);
        }
        else if (ownFirst!.Ordinal != ownLast!.Ordinal
            && await membershipsTable.FindAsync(room.Nid, userId, stop) is { } own
            && own.Position > ends.First)
        {
            await AddJoinedAsync(userId, room, last, ends.Last, came, stop);
        }
    }

    /// <summary>Adds the other users who were joined at a position, at which the room had this state.</summary>
    private async ValueTask AddJoinedAsync(
        string userId, RoomIdentity room, StateTree state, long position, HashSet<string> to, CancellationToken stop)
    {
        var after = "";
        while (true)
        {
            var page = await membershipsTable.JoinedOrChangedAsync(room.Nid, position, after, MembersPerPage, stop);
            var changed = page.Where(member => member.Position > position)
                .ToDictionary(
                    member => member.UserId,
                    member => state.Find(EventTypes.Member, member.UserId),
                    StringComparer.Ordinal);
            await LoadAsync(room, changed.Values, stop);
            foreach (var member in page)
            {
                if (member.UserId == userId) continue;
                if (!changed.TryGetValue(member.UserId, out var then)
                    || await IsJoinedAsync(room, then, stop))
                {
                    to.Add(member.UserId);
                }
            }

            if (page.Count < MembersPerPage) return;
            after = page[^1].UserId;
        }
    }

    /// <summary>
    /// Reads all member events of the changes at once, so that reading them one by one costs nothing.
    /// </summary>
    private ValueTask LoadAsync(RoomIdentity room, IEnumerable<StateChange> changes, CancellationToken stop) =>
        LoadAsync(room, changes.SelectMany(change => new[] { change.Before, change.After }), stop);

    private async ValueTask LoadAsync(RoomIdentity room, IEnumerable<StateEntry?> entries, CancellationToken stop)
    {
        var nids = entries.OfType<StateEntry>().Select(entry => EventNid.Of(room.Nid, entry.Ordinal)).ToArray();
        if (nids.Length > 0) await events.GetManyAsync(room, nids, stop);
    }

    private async ValueTask<bool> IsJoinedAsync(RoomIdentity room, StateEntry? entry, CancellationToken stop)
    {
        if (entry is null) return false;
        var stored = await events.GetAsync(room, EventNid.Of(room.Nid, entry.Ordinal), stop);
        return stored is not null
            && stored.Pdu.Content is var content
            && content.IndexOf("membership") is var at and >= 0
            && content.Value(at) is Json.String { Item: "join" };
    }
}
