using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.ToDevice;

/// <summary>Messages to devices. v1.19 client-server-api#send-to-device-messaging</summary>
public sealed class ToDeviceTable(IReads reads)
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

    internal static void Register(WriteHandlers handlers) => handlers
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

    /// <summary>
    /// Messages to a device after one position and up to another, in order. All messages of the last position are
    /// returned, even beyond <paramref name="limit"/>, so that the next query can start after that position.
    /// </summary>
    public ValueTask<IReadOnlyList<ToDeviceRow>> OfDeviceAsync(
        string userId, string deviceId, long after, long through, int limit, CancellationToken stop) => reads.ListAsync(
            OfDevice,
            (userId, deviceId, after, through, limit),
            static (a, q) =>
                a.Text(q.userId).Text(q.deviceId).Int(q.after).Int(q.through).Int(Math.Max(0, q.limit - 1)),
            static row => new ToDeviceRow(row.Int64(0), row.Blob(1)),
            stop);

    /// <summary>
    /// Bytes that a sender has waiting in the inboxes of these users; inboxes without any are left out.
    /// </summary>
    public ValueTask<IReadOnlyList<WaitingRow>> WaitingAsync(
        string sender, IReadOnlyCollection<string> userIds, CancellationToken stop) =>
        WaitingAsync(Waiting, sender, userIds, stop);

    /// <summary>The same for all users of another server together.</summary>
    public ValueTask<IReadOnlyList<WaitingRow>> WaitingOfServerAsync(
        string serverName, IReadOnlyCollection<string> userIds, CancellationToken stop) =>
        WaitingAsync(WaitingOfServer, serverName, userIds, stop);

    /// <summary>The users with messages waiting, by id, a page at a time: those after this one.</summary>
    public ValueTask<IReadOnlyList<string>> UsersAsync(string afterUser, int limit, CancellationToken stop) =>
        reads.ListAsync(
            Users,
            (afterUser, limit),
            static (a, q) => a.Text(q.afterUser).Int(q.limit),
            static row => row.Text(0),
            stop);

    /// <summary>
    /// The number of messages stored once for all devices of a user. Each is kept until every device has fetched it.
    /// </summary>
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

/// <summary>Bytes that one sender has waiting for one device.</summary>
/// <param name="Bytes">Bytes of the messages, each with <see cref="ToDeviceSent.Overhead"/> more.</param>
public readonly record struct WaitingRow(string UserId, string DeviceId, long Bytes);

/// <summary>A message to a device.</summary>
/// <param name="Json">The event as the device gets it: `sender`, `type`, `content`.</param>
public readonly record struct ToDeviceRow(long Position, ReadOnlyMemory<byte> Json);

/// <summary>
/// Sends a message to a local device, or to all devices that the user has then, for which it is stored once. Skipped if
/// there is no such device.
/// </summary>
/// <param name="DeviceId">The device, or <see cref="AllDevices"/>.</param>
/// <param name="Json">The event as the device gets it: `sender`, `type`, `content`.</param>
/// <remarks>Other nodes do not get the message and its sender.</remarks>
public sealed record ToDeviceSent(string UserId, string DeviceId, ReadOnlyMemory<byte> Json) : Change
{
    /// <summary>The device id that stands for all devices of a user.</summary>
    public const string AllDevices = "*";

    /// <summary>Bytes added to a message's own when an inbox is measured.</summary>
    public const int Overhead = 512;

    /// <summary>
    /// Whose share of the inbox it counts to: a local user, or a <see cref="RemoteSender"/>; empty for none.
    /// </summary>
    public string Sender { get; init; } = "";

    /// <summary>The share of another server's user, which is a part of that server's share.</summary>
    public static string RemoteSender(string serverName, string userId) => $"{serverName} {userId}";

    internal override int Weight => 200 + Json.Length;
}

/// <summary>A device synced with a token of this position: the messages up to it have arrived.</summary>
public sealed record ToDeviceDelivered(string UserId, string DeviceId, long Through) : Change;
