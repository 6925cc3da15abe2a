using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.State;

internal sealed class StateTable(IReads reads, StorageOptions options) : IStateTable
{
    // Walks from the step back to its base, the step of the checkpoint. The first row includes the checkpoint.
    private static readonly Statement Chain = Statement.Of("""
        WITH RECURSIVE chain(n, step_key, parent, own_base, base, changes) AS (
            SELECT CAST(1 AS BIGINT), step_key, parent, base, base, changes FROM state_steps WHERE step_key = $1
            UNION ALL
            SELECT c.n + 1, s.step_key, s.parent, s.base, c.base, s.changes FROM chain c
                JOIN state_steps s ON s.step_key = $2 + c.parent
            WHERE c.parent <> c.base AND c.step_key <> $2 + c.base AND c.n < $3
        )
        SELECT c.step_key - $2, c.parent, c.own_base, c.base, c.changes, k.root, k.data
        FROM chain c LEFT JOIN state_checkpoints k ON k.step_key = $2 + c.base AND c.n = 1 ORDER BY c.n
        """);

    private static readonly Statement Step = Statement.Of(
        "SELECT step_key, parent, base, changes FROM state_steps WHERE step_key = $1");
    private static readonly Statement Steps = Statement.ByKeys(
        "SELECT step_key, parent, base, changes FROM state_steps WHERE step_key = KEY");

    private static readonly Statement Nodes = Statement.ByKeys(
        "SELECT node_key, data FROM state_nodes WHERE node_key = KEY");

    private static readonly Statement NodesFrom = Statement.Of("""
        SELECT node_key, data FROM state_nodes WHERE node_key >= $1 AND node_key <= $2 ORDER BY node_key LIMIT $3
        """);

    private static readonly Statement LastCheckpoint = Statement.Of("""
        SELECT step_key, root, data FROM state_checkpoints WHERE step_key >= $1 AND step_key <= $2
            ORDER BY step_key DESC LIMIT 1
        """);

    private static readonly Statement InsertStep = Statement.Of("""
        INSERT INTO state_steps (step_key, parent, base, changes) VALUES ($1, $2, $3, $4)
        """);

    private static readonly Statement InsertCheckpoint = Statement.Of("""
        INSERT INTO state_checkpoints (step_key, root, data) VALUES ($1, $2, $3)
        """);

    private static readonly Statement InsertNode = Statement.Of(
        "INSERT INTO state_nodes (node_key, data) VALUES ($1, $2)");
    private static readonly Statement DeleteCheckpointRow = Statement.Of(
        "DELETE FROM state_checkpoints WHERE step_key = $1");
    private static readonly Statement DeleteNode = Statement.Of("DELETE FROM state_nodes WHERE node_key = $1");

    private static readonly Statement InsertBefore = Statement.Of(
        "INSERT INTO states_before (event_nid, step) VALUES ($1, $2)");

    private static readonly Statement Before = Statement.ByKeys(
        "SELECT event_nid, step FROM states_before WHERE event_nid = KEY");

    public static void Register(WriteHandlers handlers) => handlers
        .On<StateNumbered>(static (op, writes) =>
        {
            // A state with a checkpoint is rebuilt from that checkpoint.
            writes.Run(InsertStep, op, static (a, op) => a
                .Int(Key(op.Room, op.Step)).Int(op.Parent).Int(op.Checkpoint is null ? op.Base : op.Step)
                .Blob(op.DeltaBytes));
            if (op.Checkpoint is not { } checkpoint) return;
            var header = checkpoint.Header;
            if (checkpoint.Pack.Length > 0)
            {
                writes.Run(InsertNode, (op, checkpoint), static (a, q) => a
                    .Int(Key(q.op.Room, q.checkpoint.Header.FirstNode)).Blob(q.checkpoint.Pack));
            }

            writes.Run(InsertCheckpoint, (op, header), static (a, q) => a
                .Int(Key(q.op.Room, q.op.Step)).Int(q.header.RootNode).Blob(q.header.ToBytes()));
        })
        .On<StateBeforeNamed>(InsertBefore, static (a, op) => a.Nid(op.Nid).Int(op.Step))
        .On<CheckpointDeleted>(DeleteCheckpointRow, static (a, op) => a.Int(Key(op.Room, op.Step)))
        .On<CheckpointNodesDeleted>(static (op, writes) =>
        {
            foreach (var node in op.Nodes)
            {
                writes.Run(DeleteNode, (op.Room, node), static (a, q) => a.Int(Key(q.Room, q.node)));
            }
        });

    public async ValueTask<StateChain?> ChainAsync(RoomNid room, int step, CancellationToken stop)
    {
        if (step == 0)
        {
            return new StateChain(null, []);
        }

        var rows = await reads.ListAsync(
            Chain,
            (room, step, options.MaxStepsPerLoad),
            static (a, q) => a.Int(Key(q.room, q.step)).Int(Key(q.room, 0)).Int(q.MaxStepsPerLoad),
            static row => (
                Step: new StepRow(row.Int32(0), row.Int32(1), row.Int32(2), row.Blob(4)),
                Base: row.Int32(3),
                Checkpoint: row.IsNull(5) ? null : new CheckpointRow(row.Int32(3), row.Int32(5), row.Blob(6))),
            stop);
        if (rows.Count == 0)
        {
            return null;
        }

        var (oldest, @base, _) = rows[^1];
        var checkpoint = rows[0].Checkpoint;
        if (oldest.Step == @base)
        {
            rows = [.. rows.Take(rows.Count - 1)];
        }
        else if (oldest.Parent != @base)
        {
            throw Damaged(room, step, "its steps do not lead to its checkpoint");
        }

        return @base != 0 && checkpoint is null
            ? throw Damaged(room, step, "its checkpoint is missing")
            : new StateChain(checkpoint, [.. rows.Reverse().Select(row => row.Step)]);
    }

    public ValueTask<StepRow?> StepAsync(RoomNid room, int step, CancellationToken stop) => reads.FirstAsync(
        Step,
        Key(room, step),
        static (a, key) => a.Int(key),
        StepOf,
        stop);

    public ValueTask<IReadOnlyList<StepRow>> StepsAsync(
        RoomNid room, IReadOnlyCollection<int> steps, CancellationToken stop) =>
        reads.ByKeysAsync(Steps, [.. steps.Select(step => Key(room, step))], By.Number, StepOf, stop);

    public async ValueTask<IReadOnlyDictionary<EventNid, int>> StepsBeforeAsync(
        IReadOnlyCollection<EventNid> nids, CancellationToken stop)
    {
        var rows = await reads.ByKeysAsync(
            Before, nids, By.Nid, static row => (Nid: row.Nid(0), Step: row.Int32(1)), stop);
        return rows.ToDictionary(row => row.Nid, row => row.Step);
    }

    public ValueTask<IReadOnlyList<NodeRow>> NodesAsync(
        RoomNid room, IReadOnlyCollection<int> nodes, CancellationToken stop) =>
        reads.ByKeysAsync(Nodes, [.. nodes.Select(node => Key(room, node))], By.Number, Node, stop);

    public ValueTask<IReadOnlyList<NodeRow>> NodesFromAsync(
        RoomNid room, int first, int limit, CancellationToken stop) => reads.ListAsync(
        NodesFrom,
        (room, first, limit),
        static (a, q) => a.Int(Key(q.room, q.first)).Int(Key(q.room, int.MaxValue)).Int(q.limit),
        Node,
        stop);

    public ValueTask<CheckpointRow?> LastCheckpointAsync(RoomNid room, CancellationToken stop) => reads.FirstAsync(
        LastCheckpoint,
        room,
        static (a, room) => a.Int(Key(room, 0)).Int(Key(room, int.MaxValue)),
        static row => new CheckpointRow(Number(row.Int64(0)), row.Int32(1), row.Blob(2)),
        stop);

    private static StorageException Damaged(RoomNid room, int step, string what) =>
        new(StorageFailure.Unavailable, $"The state of step {step} of room {room} cannot be rebuilt: {what}.");

    private static StepRow StepOf(IRow row) => new(Number(row.Int64(0)), row.Int32(1), row.Int32(2), row.Blob(3));

    private static NodeRow Node(IRow row) => new(Number(row.Int64(0)), row.Blob(1));

    private static long Key(RoomNid room, int number) => ((long)room.Value << 32) | (uint)number;

    private static int Number(long key) => (int)(uint)key;
}
