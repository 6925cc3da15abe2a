using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Memberships;

namespace Matrix.Host.Outbound.Federation;

/// <summary>
/// Enqueues each outbound event for its destinations: the servers with joined users before or after its batch, and the
/// server of a user whose invite or knock ends. An invite itself is sent to its user's server by `/invite`.
/// </summary>
internal sealed class Distributor(RoomServers rooms, Destinations destinations, OutboundEventFeed feed)
{
    internal async ValueTask HandleAsync(OutboundBatch batch, CancellationToken stop)
    {
        var servers = await rooms.BeforeAsync(batch, stop);
        string[] before = [.. servers.Names];
        rooms.Apply(servers, batch);
        if (batch.Events.Count > 0) Enqueue(batch, before, servers);
        if (batch.Memberships.Count > 0)
        {
            foreach (var server in before)
            {
                if (!servers.Has(server)) destinations.Left(server, batch.Room);
            }
        }

        // Dropped only if its next batches are skipped: otherwise each of them would be counted from the database.
        if (servers.IsEmpty && feed.IsLocal(batch)) rooms.Drop(batch.Room);
    }

    private void Enqueue(OutboundBatch batch, string[] before, ServersOfRoom after)
    {
        EventNid[] all = [.. batch.Events.Select(static each => each.Nid)];
        var reached = new HashSet<string>(before, StringComparer.Ordinal);
        if (batch.Memberships.Count > 0) reached.UnionWith(after.Names);
        foreach (var server in reached)
        {
            if (!destinations.Takes(server, batch.Position)) continue;

            // A server has the events that it sent through this one.
            var events = batch.Events.Any(each => each.From == server)
                ? [.. batch.Events.Where(each => each.From != server).Select(static each => each.Nid)]
                : all;
            if (events.Length > 0) destinations.Enqueue(server, batch.Room, events, batch.Position, !after.Has(server));
        }

        foreach (var changed in batch.Memberships)
        {
            var server = OutboundBatches.ServerOf(changed.UserId);
            if (IsForItsUser(changed)
                && rooms.MaySendTo(server)
                && destinations.Takes(server, batch.Position)
                && EventsFor(batch, server) is { Length: > 0 } events
                && events.Contains(changed.Event)
                && reached.Add(server))
            {
                destinations.Enqueue(server, batch.Room, events, batch.Position, hasLeft: true);
            }
        }
    }

    /// <summary>Whether the user's server gets the event though it may have no joined user.</summary>
    private static bool IsForItsUser(MembershipChanged changed) =>
        changed.Before is Membership.Invite or Membership.Knock
        && changed.After is Membership.Leave or Membership.Ban;

    /// <summary>What a server gets for its user's sake, without the events that it sent through this one.</summary>
    private static EventNid[] EventsFor(OutboundBatch batch, string server) =>
        [.. batch.Events.Where(each => each.From != server).Select(static each => each.Nid).Where(
            nid => batch.Memberships.Any(changed => changed.Event == nid
            && IsForItsUser(changed)
            && OutboundBatches.ServerOf(changed.UserId) == server))];
}
