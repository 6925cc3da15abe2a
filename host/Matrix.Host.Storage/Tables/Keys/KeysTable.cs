using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.Keys;

internal sealed class KeysTable(IReads reads) : IKeysTable
{
    private const string DeviceKeyColumns = """
        SELECT k.user_id, k.device_id, k.json, d.display_name FROM device_keys k
        LEFT JOIN devices d ON d.user_id = k.user_id AND d.device_id = k.device_id
        """;

    private static readonly Statement DeviceKeysOf = Statement.Of($"{DeviceKeyColumns} WHERE k.user_id = $1 AND k.device_id = $2");
    private static readonly Statement DeviceKeysOfUsers = Statement.ByKeys($"{DeviceKeyColumns} WHERE k.user_id = KEY");

    private static readonly Statement CrossSigning = Statement.ByKeys("""
        SELECT user_id, usage, public_key, json FROM cross_signing_keys WHERE user_id = KEY
        """);

    private static readonly Statement Signatures = Statement.ByKeys("""
        SELECT target_user, target_key, signer, signer_key, signature FROM key_signatures
        WHERE target_user = KEY AND (signer = target_user OR signer = $2)
        """);

    // The count is null for a fallback key, which has none.
    private static readonly Statement Counts = Statement.Of("""
        SELECT algorithm, COUNT(*) FROM one_time_keys WHERE user_id = $1 AND device_id = $2 GROUP BY algorithm
        UNION ALL
        SELECT algorithm, NULL FROM fallback_keys WHERE user_id = $1 AND device_id = $2 AND used = 0
        """);

    private static readonly Statement Algorithms = Statement.Of("""
        SELECT algorithm FROM one_time_keys WHERE user_id = $1 AND device_id = $2
        UNION SELECT algorithm FROM fallback_keys WHERE user_id = $1 AND device_id = $2
        """);

    private static readonly Statement Changed = Statement.Of("""
        SELECT user_id FROM device_list_changes WHERE position > $1 AND position <= $2 AND only_for = '' ORDER BY position LIMIT $3
        """);

    private static readonly Statement ChangedFor = Statement.Of("""
        SELECT DISTINCT c.user_id FROM device_list_changes c
        WHERE c.position > $2 AND c.position <= $3 AND (c.only_for = $1 OR (c.only_for = '' AND (c.user_id = $1 OR EXISTS (
            SELECT 1 FROM memberships a JOIN memberships b ON b.room_nid = a.room_nid AND b.user_id = c.user_id AND b.membership = 1
            WHERE a.user_id = $1 AND a.is_local = 1 AND a.membership = 1))))
        """);

    public ValueTask<DeviceKeysRow?> FindDeviceKeysAsync(string userId, string deviceId, CancellationToken stop) =>
        reads.FirstAsync(DeviceKeysOf, (userId, deviceId), static (a, q) => a.Text(q.userId).Text(q.deviceId), DeviceKeys, stop);

    public ValueTask<IReadOnlyList<DeviceKeysRow>> DeviceKeysAsync(IReadOnlyCollection<string> userIds, CancellationToken stop) =>
        reads.ByKeysAsync(DeviceKeysOfUsers, userIds, By.Text, DeviceKeys, stop);

    public ValueTask<IReadOnlyList<CrossSigningKeyRow>> CrossSigningKeysAsync(
        IReadOnlyCollection<string> userIds, CancellationToken stop) => reads.ByKeysAsync(
            CrossSigning,
            userIds,
            By.Text,
            static row => new CrossSigningKeyRow(row.Text(0), (CrossSigningUsage)row.Int64(1), row.Text(2), row.Blob(3)),
            stop);

    public ValueTask<IReadOnlyList<KeySignatureRow>> SignaturesAsync(
        IReadOnlyCollection<string> userIds, string signer, CancellationToken stop) => reads.ByKeysAsync(
            Signatures,
            userIds,
            By.Text,
            signer,
            static (a, signer) => a.Text(signer),
            static row => new KeySignatureRow(row.Text(0), row.Text(1), row.Text(2), row.Text(3), row.Text(4)),
            stop);

    public async ValueTask<KeyCounts> CountsAsync(string userId, string deviceId, CancellationToken stop)
    {
        var rows = await reads.ListAsync(
            Counts,
            (userId, deviceId),
            static (a, q) => a.Text(q.userId).Text(q.deviceId),
            static row => (Algorithm: row.Text(0), Count: (int?)row.Int64OrNull(1)),
            stop);
        return new KeyCounts(
            rows.Where(row => row.Count is not null).ToDictionary(row => row.Algorithm, row => row.Count ?? 0, StringComparer.Ordinal),
            [.. rows.Where(row => row.Count is null).Select(row => row.Algorithm)]);
    }

    public ValueTask<IReadOnlyList<string>> AlgorithmsAsync(string userId, string deviceId, CancellationToken stop) => reads.ListAsync(
        Algorithms, (userId, deviceId), static (a, q) => a.Text(q.userId).Text(q.deviceId), static row => row.Text(0), stop);

    public ValueTask<IReadOnlyList<string>> ChangedAsync(long after, long through, int limit, CancellationToken stop) => reads.ListAsync(
        Changed,
        (after, through, limit),
        static (a, q) => a.Int(q.after).Int(q.through).Int(q.limit),
        static row => row.Text(0),
        stop);

    public ValueTask<IReadOnlyList<string>> ChangedForAsync(string localUser, long after, long through, CancellationToken stop) =>
        reads.ListAsync(
            ChangedFor,
            (localUser, after, through),
            static (a, q) => a.Text(q.localUser).Int(q.after).Int(q.through),
            static row => row.Text(0),
            stop);

    private static DeviceKeysRow DeviceKeys(IRow row) => new(row.Text(0), row.Text(1), row.Blob(2), row.TextOrNull(3));
}
