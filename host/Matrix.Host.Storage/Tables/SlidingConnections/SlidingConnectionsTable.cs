using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.SlidingConnections;

internal sealed class SlidingConnectionsTable(IReads reads) : ISlidingConnectionsTable
{
    private static readonly Statement Find = Statement.Of("""
        SELECT state FROM sliding_connections
        WHERE user_id = $1 AND device_id = $2 AND connection_id = $3 AND used_at >= $4
        """);

    private static readonly Statement Save = Statement.Of("""
        INSERT INTO sliding_connections (user_id, device_id, connection_id, used_at, state) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (user_id, device_id, connection_id)
        DO UPDATE SET used_at = excluded.used_at, state = excluded.state
        """);

    private static readonly Statement DeleteMore = Statement.Of("""
        DELETE FROM sliding_connections WHERE user_id = $1 AND device_id = $2 AND connection_id NOT IN (
            SELECT connection_id FROM sliding_connections WHERE user_id = $1 AND device_id = $2
            ORDER BY used_at DESC, connection_id LIMIT $3)
        """);

    private static readonly Statement Expire = Statement.Of("DELETE FROM sliding_connections WHERE used_at < $1");

    public static void Register(WriteHandlers handlers) => handlers
        .On<SlidingConnectionSaved>(static (op, writes) =>
        {
            writes.Run(Save, op, static (a, op) => a
                .Text(op.Device.UserId).Text(op.Device.DeviceId).Text(op.ConnectionId).Int(op.UsedAt).Blob(op.State));
            writes.Run(
                DeleteMore, op, static (a, op) => a.Text(op.Device.UserId).Text(op.Device.DeviceId).Int(op.Most));
        })
        .On<SlidingConnectionsExpired>(Expire, static (a, op) => a.Int(op.Before));

    public ValueTask<ReadOnlyMemory<byte>?> FindAsync(
        UserDevice device, string connectionId, long savedSince, CancellationToken stop) => reads.FirstAsync(
        Find,
        (device, connectionId, savedSince),
        static (a, q) => a
            .Text(q.device.UserId).Text(q.device.DeviceId).Text(q.connectionId).Int(q.savedSince),
        static row => (ReadOnlyMemory<byte>?)row.Blob(0),
        stop);
}
