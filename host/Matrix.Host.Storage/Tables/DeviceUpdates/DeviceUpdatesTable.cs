using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Keys;

namespace Matrix.Host.Storage.Tables.DeviceUpdates;

internal sealed class DeviceUpdatesTable(IReads reads) : IDeviceUpdatesTable
{
    private const string DeviceIsThere = "EXISTS (SELECT 1 FROM devices WHERE user_id = $1 AND device_id = $2)";
    private const string LatestOfDevices =
        "COALESCE((SELECT MAX(stream_id) FROM device_updates WHERE user_id = $1 AND device_id <> ''), 0)";

    // A user's ids rise. They are above the position, which was the id before changes were recorded.
    private const string LatestId =
        "GREATEST($3 - 1, COALESCE((SELECT MAX(stream_id) FROM device_updates WHERE user_id = $1), 0))";

    private const string Insert = "INSERT INTO device_updates (user_id, device_id, position, stream_id, prev_id)";

    private static readonly Statement AddIfThere = OfBoth($"""
        {Insert} SELECT $1, $2, $3, {LatestId} + 1, {LatestOfDevices} WHERE {DeviceIsThere}
        """);

    private static readonly Statement AddIfNew = OfBoth($"""
        {Insert} SELECT $1, $2, $3, {LatestId} + 1, {LatestOfDevices} WHERE NOT {DeviceIsThere}
        """);

    private static readonly Statement Add = OfBoth($"""
        {Insert} SELECT $1, $2, $3, {LatestId} + 1, {LatestOfDevices}
        """);

    // The signed key is a device's, or the master key, which is named by its public key.
    private static readonly Statement AddSigned = OfBoth($"""
        {Insert} SELECT $1, CASE WHEN {DeviceIsThere} THEN $2 ELSE '' END, $3, {LatestId} + 1, {LatestOfDevices}
        """);

    private static readonly Statement AddOthers = OfBoth($"""
        {Insert} SELECT $1, device_id, $3, {LatestId} + n,
            CASE WHEN n = 1 THEN {LatestOfDevices} ELSE {LatestId} + n - 1 END
        FROM (SELECT device_id, ROW_NUMBER() OVER (ORDER BY device_id) AS n FROM devices
            WHERE user_id = $1 AND device_id <> $2) AS others
        """);

    private static readonly Statement Latest = Statement.Of("""
        SELECT COALESCE(MAX(stream_id), 0) FROM device_updates WHERE user_id = $1 AND device_id <> ''
        """);

    private static readonly Statement After = Statement.Of("""
        SELECT stream_id, prev_id, device_id FROM device_updates WHERE user_id = $1 AND stream_id > $2
        ORDER BY stream_id LIMIT $3
        """);

    private static readonly Statement Changed = Statement.Of("""
        SELECT u.user_id, MIN(u.stream_id), MIN(u.position),
            (SELECT COUNT(*) FROM device_updates k WHERE k.user_id = u.user_id)
        FROM device_updates u WHERE u.position > $1 AND u.position <= $2
        GROUP BY u.user_id ORDER BY MIN(u.position), u.user_id LIMIT $3
        """);

    private static readonly Statement PendingServers = Statement.Of("""
        SELECT DISTINCT server_name FROM outbound_device_lists WHERE server_name > $1 ORDER BY server_name LIMIT $2
        """);

    private static readonly Statement Pending = Statement.Of("""
        SELECT p.user_id, p.after_id, b.last_id, b.through_id FROM outbound_device_lists p
        LEFT JOIN imported_device_lists b ON b.server_name = p.server_name AND b.user_id = p.user_id
        WHERE p.server_name = $1 AND p.user_id > $2 ORDER BY p.user_id LIMIT $3
        """);

    private static readonly Statement PutPending = Statement.Of("""
        INSERT INTO outbound_device_lists (server_name, user_id, after_id) VALUES ($1, $2, $3)
        ON CONFLICT (server_name, user_id) DO NOTHING
        """);

    private static readonly Statement Advance = Statement.Of("""
        UPDATE outbound_device_lists SET after_id = $3 WHERE server_name = $1 AND user_id = $2 AND after_id < $3
        """);

    private static readonly Statement DeleteSent = Statement.Of("""
        DELETE FROM outbound_device_lists WHERE server_name = $1 AND user_id = $2
            AND NOT EXISTS (SELECT 1 FROM device_updates u WHERE u.user_id = $2
                AND u.stream_id > outbound_device_lists.after_id)
        """);

    private static readonly Statement PutImported = Statement.Of($"""
        {Insert} SELECT $1, $2, $3, $4, {LatestOfDevices}
        """);

    private static readonly Statement PutBefore = Statement.Of("""
        INSERT INTO imported_device_lists (server_name, user_id, last_id, through_id) VALUES ($1, $2, $3, $4)
        ON CONFLICT (server_name, user_id) DO UPDATE SET last_id = excluded.last_id, through_id = excluded.through_id
        """);

    // A later change of a device says by its own which one it follows.
    private static readonly Statement DeleteBefore = Statement.Of("""
        DELETE FROM imported_device_lists WHERE server_name = $1 AND user_id = $2
            AND through_id < (SELECT MAX(stream_id) FROM device_updates
                WHERE user_id = $2 AND device_id <> '' AND stream_id <= $3)
        """);

    private static readonly Statement Trim = Statement.Of("""
        DELETE FROM device_updates WHERE user_id = $1 AND stream_id <= (
            SELECT stream_id FROM device_updates WHERE user_id = $1 ORDER BY stream_id DESC LIMIT 1 OFFSET $2)
        """);

    /// <summary>
    /// Registers before the tables of devices and keys: what their changes concern is still in its former state.
    /// </summary>
    public static void Register(WriteHandlers handlers) => handlers
        .On<DeviceAdded>(AddIfNew, static (a, op) => Device(a, op.UserId, op.DeviceId))
        .On<DeviceRenamed>(static (op, writes) =>
            writes.Run(AddIfThere, op, static (a, op) => Device(a, op.UserId, op.DeviceId)))
        .On<DeviceDeleted>(static (op, writes) =>
            writes.Run(AddIfThere, op, static (a, op) => Device(a, op.UserId, op.DeviceId)))
        .On<OtherDevicesDeleted>(AddOthers, static (a, op) => Device(a, op.UserId, op.Except ?? ""))
        .On<DeviceKeysUploaded>(AddIfThere, static (a, op) => Device(a, op.UserId, op.DeviceId))
        .On<CrossSigningKeyUploaded>(static (op, writes) =>
        {
            // No other server gets user-signing keys.
            if (op.Usage == CrossSigningUsage.UserSigning) return;
            writes.Run(Add, op, static (a, op) => Device(a, op.UserId, ""));
        })
        .On<CrossSigningKeysDeleted>(Add, static (a, op) => Device(a, op.UserId, ""))
        .On<KeySignatureUploaded>(static (op, writes) =>
        {
            // Only the signer sees a signature on another user's key.
            if (op.Signer != op.TargetUser) return;
            writes.Run(AddSigned, op, static (a, op) => Device(a, op.TargetUser, op.TargetKey));
        })
        .On<DeviceUpdatesEnqueued>(PutPending, static (a, op) => a.Text(op.ServerName).Text(op.UserId).Int(op.AfterId))
        .On<DeviceUpdatesSent>(static (op, writes) =>
        {
            writes.Run(Advance, op, static (a, op) => a.Text(op.ServerName).Text(op.UserId).Int(op.ThroughId));
            writes.Run(DeleteSent, op, static (a, op) => a.Text(op.ServerName).Text(op.UserId));
            writes.Run(DeleteBefore, op, static (a, op) => a.Text(op.ServerName).Text(op.UserId).Int(op.ThroughId));
        })
        .On<DeviceUpdateImported>(PutImported, static (a, op) => a
            .Text(op.UserId).Text(op.DeviceId).Position().Int(op.StreamId))
        .On<DeviceListSentBefore>(PutBefore, static (a, op) => a
            .Text(op.ServerName).Text(op.UserId).Int(op.Before.LastId).Int(op.Before.ThroughId))
        .On<DeviceUpdatesTrimmed>(Trim, static (a, op) => a.Text(op.UserId).Int(op.Keep));

    public ValueTask<long> LatestIdAsync(string userId, CancellationToken stop) =>
        reads.FirstAsync(Latest, userId, static (a, user) => a.Text(user), static row => row.Int64(0), stop);

    public ValueTask<IReadOnlyList<DeviceUpdateRow>> AfterAsync(
        string userId, long afterId, int limit, CancellationToken stop) => reads.ListAsync(
        After,
        (userId, afterId, limit),
        static (a, q) => a.Text(q.userId).Int(q.afterId).Int(q.limit),
        static row => new DeviceUpdateRow(row.Int64(0), row.Int64(1), row.Text(2)),
        stop);

    public ValueTask<IReadOnlyList<ChangedUserRow>> ChangedAsync(
        long after, long through, int limit, CancellationToken stop) => reads.ListAsync(
        Changed,
        (after, through, limit),
        static (a, q) => a.Int(q.after).Int(q.through).Int(q.limit),
        static row => new ChangedUserRow(row.Text(0), row.Int64(1), row.Int64(2), row.Int32(3)),
        stop);

    public ValueTask<IReadOnlyList<string>> PendingServersAsync(
        string afterServer, int limit, CancellationToken stop) => reads.ListAsync(
        PendingServers,
        (afterServer, limit),
        static (a, q) => a.Text(q.afterServer).Int(q.limit),
        static row => row.Text(0),
        stop);

    public ValueTask<IReadOnlyList<PendingUpdatesRow>> PendingAsync(
        string serverName, string afterUser, int limit, CancellationToken stop) => reads.ListAsync(
        Pending,
        (serverName, afterUser, limit),
        static (a, q) => a.Text(q.serverName).Text(q.afterUser).Int(q.limit),
        static row => new PendingUpdatesRow(
            row.Text(0), row.Int64(1), row.IsNull(2) ? null : new SentBefore(row.Int64(2), row.Int64(3))),
        stop);

    private static void Device(IArguments arguments, string userId, string deviceId) =>
        arguments.Text(userId).Text(deviceId).Position();

    // SQLite's `max` of several arguments is PostgreSQL's `GREATEST`.
    private static Statement OfBoth(string text) =>
        Statement.Of(text.Replace("GREATEST", "max", StringComparison.Ordinal), text);
}
