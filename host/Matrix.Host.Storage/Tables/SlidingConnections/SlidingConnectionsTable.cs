using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.SlidingConnections;

/// <summary>
/// Connections of sliding sync that are not in memory. MSC4186, "Connections". A row takes some 40 bytes for each room
/// that the connection was sent. The number of rows of a device is bounded, and old ones are deleted.
/// </summary>
public sealed class SlidingConnectionsTable(IReads reads)
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

    internal static void Register(WriteHandlers handlers) => handlers
        .On<SlidingConnectionSaved>(static (op, writes) =>
        {
            writes.Run(Save, op, static (a, op) => a
                .Text(op.Device.UserId).Text(op.Device.DeviceId).Text(op.ConnectionId).Int(op.UsedAt).Blob(op.State));
            writes.Run(
                DeleteMore, op, static (a, op) => a.Text(op.Device.UserId).Text(op.Device.DeviceId).Int(op.Most));
        })
        .On<SlidingConnectionsExpired>(Expire, static (a, op) => a.Int(op.Before));

    /// <summary>The connection as it was last saved; null if it was not, or before this time.</summary>
    public ValueTask<ReadOnlyMemory<byte>?> FindAsync(
        UserDevice device, string connectionId, long savedSince, CancellationToken stop) => reads.FirstAsync(
        Find,
        (device, connectionId, savedSince),
        static (a, q) => a
            .Text(q.device.UserId).Text(q.device.DeviceId).Text(q.connectionId).Int(q.savedSince),
        static row => (ReadOnlyMemory<byte>?)row.Blob(0),
        stop);
}

/// <summary>A connection is saved. Of a device's connections the ones used last are kept.</summary>
/// <param name="UsedAt">When it was last used; milliseconds since the epoch.</param>
/// <param name="State">The connection; only its owner knows the form.</param>
/// <param name="Most">The most connections of the device that are kept.</param>
public sealed record SlidingConnectionSaved(
    UserDevice Device, string ConnectionId, long UsedAt, ReadOnlyMemory<byte> State, int Most) : Change
{
    internal override int Weight => 300 + State.Length;
}

/// <summary>Connections that were last used before this time are deleted.</summary>
public sealed record SlidingConnectionsExpired(long Before) : Change;
