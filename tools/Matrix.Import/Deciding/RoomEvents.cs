using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Import.Deciding;

/// <summary>
/// Events of one room by number and id, read many at once and kept up to a bound: auth events are the same for many.
/// </summary>
internal sealed class RoomEvents(IEventsTable table, RoomIdentity room)
{
    private const long MostBytes = 64L << 20;

    private readonly Dictionary<string, StoredEvent> _byId = [];
    private readonly Dictionary<uint, StoredEvent> _byOrdinal = [];
    private long _bytes;

    /// <summary>Reads those of these ids that are not known yet.</summary>
    public async Task ReadIdsAsync(IEnumerable<string> ids, CancellationToken stop)
    {
        var missing = ids.Where(id => !_byId.ContainsKey(id)).Distinct().ToList();
        if (missing.Count == 0) return;
        Shrink();
        foreach (var row in await table.FindManyAsync(room.Nid, missing, stop)) Keep(new StoredEvent(room, row));
    }

    /// <summary>Reads those of these numbers that are not known yet.</summary>
    public async Task ReadOrdinalsAsync(IEnumerable<uint> ordinals, CancellationToken stop)
    {
        var missing = ordinals.Where(ordinal => !_byOrdinal.ContainsKey(ordinal)).Distinct()
            .Select(ordinal => EventNid.Of(room.Nid, ordinal)).ToList();
        if (missing.Count == 0) return;
        foreach (var row in await table.FindManyAsync(missing, stop)) Keep(new StoredEvent(room, row));
    }

    /// <summary>A known event; null if the room has no such event, or it was not read.</summary>
    public StoredEvent? Find(string eventId) => _byId.GetValueOrDefault(eventId);

    /// <summary>The same by number.</summary>
    public StoredEvent? Find(uint ordinal) => _byOrdinal.GetValueOrDefault(ordinal);

    private void Keep(StoredEvent stored)
    {
        if (!_byId.TryAdd(stored.EventId, stored)) return;
        _byOrdinal[stored.Nid.Ordinal] = stored;
        _bytes += stored.MemoryBytes;
    }

    private void Shrink()
    {
        if (_bytes < MostBytes) return;
        _byId.Clear();
        _byOrdinal.Clear();
        _bytes = 0;
    }
}
