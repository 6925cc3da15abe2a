using Matrix.Core.Room.Incoming.Facts;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.AuthChains;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Rooms;

namespace Matrix.Host.Rooms.Sending;

/// <summary>
/// Writes the auth events and heights of state events, by which state resolution finds the auth difference. Only rooms
/// with other servers need them; a room gets those of its earlier events when the first other server is about to join.
/// </summary>
internal sealed class AuthChainWriter(EventStore events, IEventsTable eventsTable, IAuthChainsTable authChainsTable)
{
    private const int StateEventsPerPage = 500;

    /// <summary>Writes the auth events of a state event that was not rejected.</summary>
    internal async ValueTask WriteAsync(
        LaneSession session, KnownEvent known, StoredEvent stored, CancellationToken stop)
    {
        var authIds = stored.Pdu.AuthEvents;
        var authEvents = new List<EventNid>(authIds.Length);
        var height = 0;
        var isHeightKnown = true;
        foreach (var id in authIds)
        {
            if (session.Machine.Known(id) is { } inMemory)
            {
                authEvents.Add(EventNid.Of(stored.Room.Nid, inMemory.Ordinal));
                isHeightKnown &= inMemory.Height >= 0;
                height = Math.Max(height, inMemory.Height + 1);
            }
            else if ((session.Undurable(id) ?? await events.ByIdAsync(stored.Room, id, stop))
                is { } auth)
            {
                authEvents.Add(auth.Nid);
                var heights = await authChainsTable.HeightsAsync([auth.Nid], stop);
                isHeightKnown &= heights.TryGetValue(auth.Nid, out var of);
                height = Math.Max(height, of + 1);
            }
        }

        if (known.Height >= 0) height = known.Height;
        else if (!isHeightKnown) height = AuthEventsIndexed.UnknownHeight;
        session.Write(new AuthEventsIndexed(stored.Nid, authEvents, height));
    }

    /// <summary>Marks a room as one with other servers, and writes the auth events of all its state events.</summary>
    internal async ValueTask FederateAsync(LaneSession session, CancellationToken stop)
    {
        if (session.Pending.IsFederated) return;
        var room = session.Pending.Room;
        var written = new Dictionary<string, (EventNid Nid, int Height)>();
        session.Write(new RoomFederated(room.Nid));

        // Undurable ones first: one that becomes durable in between is found in the database.
        var undurable = new List<StoredEvent>();
        _ = session.AnyWaiting(stored =>
        {
            if (stored.Pdu.IsState) undurable.Add(stored);
            return false;
        });
        for (var after = EventNid.FirstOf(room.Nid); ;)
        {
            var page = await eventsTable.StateEventsAsync(room.Nid, after, StateEventsPerPage, stop);
            foreach (var row in page) Write(session, new StoredEvent(room, row), written);
            if (page.Count < StateEventsPerPage) break;
            after = page[^1].Nid;
        }

        foreach (var stored in undurable.OrderBy(stored => stored.Nid.Value))
        {
            if (!written.ContainsKey(stored.EventId)) Write(session, stored, written);
        }

        session.Pending = session.Pending with { IsFederated = true };
    }

    /// <summary>Events of one server have their auth events before them.</summary>
    private static void Write(
        LaneSession session, StoredEvent stored, Dictionary<string, (EventNid Nid, int Height)> written)
    {
        var authEvents = stored.Pdu.AuthEvents.Where(written.ContainsKey).Select(id => written[id]).ToArray();
        var height = authEvents.Length == 0 ? 0 : authEvents.Max(auth => auth.Height) + 1;
        written[stored.EventId] = (stored.Nid, height);
        session.Write(new AuthEventsIndexed(stored.Nid, [.. authEvents.Select(auth => auth.Nid)], height));
    }
}
