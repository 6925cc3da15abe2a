using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.Rooms;

/// <summary>
/// The numbers of new rooms. A process that has the database for itself counts them; a node takes many at once from the
/// database, so that no two nodes have the same. One that is not used costs nothing. Thread-safe.
/// </summary>
public sealed class RoomNumbers(RoomsTable roomsTable, IStorageWriter writer, NodeShards node) : IDisposable
{
    /// <summary>How many a node takes at once.</summary>
    internal const int Block = 256;

    // Row 2 has the greatest number that was ever given, or at least those that no room has any more.
    private static readonly Statement _take = Statement.Of("""
        INSERT INTO sequence (one, position) SELECT 2, $1 + COALESCE(MAX(room_nid), 0) FROM rooms WHERE 1 = 1
        ON CONFLICT (one) DO UPDATE SET position = CASE WHEN sequence.position + $1 > excluded.position
            THEN sequence.position + $1 ELSE excluded.position END
        RETURNING position - $1 + 1
        """);

    private readonly SemaphoreSlim _gate = new(1, 1);
    private int _next;
    private int _left;

    internal static void Register(WriteHandlers handlers) => handlers.OnCondition<RoomNumbersTaken>(
        _take,
        static (a, op) => a.Int(op.Count),
        static (op, row) =>
        {
            op.First = row.Int32(0);
            return true;
        });

    /// <summary>The number of a new room.</summary>
    /// <exception cref="StorageException">No more could be taken.</exception>
    public async ValueTask<RoomNid> NextAsync(CancellationToken stop)
    {
        if (!node.IsNode) return roomsTable.NewNid();
        await _gate.WaitAsync(stop);
        try
        {
            if (_left == 0)
            {
                var taken = new RoomNumbersTaken(Block);
                await writer.WriteAsync(new WriteBatch(Authority.Nobody, 1).Add(taken), stop);
                (_next, _left) = (taken.First, Block);
            }

            _left--;
            return new RoomNid(_next++);
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _gate.Dispose();
}

/// <summary>A node takes numbers of rooms.</summary>
public sealed record RoomNumbersTaken(int Count) : ConditionalChange
{
    /// <summary>The first one, once they are taken.</summary>
    public int First { get; internal set; }
}
