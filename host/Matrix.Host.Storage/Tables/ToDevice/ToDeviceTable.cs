using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.ToDevice;

internal sealed class ToDeviceTable(IReads reads) : IToDeviceTable
{
    // The limit falls on the message that is one short of it; all of that one's position come along.
    private static readonly Statement OfDevice = Statement.Of("""
        SELECT position, json FROM to_device
        WHERE user_id = $1 AND device_id = $2 AND position > $3 AND position <= COALESCE((
            SELECT position FROM to_device WHERE user_id = $1 AND device_id = $2 AND position > $3 AND position <= $4
            ORDER BY position, seq LIMIT 1 OFFSET $5), $4)
        ORDER BY position, seq
        """);

    private static readonly Statement Send = Statement.Of("""
        INSERT INTO to_device (user_id, device_id, json, position, seq)
        SELECT $1, $2, $3, $4, $5 WHERE EXISTS (SELECT 1 FROM devices WHERE user_id = $1 AND device_id = $2)
        """);

    private static readonly Statement Delete = Statement.Of("""
        DELETE FROM to_device WHERE user_id = $1 AND device_id = $2 AND position <= $3
        """);

    public static void Register(WriteHandlers handlers) => handlers
        .On<SendToDevice>(Send, static (a, op) => a.Text(op.UserId).Text(op.DeviceId).Blob(op.Json).Position().Sequence())
        .On<DeleteToDevice>(Delete, static (a, op) => a.Text(op.UserId).Text(op.DeviceId).Int(op.Through));

    public ValueTask<IReadOnlyList<ToDeviceRow>> OfDeviceAsync(
        string userId, string deviceId, long after, long through, int limit, CancellationToken stop) => reads.ListAsync(
            OfDevice,
            (userId, deviceId, after, through, limit),
            static (a, q) => a.Text(q.userId).Text(q.deviceId).Int(q.after).Int(q.through).Int(Math.Max(0, q.limit - 1)),
            static row => new ToDeviceRow(row.Int64(0), row.Blob(1)),
            stop);
}
