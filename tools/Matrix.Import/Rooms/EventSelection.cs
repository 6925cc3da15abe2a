using Matrix.Core.Event;
using Matrix.Import.Runs;

namespace Matrix.Import.Rooms;

/// <summary>The events of a room that are carried.</summary>
internal sealed class EventSelection
{
    private const int PerQuery = 200;

    private EventSelection(EventIndex events) => Events = events;

    public EventIndex Events { get; }

    /// <summary>The ids of redactions.</summary>
    public List<string> Redactions { get; } = [];

    /// <summary>The id of a create event; null if there is none.</summary>
    public string? CreateId { get; private set; }

    /// <summary>Whether any event is no outlier: without such, the room is known by an invite or knock only.</summary>
    public bool HasPlaces { get; private set; }

    public long? FirstReceivedAt { get; private set; }

    public static async Task<EventSelection> ReadAsync(
        ImportContext context,
        string roomId,
        IReadOnlyCollection<(string Type, string Key, string EventId)> current,
        CancellationToken stop)
    {
        var source = context.Source;
        var count = await source.NumberAsync("SELECT COUNT(*) FROM events WHERE room_id = $1", stop, roomId);
        var selection = new EventSelection(new EventIndex((int)Math.Min(count, 100_000_000)));
        var without = await StrippedIdsAsync(context, roomId, stop);
        var needed = context.Choices.WithoutHistory
            ? await NeededAsync(context, roomId, current, stop)
            : null;
        await foreach (var row in source.RowsAsync(
            """
            SELECT event_id, stream_ordering, outlier, topological_ordering, type, received_ts FROM events
            WHERE room_id = $1 AND stream_ordering IS NOT NULL ORDER BY stream_ordering
            """,
            stop,
            roomId))
        {
            var eventId = row.Text(0);
            if (without.Contains(eventId)) continue;
            var isLast = false;
            if (needed is not null && !needed.TryGetValue(eventId, out isLast)) continue;
            var stream = row.Int64(1);
            var kind = row.Int64(2) != 0 || (needed is not null && !isLast) ? EventKind.Outlier
                : stream > 0 ? EventKind.Live
                : EventKind.Backfilled;
            selection.Take(eventId, stream, kind, row.Int64(3), row.Text(4), row.IsNull(5) ? null : row.Int64(5));
        }

        return selection;
    }

    private void Take(string eventId, long stream, EventKind kind, long depth, string type, long? receivedAt)
    {
        if (!Events.Add(eventId, stream, depth, kind)) return;
        HasPlaces |= kind != EventKind.Outlier;
        if (type == EventTypes.Redaction) Redactions.Add(eventId);
        if (type == EventTypes.Create) CreateId ??= eventId;
        if (receivedAt is > 0 and var at) FirstReceivedAt = Math.Min(FirstReceivedAt ?? at, at);
    }

    /// <summary>The invites, knocks and leaves that are carried as stripped rooms.</summary>
    private static async Task<HashSet<string>> StrippedIdsAsync(
        ImportContext context, string roomId, CancellationToken stop)
    {
        var found = new HashSet<string>(StringComparer.Ordinal);
        await foreach (var row in context.Source.RowsAsync(
            $"{OutOfBand.Select("l.event_id, j.internal_metadata")} AND l.room_id = $1", stop, roomId))
        {
            if (EventMetadata.Of(row.Text(1)).IsOutOfBand) found.Add(row.Text(0));
        }

        return found;
    }

    /// <summary>
    /// Without history: the present state and what authorises it, and the forward extremities, which are true.
    /// </summary>
    private static async Task<Dictionary<string, bool>> NeededAsync(
        ImportContext context,
        string roomId,
        IReadOnlyCollection<(string Type, string Key, string EventId)> current,
        CancellationToken stop)
    {
        var needed = new Dictionary<string, bool>(StringComparer.Ordinal);
        foreach (var (_, _, eventId) in current) needed[eventId] = false;
        await foreach (var row in context.Source.RowsAsync(
            "SELECT event_id FROM event_forward_extremities WHERE room_id = $1", stop, roomId))
        {
            needed[row.Text(0)] = true;
        }

        List<string> next = [.. needed.Keys];
        while (next.Count > 0)
        {
            var further = new List<string>();
            foreach (var chunk in next.Chunk(PerQuery))
            {
                var places = string.Join(", ", Enumerable.Range(1, chunk.Length).Select(static at => $"${at}"));
                await foreach (var row in context.Source.RowsAsync(
                    $"SELECT auth_id FROM event_auth WHERE event_id IN ({places})", stop, [.. chunk]))
                {
                    if (needed.TryAdd(row.Text(0), false)) further.Add(row.Text(0));
                }
            }

            next = further;
        }

        return needed;
    }
}
