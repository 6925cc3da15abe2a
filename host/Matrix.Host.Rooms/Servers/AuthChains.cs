using Matrix.Core.Event;
using Matrix.Host.Storage;

namespace Matrix.Host.Rooms.Servers;

/// <summary>Reads auth chains: the auth events of events, theirs, and so on.</summary>
public sealed class AuthChains(IStorage storage)
{
    /// <summary>The auth chain of these events. One query for each level of the chain.</summary>
    public async ValueTask<Pdu[]> OfAsync(
        RoomIdentity room, IEnumerable<Pdu> events, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(room);
        var here = events.ToDictionary(pdu => pdu.EventId);
        var chain = new Dictionary<string, Pdu>();
        var next = here.Values.SelectMany(pdu => pdu.AuthEvents).ToHashSet();
        while (next.Count > 0)
        {
            var missing = next.Where(id => !here.ContainsKey(id)).ToArray();
            var rows = await storage.Events.FindManyAsync(room.Nid, missing, stop).ConfigureAwait(false);
            foreach (var row in rows) here[row.EventId] = room.Rules.ParseStored(row.EventId, row.Json);

            var found = next.Where(here.ContainsKey).Select(id => here[id]).ToArray();
            foreach (var pdu in found) chain[pdu.EventId] = pdu;
            next = [.. found.SelectMany(pdu => pdu.AuthEvents).Where(id => !chain.ContainsKey(id))];
        }

        return [.. chain.Values];
    }
}
