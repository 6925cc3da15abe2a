using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.ToDevice;

internal sealed class ToDeviceTable(IReads reads) : IToDeviceTable
{
    // The limit falls on the message before the last; all messages of that one's position are included.
    private static readonly Statement OfDevice = Statement.Of("""
        SELECT t.position, COALESCE(t.json, s.json) FROM to_device t
        LEFT JOIN to_device_shared s ON t.json IS NULL AND s.position = t.position AND s.seq = t.seq
        WHERE t.user_id = $1 AND t.device_id = $2 AND t.position > $3 AND t.position <= COALESCE((
            SELECT position FROM to_device WHERE user_id = $1 AND device_id = $2 AND position > $3 AND position <= $4
            ORDER BY position, seq LIMIT 1 OFFSET $5), $4)
        ORDER BY t.position, t.seq
        """);

    private static readonly Statement Waiting = Statement.ByKeys("""
        SELECT user_id, device_id, COUNT(*), CAST(SUM(size) AS BIGINT) FROM to_device
        WHERE user_id = KEY AND sender = $2 GROUP BY user_id, device_id
        """);

    // The share of another server's user begins with the server's name and a space. All characters of server names come
    // after "!", which is the one after the space. Older rows have the server's name alone.
    private static readonly Statement WaitingOfServer = Statement.ByKeys("""
        SELECT user_id, device_id, COUNT(*), CAST(SUM(size) AS BIGINT) FROM to_device
        WHERE user_id = KEY AND sender >= $2 AND sender < $2 || '!' GROUP BY user_id, device_id
        """);

    private static readonly Statement Users = Statement.Of(
        "SELECT DISTINCT user_id FROM to_device WHERE user_id > $1 ORDER BY user_id LIMIT $2");

    private static readonly Statement Shared = Statement.Of("SELECT COUNT(*) FROM to_device_shared");

    private static readonly Statement Send = Statement.Of("""
        INSERT INTO to_device (user_id, device_id, sender, size, json, position, seq)
        SELECT $1, $2, $3, $4, $5, $6, $7 WHERE EXISTS (SELECT 1 FROM devices WHERE user_id = $1 AND device_id = $2)
        """);

    // Both rows have the sequence number of the first statement, the highest of the position so far.
    private static readonly Statement SendShared = Statement.Of("""
        INSERT INTO to_device_shared (position, seq, copies, json)
        SELECT $3, $4, d.copies, $2 FROM (SELECT COUNT(*) AS copies FROM devices WHERE user_id = $1) AS d
            WHERE d.copies > 0
        """);

    private static readonly Statement SendToEach = Statement.Of("""
        INSERT INTO to_device (user_id, device_id, sender, size, json, position, seq)
        SELECT $1, d.device_id, $2, $3, NULL, s.position, s.seq FROM devices d
        JOIN (SELECT position, MAX(seq) AS seq FROM to_device_shared WHERE position = $4 GROUP BY position) AS s
            ON s.position = $4
        WHERE d.user_id = $1
        """);

    private const string OfInbox = """
        (position, seq) IN (
            SELECT position, seq FROM to_device WHERE user_id = $1 AND device_id = $2 AND position <= $3
                AND json IS NULL)
        """;

    private static readonly Statement DropLast = Statement.Of(
        $"DELETE FROM to_device_shared WHERE copies <= 1 AND {OfInbox}");
    private static readonly Statement DropCopy = Statement.Of(
        $"UPDATE to_device_shared SET copies = copies - 1 WHERE {OfInbox}");

    // A message to all devices is of one user. Once the other devices are gone, it is kept for the remaining device, or
    // not at all.
    private const string OfKept =
        "(SELECT position, seq FROM to_device WHERE user_id = $1 AND device_id = $2 AND json IS NULL)";
    private const string OfOthers =
        "(SELECT position, seq FROM to_device WHERE user_id = $1 AND device_id <> $2 AND json IS NULL)";

    private static readonly Statement[] DeleteOfOthers =
    [
        Statement.Of($"UPDATE to_device_shared SET copies = 1 WHERE (position, seq) IN {OfKept}"),
        Statement.Of(
            $"DELETE FROM to_device_shared WHERE (position, seq) IN {OfOthers} AND (position, seq) NOT IN {OfKept}"),
        Statement.Of("DELETE FROM to_device WHERE user_id = $1 AND device_id <> $2"),
    ];

    private static readonly Statement Delete = Statement.Of("""
        DELETE FROM to_device WHERE user_id = $1 AND device_id = $2 AND position <= $3
        """);

    public static void Register(WriteHandlers handlers) => handlers
        .On<ToDeviceSent>(static (op, writes) =>
        {
            if (op.DeviceId != ToDeviceSent.AllDevices)
            {
                writes.Run(Send, op, static (a, op) => a
                    .Text(op.UserId).Text(op.DeviceId).Text(op.Sender).Int(op.Json.Length).Blob(op.Json).Position()
                    .Sequence());
                return;
            }

            writes.Run(SendShared, op, static (a, op) => a.Text(op.UserId).Blob(op.Json).Position().Sequence());
            writes.Run(
                SendToEach, op, static (a, op) => a.Text(op.UserId).Text(op.Sender).Int(op.Json.Length).Position());
        })
        .On<ToDeviceDelivered>(static (op, writes) => DeleteThrough(writes, op.UserId, op.DeviceId, op.Through));

    /// <summary>
    /// Deletes the messages to a device up to a position; those to all devices when the last device that had them
    /// waiting is done.
    /// </summary>
    internal static void DeleteThrough(IWrites writes, string userId, string deviceId, long through)
    {
        foreach (var statement in (ReadOnlySpan<Statement>)[DropLast, DropCopy, Delete])
        {
            writes.Run(
                statement, (userId, deviceId, through),
                static (a, q) => a.Text(q.userId).Text(q.deviceId).Int(q.through));
        }
    }

    /// <summary>Deletes the messages to all of a user's devices except one; to all if that one is empty.</summary>
    internal static void DeleteOthers(IWrites writes, string userId, string except)
    {
        foreach (var statement in DeleteOfOthers)
        {
            writes.Run(statement, (userId, except), static (a, q) => a.Text(q.userId).Text(q.except));
        }
    }

    public ValueTask<IReadOnlyList<ToDeviceRow>> OfDeviceAsync(
        string userId, string deviceId, long after, long through, int limit, CancellationToken stop) => reads.ListAsync(
            OfDevice,
            (userId, deviceId, after, through, limit),
            static (a, q) =>
                a.Text(q.userId).Text(q.deviceId).Int(q.after).Int(q.through).Int(Math.Max(0, q.limit - 1)),
            static row => new ToDeviceRow(row.Int64(0), row.Blob(1)),
            stop);

    public ValueTask<IReadOnlyList<WaitingRow>> WaitingAsync(
        string sender, IReadOnlyCollection<string> userIds, CancellationToken stop) =>
        WaitingAsync(Waiting, sender, userIds, stop);

    public ValueTask<IReadOnlyList<WaitingRow>> WaitingOfServerAsync(
        string serverName, IReadOnlyCollection<string> userIds, CancellationToken stop) =>
        WaitingAsync(WaitingOfServer, serverName, userIds, stop);

    public ValueTask<IReadOnlyList<string>> UsersAsync(string afterUser, int limit, CancellationToken stop) =>
        reads.ListAsync(
            Users,
            (afterUser, limit),
            static (a, q) => a.Text(q.afterUser).Int(q.limit),
            static row => row.Text(0),
            stop);

    public ValueTask<int> CountSharedAsync(CancellationToken stop) =>
        reads.FirstAsync(Shared, static row => row.Int32(0), stop);

    private ValueTask<IReadOnlyList<WaitingRow>> WaitingAsync(
        Statement statement, string share, IReadOnlyCollection<string> userIds, CancellationToken stop) =>
        reads.ByKeysAsync(
            statement,
            userIds,
            By.Text,
            share,
            static (a, share) => a.Text(share),
            static row => new WaitingRow(row.Text(0), row.Text(1), row.Int64(2) * ToDeviceSent.Overhead + row.Int64(3)),
            stop);
}
