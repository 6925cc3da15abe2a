using Matrix.Core.Sync;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.Imports;

/// <summary>
/// Which process of the imported server wrote the events of a room: rows of about 30 bytes, mostly one for each room,
/// and none if one process wrote them all.
/// </summary>
public sealed class ImportedWritersTable(IReads reads)
{
    private static readonly Statement Insert = Statement.Of("""
        INSERT INTO imported_writers (room_nid, position, writer) VALUES ($1, $2, $3)
        ON CONFLICT (room_nid, position) DO UPDATE SET writer = excluded.writer
        """);

    private static readonly Statement OfRooms = Statement.ByKeys(
        "SELECT room_nid, position, writer FROM imported_writers WHERE room_nid = KEY AND position <= $2");

    internal static void Register(WriteHandlers handlers) => handlers.On<RoomWriterImported>(
        Insert, static (a, op) => a.Room(op.Room).Int(op.From).Int(op.Writer));

    /// <summary>
    /// The position in each of these rooms up to which a client has all events, where it is beyond the least one of its
    /// token.
    /// </summary>
    public async ValueTask<IReadOnlyDictionary<RoomNid, long>> ReachedAsync(
        IReadOnlyCollection<RoomNid> rooms, ImportedClock clock, CancellationToken stop)
    {
        var reached = new Dictionary<RoomNid, long>();
        var rows = await reads.ByKeysAsync(
            OfRooms,
            rooms,
            By.Room,
            clock.Greatest,
            static (a, greatest) => a.Int(greatest),
            static row => (Room: row.Room(0), From: row.Int64(1), Writer: row.Int64(2)),
            stop);
        foreach (var room in rows.Distinct().GroupBy(static row => row.Room))
        {
            var position = clock.Least;
            foreach (var (writer, last) in Spans([.. room.OrderBy(static row => row.From)]))
            {
                if (last <= position) continue;
                position = Math.Max(position, Math.Min(last, clock.Of(writer)));
                if (position < last) break;
            }

            if (position > clock.Least) reached[room.Key] = position;
        }

        return reached;
    }

    /// <summary>The processes one after the other, each with the last position before the next one's.</summary>
    private static IEnumerable<(long Writer, long Last)> Spans((RoomNid Room, long From, long Writer)[] rows) =>
        rows.Select((row, at) => (row.Writer, at + 1 < rows.Length ? rows[at + 1].From - 1 : long.MaxValue));
}

/// <summary>A process of the imported server wrote the events of a room from a position on.</summary>
/// <param name="Writer">Its number in Synapse's `instance_map`.</param>
public sealed record RoomWriterImported(RoomNid Room, long From, int Writer) : Change;
