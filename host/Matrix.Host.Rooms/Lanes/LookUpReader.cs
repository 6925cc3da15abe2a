using Matrix.Core.Room;
using Matrix.Core.Room.Incoming.Facts;
using Matrix.Host.Crypto;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.State;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.AuthChains;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Followers;
using Matrix.Host.Storage.Tables.Memberships;

namespace Matrix.Host.Rooms.Lanes;

/// <summary>Reads the facts that a room's machine lacks: all of them in a few queries.</summary>
internal sealed class LookUpReader(
    IEventsTable eventsTable,
    IMembershipsTable membershipsTable,
    IAuthChainsTable authChainsTable,
    IFollowersTable followersTable,
    EventStore events,
    StateStore states,
    RoomsOptions options)
{
    /// <summary>The facts of these look-ups, as they are durable.</summary>
    /// <param name="room">The room.</param>
    /// <param name="lookUps">The look-ups.</param>
    /// <param name="unknown">Ids that no event of the room has; null for none.</param>
    internal async ValueTask<LookUpResults> ReadAsync(
        RoomIdentity room, LookUps lookUps, IReadOnlySet<string>? unknown, CancellationToken stop)
    {
        var results = new LookUpResults(lookUps);
        var ids = lookUps.Events.Concat(lookUps.States).Concat(lookUps.Citing.Select(each => each.EventId)).ToHashSet();
        if (unknown is not null) ids.ExceptWith(unknown);
        var found = new Dictionary<string, StoredEvent>();
        if (ids.Count > 0)
        {
            foreach (var row in await eventsTable.FindManyAsync(room.Nid, ids, stop))
            {
                found[row.EventId] = events.Known(row.Nid) ?? new StoredEvent(room, row);
            }
        }

        await AddKnownAsync(results, found.Values, stop);
        foreach (var id in lookUps.States)
        {
            if (!found.TryGetValue(id, out var stored) || IsOutlier(stored)) continue;
            results.AddStateAfter(id, await states.AtAsync(room.Nid, stored.Row.Step, stop));
        }

        foreach (var lookUp in lookUps.Citing)
        {
            if (!found.TryGetValue(lookUp.EventId, out var cited)) continue;
            await AddCitingAsync(results, room, cited, lookUp.Count, stop);
        }

        if (lookUps.Following.Length > 0)
        {
            await AddFollowingAsync(results, room, lookUps.Following, stop);
        }

        foreach (var lookUp in lookUps.ThirdParty)
        {
            results.AddVerified(
                lookUp, lookUp.VerifiedBy((key, message, signature) => Ed25519.Verify(key, message, signature)));
        }

        if (lookUps.NeedsServers)
        {
            results.Servers = await membershipsTable.RemoteServersAsync(room.Nid, options.Receiving.PeersOfRoom, stop);
        }

        await AddStrangersAsync(results, room, lookUps.Strangers, stop);
        return results;
    }

    private async ValueTask AddStrangersAsync(
        LookUpResults results, RoomIdentity room, string[] servers, CancellationToken stop)
    {
        if (servers is [var one])
        {
            if (!await membershipsTable.IsJoinedAsync(room.Nid, one, stop))
            {
                results.AddStranger(one);
            }
        }
        else if (servers.Length > 0)
        {
            // After a start there may be many. This reads all of the room's members once.
            var joined = await membershipsTable.RemoteMembersAsync(room.Nid, stop);
            foreach (var server in servers.Where(server => !joined.ContainsKey(server))) results.AddStranger(server);
        }
    }

    private static bool IsOutlier(StoredEvent stored) => (stored.Row.Marks & EventMarks.Outlier) != 0;

    private async ValueTask AddKnownAsync(
        LookUpResults results, IReadOnlyCollection<StoredEvent> found, CancellationToken stop)
    {
        var stateEvents = found.Where(stored => (stored.Row.Marks & EventMarks.State) != 0)
            .Select(stored => stored.Nid).ToArray();
        var heights = stateEvents.Length == 0
            ? new Dictionary<EventNid, int>()
            : await authChainsTable.HeightsAsync(stateEvents, stop);
        foreach (var stored in found)
        {
            var marks = stored.Row.Marks;
            results.AddKnown(new KnownEvent(
                stored.Auth,
                (marks & EventMarks.Rejected) != 0 ? EventStatus.Rejected
                : (marks & EventMarks.SoftFailed) != 0 ? EventStatus.SoftFailed
                : EventStatus.Accepted,
                heights.TryGetValue(stored.Nid, out var height) ? height : -1,
                stored.Nid.Ordinal,
                IsOutlier(stored),
                (marks & (EventMarks.OnTrust | EventMarks.Outlier)) != 0 ? Provenance.OnTrust : Provenance.Computed));
        }
    }

    private async ValueTask AddCitingAsync(
        LookUpResults results, RoomIdentity room, StoredEvent cited, int count, CancellationToken stop)
    {
        var nids = await authChainsTable.CitingAsync(cited.Nid, count + 1, stop);
        var ids = await events.IdsAsync(nids, stop);
        results.AddCiting(
            cited.EventId,
            [.. nids.Where(ids.ContainsKey).Select(nid => ids[nid])],
            areAll: nids.Count <= count);
    }

    private async ValueTask AddFollowingAsync(
        LookUpResults results, RoomIdentity room, IReadOnlyCollection<string> previousIds, CancellationToken stop)
    {
        var rows = await followersTable.OfAsync(room.Nid, previousIds, stop);
        var ids = await events.IdsAsync([.. rows.Select(row => row.Follower).Distinct()], stop);
        foreach (var followers in rows.GroupBy(row => row.PreviousId))
        {
            results.AddFollowing(
                followers.Key,
                [.. followers.Where(row => ids.ContainsKey(row.Follower)).Select(row => ids[row.Follower])]);
        }
    }
}
