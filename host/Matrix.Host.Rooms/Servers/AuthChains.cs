using Matrix.Core.Event;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.AuthChains;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Rooms.Servers;

/// <summary>Reads auth chains: the auth events of events, theirs, and so on.</summary>
public sealed class AuthChains(EventStore events, IEventsTable eventsTable, IAuthChainsTable authChainsTable)
{
    /// <summary>The most events that one query reads.</summary>
    private const int Batch = 500;

    /// <summary>
    /// The auth chain of these events. The index of auth events says what it consists of, so that it is read in a few
    /// queries, however deep it is. What the index lacks is read level by level.
    /// </summary>
    public async ValueTask<Pdu[]> OfAsync(RoomIdentity room, IEnumerable<Pdu> of, CancellationToken stop)
    {
        var here = of.ToDictionary(pdu => pdu.EventId);
        var chain = new Dictionary<string, Pdu>();
        var next = here.Values.SelectMany(pdu => pdu.AuthEvents).ToHashSet();
        for (var isFirst = true; next.Count > 0; isFirst = false)
        {
            var missing = next.Where(id => !here.ContainsKey(id)).ToArray();
            var found = await ByIdsAsync(room, missing, here, stop);
            if (isFirst) await IndexedAsync(room, found, here, stop);

            var level = next.Where(here.ContainsKey).Select(id => here[id]).ToArray();
            foreach (var pdu in level) chain[pdu.EventId] = pdu;
            next = [.. level.SelectMany(pdu => pdu.AuthEvents).Where(id => !chain.ContainsKey(id))];
        }

        return [.. chain.Values];
    }

    /// <summary>Reads events, and returns their numbers.</summary>
    private async ValueTask<IReadOnlyList<EventNid>> ByIdsAsync(
        RoomIdentity room, string[] ids, Dictionary<string, Pdu> into, CancellationToken stop)
    {
        var nids = new List<EventNid>(ids.Length);
        foreach (var batch in ids.Chunk(Batch))
        {
            foreach (var row in await eventsTable.FindManyAsync(room.Nid, batch, stop))
            {
                into[row.EventId] = (events.Known(row.Nid) ?? new StoredEvent(room, row)).Pdu;
                nids.Add(row.Nid);
            }
        }

        return nids;
    }

    /// <summary>Reads the auth chains of these events, as far as they are in the index.</summary>
    private async ValueTask IndexedAsync(
        RoomIdentity room, IReadOnlyList<EventNid> nids, Dictionary<string, Pdu> into, CancellationToken stop)
    {
        var all = await authChainsTable.ChainAsync(nids, stop);
        foreach (var batch in all.Except(nids).Chunk(Batch))
        {
            foreach (var stored in await events.GetManyAsync(room, batch, stop))
            {
                into[stored.EventId] = stored.Pdu;
            }
        }
    }
}
