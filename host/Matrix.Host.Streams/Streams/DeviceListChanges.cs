using Matrix.Core.Json;
using Matrix.Core.State;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Rooms.State;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Memberships;

namespace Matrix.Host.Streams.Streams;

/// <summary>Changes of the device lists that a user tracks.</summary>
/// <param name="Changed">Users whose devices or cross-signing keys changed, and users who now share a room.</param>
/// <param name="Left">Users who no longer share a room.</param>
public sealed record DeviceListNews(IReadOnlyCollection<string> Changed, IReadOnlyCollection<string> Left);

/// <summary>
/// Computes changes of the device lists that a user tracks. Client-Server API, "Tracking the device list for a user"
/// and "Extensions to /sync" of end-to-end encryption. Unencrypted rooms count too: they may become encrypted, and
/// clients query what they need. Shared rooms are computed from the rooms' states at both positions, so neither a
/// changed display name nor a user who came and went in between is a change.
/// </summary>
public sealed class DeviceListChanges(IStorage storage, RoomSnapshots rooms, StateStore states, EventStore events)
{
    private const string MemberType = "m.room.member";
    private const int MembersPerPage = 1000;

    /// <summary>The changes after one position and up to another, which must not be beyond the published one.</summary>
    public async ValueTask<DeviceListNews> BetweenAsync(string userId, long after, long through, CancellationToken stop)
    {
        var changed = new HashSet<string>(
            await storage.Keys.ChangedForAsync(userId, after, through, stop).ConfigureAwait(false),
            StringComparer.Ordinal);
        var gone = new HashSet<string>(StringComparer.Ordinal);

        foreach (var (room, before, now) in await ChangedRoomsAsync(userId, after, through, stop).ConfigureAwait(false))
        {
            var first = await states.AtAsync(room.Nid, before, stop).ConfigureAwait(false);
            var last = await states.AtAsync(room.Nid, now, stop).ConfigureAwait(false);
            await CompareAsync(userId, room, first, last, changed, gone, stop).ConfigureAwait(false);
        }

        gone.Remove(userId);
        gone.ExceptWith(changed);
        if (gone.Count > 0)
        {
            gone.ExceptWith(await storage.Memberships.SharingAmongAsync(userId, gone, stop).ConfigureAwait(false));
        }

        return new DeviceListNews(changed, gone);
    }

    /// <summary>The user's rooms whose state differs between two positions, with both steps.</summary>
    private async ValueTask<IReadOnlyList<(RoomIdentity Room, int Before, int Now)>> ChangedRoomsAsync(
        string userId, long after, long through, CancellationToken stop)
    {
        var memberships = await storage.Memberships
            .RoomsOfAsync(userId, MembershipSet.Join | MembershipSet.Leave | MembershipSet.Ban, stop)
            .ConfigureAwait(false);
        var nids = memberships
            .Where(row => row.Membership == Membership.Join || row.Position > after)
            .Select(row => row.Room)
            .ToArray();
        if (nids.Length == 0) return [];

        var before = await storage.Rooms.CurrentStepsAtAsync(nids, after, stop).ConfigureAwait(false);
        var now = await storage.Rooms.CurrentStepsAtAsync(nids, through, stop).ConfigureAwait(false);
        var answer = new List<(RoomIdentity, int, int)>();
        foreach (var nid in nids)
        {
            var (first, last) = (before.GetValueOrDefault(nid), now.GetValueOrDefault(nid));
            if (first == last) continue;
            if (await rooms.FindAsync(nid, stop).ConfigureAwait(false) is { } snapshot)
            {
                answer.Add((snapshot.Room, first, last));
            }
        }

        return answer;
    }

    /// <summary>
    /// Collects the users who began or ceased to share a room with the user between two of its states.
    /// </summary>
    internal async ValueTask CompareAsync(
        string userId, RoomIdentity room, StateTree first, StateTree last, HashSet<string> came, HashSet<string> gone,
        CancellationToken stop)
    {
        var was = await IsJoinedAsync(room, first.Find(MemberType, userId), stop).ConfigureAwait(false);
        var isNow = await IsJoinedAsync(room, last.Find(MemberType, userId), stop).ConfigureAwait(false);
        if (!was && !isNow) return;

        var changes = StateTree.Diff(
            first, last).Changes.Where(change => change.Type == MemberType && change.StateKey != userId).ToArray();
        await LoadAsync(room, changes, stop).ConfigureAwait(false);
        foreach (var change in changes)
        {
            var joinedBefore = was && await IsJoinedAsync(room, change.Before, stop).ConfigureAwait(false);
            var joinedNow = isNow && await IsJoinedAsync(room, change.After, stop).ConfigureAwait(false);
            if (joinedNow && !joinedBefore) came.Add(change.StateKey);
            if (joinedBefore && !joinedNow) gone.Add(change.StateKey);
        }

        // The user of a join or leave begins or ceases to share the room with all members who stay.
        if (was != isNow) await AddJoinedAsync(userId, room.Nid, isNow ? came : gone, stop).ConfigureAwait(false);
    }

    private async ValueTask AddJoinedAsync(string userId, RoomNid room, HashSet<string> to, CancellationToken stop)
    {
        var last = "";
        while (true)
        {
            var page = await storage.Memberships.MembersAsync(
                room, MembershipSet.Join, last, MembersPerPage, stop).ConfigureAwait(false);
            foreach (var member in page)
            {
                if (member.UserId != userId) to.Add(member.UserId);
            }

            if (page.Count < MembersPerPage) return;
            last = page[^1].UserId;
        }
    }

    /// <summary>
    /// Reads all member events of the changes at once, so that reading them one by one costs nothing.
    /// </summary>
    private async ValueTask LoadAsync(RoomIdentity room, IEnumerable<StateChange> changes, CancellationToken stop)
    {
        var nids = changes
            .SelectMany(change => new[] { change.Before, change.After })
            .OfType<StateEntry>()
            .Select(entry => EventNid.Of(room.Nid, entry.Ordinal))
            .ToArray();
        if (nids.Length > 0) await events.GetManyAsync(room, nids, stop).ConfigureAwait(false);
    }

    private async ValueTask<bool> IsJoinedAsync(RoomIdentity room, StateEntry? entry, CancellationToken stop)
    {
        if (entry is null) return false;
        var stored = await events.GetAsync(room, EventNid.Of(room.Nid, entry.Ordinal), stop).ConfigureAwait(false);
        return stored is not null
            && stored.Pdu.Content is var content
            && content.IndexOf("membership") is var at and >= 0
            && content.Value(at) is Json.String { Item: "join" };
    }
}
