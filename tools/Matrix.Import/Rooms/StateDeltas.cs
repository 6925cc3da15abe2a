using Matrix.Core.State;
using Matrix.Import.Sources;

namespace Matrix.Import.Rooms;

/// <summary>A change of the current state of a room, as Synapse recorded it.</summary>
/// <param name="Position">Where it became current: Synapse writes all changes of a batch at the batch's first position,
/// here each has that of its event.</param>
/// <param name="Event">The place of the event; -1 if the entry was removed, or its event is not here.</param>
internal readonly record struct StateDelta(long Position, string Type, string StateKey, string EventId, int Event);

/// <summary>Reads the changes of a room's current state in the order of their positions.</summary>
internal sealed class StateDeltas : IAsyncDisposable
{
    private const string Table = "current_state_delta_stream";

    private readonly EventIndex _events;
    private readonly Action<string> _dangling;
    private readonly IAsyncEnumerator<ISourceRow> _rows;
    private readonly PriorityQueue<StateDelta, (long Position, long Nth)> _ready = new();
    private long _nth;
    private bool _hasRow;

    private StateDeltas(EventIndex events, Action<string> dangling, IAsyncEnumerator<ISourceRow> rows) =>
        (_events, _dangling, _rows) = (events, dangling, rows);

    /// <summary>The position of the first change; the greatest number if there is none.</summary>
    public long First { get; private init; }

    /// <summary>Opens the changes of a room.</summary>
    /// <param name="hasIndex">Whether the source can find them by their room.</param>
    public static async Task<StateDeltas> OpenAsync(
        SynapseSource source, string roomId, bool hasIndex, EventIndex events, Action<string> dangling,
        CancellationToken stop)
    {
        var rows = source.RowsAsync(
            $"{Select("stream_id, type, state_key, event_id, prev_event_id", hasIndex)} ORDER BY 1", stop, roomId)
            .GetAsyncEnumerator(stop);
        var hasRow = await rows.MoveNextAsync();
        return new StateDeltas(events, dangling, rows)
        {
            First = hasRow ? rows.Current.Int64(0) : long.MaxValue,
            _hasRow = hasRow,
        };
    }

    /// <summary>The entries as they were before the first change of each: null for none.</summary>
    public static async Task<Dictionary<(string Type, string Key), string?>> BeforeAsync(
        SynapseSource source, string roomId, bool hasIndex, CancellationToken stop)
    {
        var before = new Dictionary<(string, string), string?>();
        await foreach (var row in source.RowsAsync(
            $"{Select("stream_id, type, state_key, prev_event_id", hasIndex)} ORDER BY 1", stop, roomId))
        {
            before.TryAdd((row.Text(1), row.Text(2)), row.TextOrNull(3));
        }

        return before;
    }

    /// <summary>Whether the table has an index by rooms: it came with schema 92.</summary>
    public static async Task<bool> HasIndexAsync(SynapseSource source, CancellationToken stop)
    {
        var found = source.Main.IsPostgres
            ? "SELECT 1 FROM pg_indexes WHERE indexname = 'current_state_delta_stream_room_idx'"
            : "SELECT 1 FROM sqlite_master WHERE name = 'current_state_delta_stream_room_idx'";
        return await source.NumberAsync(found, stop) == 1;
    }

    /// <summary>The changes up to a position, in order.</summary>
    public async ValueTask<IReadOnlyList<StateDelta>> UpToAsync(long position)
    {
        while (_hasRow && _rows.Current.Int64(0) <= position) await TakeAsync();
        if (_ready.Count == 0 || _ready.Peek().Position > position) return [];
        var found = new List<StateDelta>();
        while (_ready.TryPeek(out var next, out _) && next.Position <= position) found.Add(_ready.Dequeue());
        return found;
    }

    public ValueTask DisposeAsync() => _rows.DisposeAsync();

    private async ValueTask TakeAsync()
    {
        var row = _rows.Current;
        var (position, eventId, at) = (row.Int64(0), row.Text(3), -1);
        if (!row.IsNull(3))
        {
            // Without its event, the entry is missing from there on.
            at = _events.Find(eventId);
            if (at < 0) _dangling(eventId);
            else if (_events.Kind(at) == EventKind.Live) position = Math.Max(position, _events.Stream(at));
        }

        _ready.Enqueue(new StateDelta(position, row.Text(1), row.Text(2), eventId, at), (position, _nth++));
        _hasRow = await _rows.MoveNextAsync();
    }

    // Without the index, the changes are found by the positions of the room's events: those that came by themselves are
    // missed, and made up at the end.
    private static string Select(string columns, bool hasIndex) => hasIndex
        ? $"SELECT {columns} FROM {Table} WHERE room_id = $1"
        : $"""
        SELECT {columns} FROM (
            SELECT d.* FROM events e CROSS JOIN {Table} d
            WHERE e.room_id = $1 AND e.stream_ordering > 0 AND d.stream_id = e.stream_ordering AND d.room_id = $1) found
        """;
}
