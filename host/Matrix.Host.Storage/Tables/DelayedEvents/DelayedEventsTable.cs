using System.Buffers.Binary;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.DelayedEvents;

internal sealed class DelayedEventsTable(IReads reads) : IDelayedEventsTable
{
    private const string Columns =
        "delay_id, user_id, device_id, room_id, type, state_key, origin_server_ts, delay, since, request";

    private static readonly Statement All = Statement.Of($"""
        SELECT {Columns} FROM delayed_events WHERE delay_id > $1 ORDER BY delay_id LIMIT $2
        """);

    private static readonly Statement OfUser = Statement.Of(
        $"SELECT {Columns}, content FROM delayed_events WHERE user_id = $1");

    private static readonly Statement Find = Statement.Of(
        $"SELECT {Columns}, content FROM delayed_events WHERE delay_id = $1");

    private static readonly Statement Add = Statement.Of($"""
        INSERT INTO delayed_events ({Columns}, content) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        """);

    private static readonly Statement Restart = Statement.Of(
        "UPDATE delayed_events SET since = $2 WHERE delay_id = $1");

    private static readonly Statement End = Statement.Of("DELETE FROM delayed_events WHERE delay_id = $1");

    public static void Register(WriteHandlers handlers) => handlers
        .On<DelayedEventAdded>(Add, static (a, op) => a
            .Text(op.Row.DelayId).Text(op.Row.Sender.UserId).Text(op.Row.Sender.DeviceId).Text(op.Row.RoomId)
            .Text(op.Row.Type).TextOrNull(op.Row.StateKey).IntOrNull(op.Row.OriginServerTs)
            .Int(op.Row.Delay).Int(op.Row.Since).BlobOrNull(Bytes(op.Row.Request)).Blob(op.Row.Content))
        .On<DelayedEventRestarted>(Restart, static (a, op) => a.Text(op.DelayId).Int(op.Since))
        .On<DelayedEventEnded>(End, static (a, op) => a.Text(op.DelayId));

    public ValueTask<IReadOnlyList<DelayedEventRow>> AllAsync(string after, int limit, CancellationToken stop) =>
        reads.ListAsync(
            All, (after, limit), static (a, q) => a.Text(q.after).Int(q.limit), static row => Row(row, []), stop);

    public ValueTask<IReadOnlyList<DelayedEventRow>> OfUserAsync(string userId, CancellationToken stop) =>
        reads.ListAsync(
            OfUser, userId, static (a, user) => a.Text(user), static row => Row(row, row.Blob(10)), stop);

    public ValueTask<DelayedEventRow?> FindAsync(string delayId, CancellationToken stop) => reads.FirstAsync(
        Find, delayId, static (a, id) => a.Text(id), static row => (DelayedEventRow?)Row(row, row.Blob(10)), stop);

    private static DelayedEventRow Row(IRow row, byte[] content) => new(
        row.Text(0),
        new UserDevice(row.Text(1), row.Text(2)),
        row.Text(3),
        row.Text(4),
        row.TextOrNull(5),
        content,
        row.Int64OrNull(6),
        row.Int64(7),
        row.Int64(8),
        row.BlobOrNull(9) is { } request ? BinaryPrimitives.ReadUInt128BigEndian(request.Span) : null);

    private static ReadOnlyMemory<byte>? Bytes(UInt128? request)
    {
        if (request is not { } value) return null;
        var bytes = new byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, value);
        return bytes;
    }
}
