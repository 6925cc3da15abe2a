using System.Buffers.Binary;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.RemoteDevices;

/// <summary>
/// Device lists of other servers' users who share an encrypted room with a local user. A list takes its keys, about 100
/// bytes, and 8 for each received update; a device takes its keys and about 100 bytes. The number of devices of a list,
/// and the size of a key, are bounded by the caller.
/// </summary>
public sealed class RemoteDevicesTable(IReads reads)
{
    private static readonly Statement Lists = Statement.ByKeys("""
        SELECT user_id, fetched_id, shared_since, is_stale, received_ids, master_key, self_signing_key
        FROM remote_device_lists WHERE user_id = KEY
        """);

    private static readonly Statement Devices = Statement.ByKeys(
        "SELECT user_id, device_id, display_name, keys FROM remote_devices WHERE user_id = KEY");

    private static readonly Statement Users = Statement.Of(
        "SELECT user_id FROM remote_device_lists WHERE user_id > $1 ORDER BY user_id LIMIT $2");

    private static readonly Statement StaleUsers = Statement.Of("""
        SELECT user_id FROM remote_device_lists WHERE is_stale = 1 AND user_id > $1 ORDER BY user_id LIMIT $2
        """);

    private static readonly Statement PutList = Statement.Of("""
        INSERT INTO remote_device_lists
            (user_id, fetched_id, shared_since, is_stale, received_ids, master_key, self_signing_key)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (user_id) DO UPDATE SET fetched_id = excluded.fetched_id, shared_since = excluded.shared_since,
            is_stale = excluded.is_stale, received_ids = excluded.received_ids, master_key = excluded.master_key,
            self_signing_key = excluded.self_signing_key
        """);

    private static readonly Statement Advance = Statement.Of("""
        UPDATE remote_device_lists SET fetched_id = $2, is_stale = $3, received_ids = $4 WHERE user_id = $1
        """);

    private static readonly Statement PutKeys = Statement.Of("""
        UPDATE remote_device_lists SET master_key = COALESCE($2, master_key),
            self_signing_key = COALESCE($3, self_signing_key) WHERE user_id = $1
        """);

    private static readonly Statement PutDevice = Statement.Of("""
        INSERT INTO remote_devices (user_id, device_id, display_name, keys) VALUES ($1, $2, $3, $4)
        ON CONFLICT (user_id, device_id) DO UPDATE SET display_name = excluded.display_name, keys = excluded.keys
        """);

    private static readonly Statement DeleteDevice = Statement.Of(
        "DELETE FROM remote_devices WHERE user_id = $1 AND device_id = $2");
    private static readonly Statement DeleteDevices = Statement.Of("DELETE FROM remote_devices WHERE user_id = $1");
    private static readonly Statement DeleteList = Statement.Of("DELETE FROM remote_device_lists WHERE user_id = $1");

    internal static void Register(WriteHandlers handlers) => handlers
        .On<RemoteListFetched>(static (op, writes) =>
        {
            writes.Run(DeleteDevices, op.List, static (a, list) => a.Text(list.UserId));
            writes.Run(PutList, op.List, static (a, list) => a
                .Text(list.UserId).Int(list.FetchedId).Int(list.SharedSince).Bool(list.IsStale)
                .Blob(Encode(list.ReceivedIds)).BlobOrNull(list.MasterKey).BlobOrNull(list.SelfSigningKey));
            foreach (var device in op.Devices)
            {
                writes.Run(PutDevice, device, static (a, device) => a
                    .Text(device.UserId).Text(device.DeviceId).TextOrNull(device.DisplayName).Blob(device.Keys));
            }
        })
        .On<RemoteListAdvanced>(Advance, static (a, op) => a
            .Text(op.UserId).Int(op.FetchedId).Bool(op.IsStale).Blob(Encode(op.ReceivedIds)))
        .On<RemoteDeviceChanged>(static (op, writes) =>
        {
            if (op.Keys is { } keys)
            {
                writes.Run(PutDevice, (op, keys), static (a, q) => a
                    .Text(q.op.UserId).Text(q.op.DeviceId).TextOrNull(q.op.DisplayName).Blob(q.keys));
                return;
            }

            writes.Run(DeleteDevice, op, static (a, op) => a.Text(op.UserId).Text(op.DeviceId));
        })
        .On<RemoteSigningKeysChanged>(PutKeys, static (a, op) => a
            .Text(op.UserId).BlobOrNull(op.MasterKey).BlobOrNull(op.SelfSigningKey))
        .On<RemoteListDropped>(static (op, writes) =>
        {
            writes.Run(DeleteDevices, op, static (a, op) => a.Text(op.UserId));
            writes.Run(DeleteList, op, static (a, op) => a.Text(op.UserId));
        });

    /// <summary>The lists of these users; those that are not cached are left out.</summary>
    public ValueTask<IReadOnlyList<RemoteListRow>> ListsAsync(
        IReadOnlyCollection<string> userIds, CancellationToken stop) => reads.ByKeysAsync(
        Lists,
        userIds,
        By.Text,
        static row => new RemoteListRow(
            row.Text(0),
            row.Int64(1),
            row.Int64(2),
            row.Bool(3),
            Decode(row.Blob(4)),
            Key(row, 5),
            Key(row, 6)),
        stop);

    /// <summary>The devices of these users' lists.</summary>
    public ValueTask<IReadOnlyList<RemoteDeviceRow>> DevicesAsync(
        IReadOnlyCollection<string> userIds, CancellationToken stop) => reads.ByKeysAsync(
        Devices,
        userIds,
        By.Text,
        static row => new RemoteDeviceRow(row.Text(0), row.Text(1), row.TextOrNull(2), row.Blob(3)),
        stop);

    /// <summary>The users whose lists are cached, by user id, a page at a time: those after this user.</summary>
    public ValueTask<IReadOnlyList<string>> UsersAsync(string afterUser, int limit, CancellationToken stop) =>
        PageAsync(Users, afterUser, limit, stop);

    /// <summary>The same, only those whose lists are stale.</summary>
    public ValueTask<IReadOnlyList<string>> StaleUsersAsync(string afterUser, int limit, CancellationToken stop) =>
        PageAsync(StaleUsers, afterUser, limit, stop);

    private ValueTask<IReadOnlyList<string>> PageAsync(
        Statement page, string afterUser, int limit, CancellationToken stop) => reads.ListAsync(
        page, (afterUser, limit), static (a, q) => a.Text(q.afterUser).Int(q.limit), static row => row.Text(0), stop);

    // A conditional expression would make an empty key of none.
    private static ReadOnlyMemory<byte>? Key(IRow row, int column)
    {
        if (row.IsNull(column)) return null;
        return row.Blob(column);
    }

    private static byte[] Encode(IReadOnlyList<long> ids)
    {
        var bytes = new byte[sizeof(long) * ids.Count];
        for (var i = 0; i < ids.Count; i++)
        {
            BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(sizeof(long) * i), ids[i]);
        }

        return bytes;
    }

    private static long[] Decode(byte[] bytes)
    {
        var ids = new long[bytes.Length / sizeof(long)];
        for (var i = 0; i < ids.Length; i++)
        {
            ids[i] = BinaryPrimitives.ReadInt64BigEndian(bytes.AsSpan(sizeof(long) * i));
        }

        return ids;
    }
}

/// <summary>A cached device list.</summary>
/// <param name="FetchedId">The `stream_id` of the response that it was fetched by.</param>
/// <param name="SharedSince">The position at which it was fetched.</param>
/// <param name="IsStale">Whether it has to be fetched again.</param>
/// <param name="ReceivedIds">The updates that came since it was fetched.</param>
/// <param name="MasterKey">The master key; null if there is none.</param>
/// <param name="SelfSigningKey">The self-signing key; null if there is none.</param>
public sealed record RemoteListRow(
    string UserId,
    long FetchedId,
    long SharedSince,
    bool IsStale,
    IReadOnlyList<long> ReceivedIds,
    ReadOnlyMemory<byte>? MasterKey,
    ReadOnlyMemory<byte>? SelfSigningKey);

/// <summary>A device of a cached list, with its identity keys.</summary>
public sealed record RemoteDeviceRow(string UserId, string DeviceId, string? DisplayName, ReadOnlyMemory<byte> Keys);

/// <summary>A list was fetched: it replaces the cached one.</summary>
public sealed record RemoteListFetched(RemoteListRow List, IReadOnlyList<RemoteDeviceRow> Devices) : Change
{
    internal override int Weight => 300
        + (List.MasterKey?.Length ?? 0)
        + (List.SelfSigningKey?.Length ?? 0)
        + Devices.Sum(static device => 100 + device.Keys.Length);
}

/// <summary>Updates of a cached list were received.</summary>
public sealed record RemoteListAdvanced(
    string UserId, long FetchedId, bool IsStale, IReadOnlyList<long> ReceivedIds) : Change;

/// <summary>A device of a cached list changed.</summary>
/// <param name="Keys">The identity keys; null if the device has none, or was deleted.</param>
public sealed record RemoteDeviceChanged(
    string UserId, string DeviceId, string? DisplayName, ReadOnlyMemory<byte>? Keys) : Change
{
    internal override int Weight => 200 + (Keys?.Length ?? 0);
}

/// <summary>Cross-signing keys of a cached list changed; null for one that did not.</summary>
public sealed record RemoteSigningKeysChanged(
    string UserId, ReadOnlyMemory<byte>? MasterKey, ReadOnlyMemory<byte>? SelfSigningKey) : Change
{
    internal override int Weight => 200 + (MasterKey?.Length ?? 0) + (SelfSigningKey?.Length ?? 0);
}

/// <summary>A list is not cached any more.</summary>
public sealed record RemoteListDropped(string UserId) : Change;
