using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.SlidingConnections;

/// <summary>
/// Connections of sliding sync: where one process serves, those that are not in memory; where several nodes serve, all.
/// MSC4186, "Connections". A row takes some 40 bytes for each room that the connection was sent. The number of rows of
/// a device is bounded, and old ones are deleted.
/// </summary>
public sealed class SlidingConnectionsTable(IReads reads)
{
    private static readonly Statement Find = Statement.Of("""
        SELECT state, number FROM sliding_connections
        WHERE user_id = $1 AND device_id = $2 AND connection_id = $3 AND used_at >= $4
        """);

    private static readonly Statement Number = Statement.Of("""
        SELECT number FROM sliding_connections
        WHERE user_id = $1 AND device_id = $2 AND connection_id = $3 AND used_at >= $4
        """);

    private static readonly Statement Advance = Statement.Of("""
        UPDATE sliding_connections SET used_at = $4, state = $5, number = $6
        WHERE user_id = $1 AND device_id = $2 AND connection_id = $3 AND number = $7
        """);

    private static readonly Statement Save = Statement.Of("""
        INSERT INTO sliding_connections (user_id, device_id, connection_id, used_at, state, number)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (user_id, device_id, connection_id)
        DO UPDATE SET used_at = excluded.used_at, state = excluded.state, number = excluded.number
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
                .Text(op.Device.UserId).Text(op.Device.DeviceId).Text(op.ConnectionId).Int(op.UsedAt).Blob(op.State)
                .Int(op.Number));
            writes.Run(
                DeleteMore, op, static (a, op) => a.Text(op.Device.UserId).Text(op.Device.DeviceId).Int(op.Most));
        })
        .OnCondition<SlidingConnectionAdvanced>(Advance, static (a, op) => a
            .Text(op.Device.UserId).Text(op.Device.DeviceId).Text(op.ConnectionId).Int(op.UsedAt).Blob(op.State)
            .Int(op.Number).Int(op.After))
        .On<SlidingConnectionsExpired>(Expire, static (a, op) => a.Int(op.Before));

    /// <summary>The connection as it was last saved; null if it was not, or before this time.</summary>
    public ValueTask<StoredConnection?> FindAsync(
        UserDevice device, string connectionId, long savedSince, CancellationToken stop) => reads.FirstAsync(
        Find,
        (device, connectionId, savedSince),
        static (a, q) => a
            .Text(q.device.UserId).Text(q.device.DeviceId).Text(q.connectionId).Int(q.savedSince),
        static row => (StoredConnection?)new StoredConnection(row.Blob(0), row.Int64(1)),
        stop);

    /// <summary>The number of its last response; null if it was not saved, or before this time.</summary>
    public ValueTask<long?> NumberAsync(
        UserDevice device, string connectionId, long savedSince, CancellationToken stop) => reads.FirstAsync(
        Number,
        (device, connectionId, savedSince),
        static (a, q) => a
            .Text(q.device.UserId).Text(q.device.DeviceId).Text(q.connectionId).Int(q.savedSince),
        static row => (long?)row.Int64(0),
        stop);
}

/// <summary>A connection as it was last saved.</summary>
/// <param name="State">The connection; only its owner knows the form.</param>
/// <param name="Number">The number of its last response.</param>
public readonly record struct StoredConnection(ReadOnlyMemory<byte> State, long Number);

/// <summary>
/// A connection is saved, whatever the database has of that name. Of a device's connections the ones used last are
/// kept.
/// </summary>
/// <param name="UsedAt">When it was last used; milliseconds since the epoch.</param>
/// <param name="State">The connection; only its owner knows the form.</param>
/// <param name="Number">The number of its last response.</param>
/// <param name="Most">The most connections of the device that are kept.</param>
public sealed record SlidingConnectionSaved(
    UserDevice Device, string ConnectionId, long UsedAt, ReadOnlyMemory<byte> State, long Number, int Most) : Change
{
    internal override int Weight => 300 + State.Length;
}

/// <summary>A connection has a further response. Applied if no other node has given one meanwhile.</summary>
/// <param name="UsedAt">When it was last used; milliseconds since the epoch.</param>
/// <param name="State">The connection; only its owner knows the form.</param>
/// <param name="Number">The number of the response.</param>
/// <param name="After">The number of the response before it, as far as this node knows.</param>
public sealed record SlidingConnectionAdvanced(
    UserDevice Device, string ConnectionId, long UsedAt, ReadOnlyMemory<byte> State, long Number, long After)
    : ConditionalChange
{
    internal override int Weight => 300 + State.Length;
}

/// <summary>Connections that were last used before this time are deleted.</summary>
public sealed record SlidingConnectionsExpired(long Before) : Change;
