using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.Memberships;

namespace Matrix.Host.Storage.Tables.Keys;

/// <summary>
/// Keys of local users' devices, and their cross-signing keys. v1.19 client-server-api#end-to-end-encryption
/// </summary>
public sealed class KeysTable(IReads reads)
{
    private const string DeviceKeyColumns = """
        SELECT k.user_id, k.device_id, k.json, d.display_name FROM device_keys k
        LEFT JOIN devices d ON d.user_id = k.user_id AND d.device_id = k.device_id
        """;

    private static readonly Statement DeviceKeysOf = Statement.Of(
        $"{DeviceKeyColumns} WHERE k.user_id = $1 AND k.device_id = $2");
    private static readonly Statement DeviceKeysOfUsers = Statement.ByKeys($"{DeviceKeyColumns} WHERE k.user_id = KEY");

    private static readonly Statement CrossSigning = Statement.ByKeys("""
        SELECT user_id, usage, public_key, json FROM cross_signing_keys WHERE user_id = KEY
        """);

    private static readonly Statement Signatures = Statement.ByKeys("""
        SELECT target_user, target_key, signer, signer_key, signature FROM key_signatures
        WHERE target_user = KEY AND (signer = target_user OR signer = $2)
        """);

    // A fallback key's row has a null count.
    private static readonly Statement Counts = Statement.Of($"""
        SELECT c.algorithm, (SELECT COUNT(*) FROM one_time_keys k WHERE {KeyHandlers.IsUnclaimed})
            FROM one_time_key_claims c WHERE c.user_id = $1 AND c.device_id = $2
        UNION ALL
        SELECT algorithm, NULL FROM fallback_keys WHERE user_id = $1 AND device_id = $2 AND used = 0
        """);

    private static readonly Statement UsersWithKeys = Statement.Of("""
        SELECT user_id FROM (
            SELECT DISTINCT user_id FROM one_time_key_claims WHERE user_id > $1 ORDER BY user_id LIMIT $2) AS claims
        UNION SELECT user_id FROM (
            SELECT DISTINCT user_id FROM fallback_keys WHERE user_id > $1 ORDER BY user_id LIMIT $2) AS fallbacks
        ORDER BY user_id LIMIT $2
        """);

    private static readonly Statement Algorithms = Statement.Of(KeyHandlers.AlgorithmsOfDevice);

    private static readonly Statement PositionOf = Statement.Of(
        "SELECT position FROM device_list_changes WHERE user_id = $1 AND only_for = ''");

    private static readonly Statement Changed = Statement.Of("""
        SELECT user_id FROM device_list_changes WHERE position > $1 AND position <= $2 AND only_for = ''
            ORDER BY position LIMIT $3
        """);

    // A change for one user, and one of the user's own devices, is their news whoever shares a room with them.
    private static readonly Statement ChangedFor = Statement.Of($"""
        SELECT c.user_id, MAX(CASE WHEN c.only_for <> '' OR c.user_id = $1 THEN 1 ELSE COALESCE((
            SELECT MAX({SharedMemberships.WereJoined("$3")})
            FROM memberships a JOIN memberships b ON b.room_nid = a.room_nid AND b.user_id = c.user_id
            WHERE a.user_id = $1 AND a.is_local = 1), 0) END)
        FROM device_list_changes c
        WHERE c.position > $2 AND c.position <= $3 AND (c.only_for = $1 OR (c.only_for = '' AND (c.user_id = $1
            OR EXISTS (
            SELECT 1 FROM memberships a JOIN memberships b ON b.room_nid = a.room_nid AND b.user_id = c.user_id
            WHERE a.user_id = $1 AND a.is_local = 1 AND {SharedMemberships.MayHaveBeenJoined("$3")}))))
        GROUP BY c.user_id
        """);

    /// <summary>
    /// The users who have had one-time or fallback keys, in order, a page at a time: those after one.
    /// </summary>
    public ValueTask<IReadOnlyList<string>> UsersAsync(string after, int limit, CancellationToken stop) =>
        reads.ListAsync(
            UsersWithKeys,
            (after, limit),
            static (a, q) => a.Text(q.after).Int(q.limit),
            static row => row.Text(0),
            stop);

    /// <summary>The identity keys of a device, or null.</summary>
    public ValueTask<DeviceKeysRow?> FindDeviceKeysAsync(string userId, string deviceId, CancellationToken stop) =>
        reads.FirstAsync(
            DeviceKeysOf, (userId, deviceId), static (a, q) => a.Text(q.userId).Text(q.deviceId), DeviceKeys, stop);

    /// <summary>Identity keys of all devices of these users, with the devices' display names.</summary>
    public ValueTask<IReadOnlyList<DeviceKeysRow>> DeviceKeysAsync(
        IReadOnlyCollection<string> userIds, CancellationToken stop) =>
        reads.ByKeysAsync(DeviceKeysOfUsers, userIds, By.Text, DeviceKeys, stop);

    /// <summary>Cross-signing keys of these users.</summary>
    public ValueTask<IReadOnlyList<CrossSigningKeyRow>> CrossSigningKeysAsync(
        IReadOnlyCollection<string> userIds, CancellationToken stop) => reads.ByKeysAsync(
            CrossSigning,
            userIds,
            By.Text,
            static row =>
                new CrossSigningKeyRow(row.Text(0), (CrossSigningUsage)row.Int64(1), row.Text(2), row.Blob(3)),
            stop);

    /// <summary>
    /// Signatures that were uploaded on keys of these users, by the users themselves and by <paramref name="signer"/>.
    /// </summary>
    public ValueTask<IReadOnlyList<KeySignatureRow>> SignaturesAsync(
        IReadOnlyCollection<string> userIds, string signer, CancellationToken stop) => reads.ByKeysAsync(
            Signatures,
            userIds,
            By.Text,
            signer,
            static (a, signer) => a.Text(signer),
            static row => new KeySignatureRow(row.Text(0), row.Text(1), row.Text(2), row.Text(3), row.Text(4)),
            stop);

    /// <summary>
    /// The number of one-time keys that a device has left, by algorithm, and the algorithms of its unused fallback
    /// keys.
    /// </summary>
    public async ValueTask<KeyCounts> CountsAsync(string userId, string deviceId, CancellationToken stop)
    {
        var rows = await reads.ListAsync(
            Counts,
            (userId, deviceId),
            static (a, q) => a.Text(q.userId).Text(q.deviceId),
            static row => (Algorithm: row.Text(0), Count: (int?)row.Int64OrNull(1)),
            stop);
        return new KeyCounts(
            rows.Where(row => row.Count > 0).ToDictionary(
                row => row.Algorithm, row => row.Count ?? 0, StringComparer.Ordinal),
            [.. rows.Where(row => row.Count is null).Select(row => row.Algorithm)]);
    }

    /// <summary>The algorithms of a device's one-time and fallback keys, used ones included.</summary>
    public ValueTask<IReadOnlyList<string>> AlgorithmsAsync(
        string userId, string deviceId, CancellationToken stop) => reads.ListAsync(
        Algorithms, (userId, deviceId), static (a, q) => a.Text(q.userId).Text(q.deviceId), static row => row.Text(0),
        stop);

    /// <summary>
    /// The position of the last change of a user's device list that other users see; 0 if there is none.
    /// </summary>
    public ValueTask<long> DeviceListPositionAsync(string userId, CancellationToken stop) => reads.FirstAsync(
        PositionOf, userId, static (a, user) => a.Text(user), static row => row.Int64(0), stop);

    /// <summary>
    /// The users whose device lists changed after one position and up to another, the first changes first; at most
    /// <paramref name="limit"/>.
    /// </summary>
    public ValueTask<IReadOnlyList<string>> ChangedAsync(
        long after, long through, int limit, CancellationToken stop) => reads.ListAsync(
        Changed,
        (after, through, limit),
        static (a, q) => a.Int(q.after).Int(q.through).Int(q.limit),
        static row => row.Text(0),
        stop);

    /// <summary>
    /// The same, but only the local user, and users who shared a room with them at the second position or may have: a
    /// membership of one of the two changed after it.
    /// </summary>
    public ValueTask<IReadOnlyList<ChangedListRow>> ChangedForAsync(
        string localUser, long after, long through, CancellationToken stop) =>
        reads.ListAsync(
            ChangedFor,
            (localUser, after, through),
            static (a, q) => a.Text(q.localUser).Int(q.after).Int(q.through),
            static row => new ChangedListRow(row.Text(0), row.Bool(1)),
            stop);

    private static DeviceKeysRow DeviceKeys(IRow row) => new(row.Text(0), row.Text(1), row.Blob(2), row.TextOrNull(3));
}

/// <summary>How changes of keys are stored.</summary>
internal static class KeyHandlers
{
    private const string DeviceIsThere = "EXISTS (SELECT 1 FROM devices WHERE user_id = $1 AND device_id = $2)";

    /// <summary>Whether a key `k` is left, by the claims `c` of its device and algorithm.</summary>
    internal const string IsUnclaimed = """
        k.user_id = c.user_id AND k.device_id = c.device_id AND k.algorithm = c.algorithm
            AND k.place > c.place
        """;

    /// <summary>Whether a key of the device $2 was claimed more than $3 keys ago.</summary>
    internal const string IsLongClaimed = """
        device_id = $2 AND place <= (SELECT c.place - $3 FROM one_time_key_claims c
            WHERE c.user_id = $1 AND c.device_id = $2 AND c.algorithm = one_time_keys.algorithm)
        """;

    /// <summary>The algorithms of the one-time keys that a device has left, and of its fallback keys.</summary>
    internal const string AlgorithmsOfDevice = $"""
        SELECT c.algorithm FROM one_time_key_claims c WHERE c.user_id = $1 AND c.device_id = $2
            AND EXISTS (SELECT 1 FROM one_time_keys k WHERE {IsUnclaimed})
        UNION SELECT algorithm FROM fallback_keys WHERE user_id = $1 AND device_id = $2
        """;

    private static readonly Statement DropSignaturesOnChanged = Statement.Of("""
        DELETE FROM key_signatures WHERE target_user = $1 AND target_key = $2
            AND EXISTS (SELECT 1 FROM device_keys WHERE user_id = $1 AND device_id = $2 AND json <> $3)
        """);

    private static readonly Statement UpsertDeviceKeys = Statement.Of($"""
        INSERT INTO device_keys (user_id, device_id, json) SELECT $1, $2, $3 WHERE {DeviceIsThere}
        ON CONFLICT (user_id, device_id) DO UPDATE SET json = excluded.json
        """);

    private static readonly Statement InsertClaims = Statement.Of($"""
        INSERT INTO one_time_key_claims (user_id, device_id, algorithm, place)
        SELECT $1, $2, $3, 0 WHERE {DeviceIsThere}
        ON CONFLICT (user_id, device_id, algorithm) DO NOTHING
        """);

    // A claimed key makes room for another one with its id. If all keys are forgotten, places go on after the claims'.
    private static readonly Statement InsertOneTimeKey = Statement.Of($"""
        INSERT INTO one_time_keys (user_id, device_id, algorithm, key_id, json, place)
        SELECT $1, $2, $3, $4, $5, 1 + COALESCE(
                (SELECT MAX(place) FROM one_time_keys WHERE user_id = $1 AND device_id = $2 AND algorithm = $3),
                c.place)
            FROM one_time_key_claims c WHERE c.user_id = $1 AND c.device_id = $2 AND c.algorithm = $3
        ON CONFLICT (user_id, device_id, algorithm, key_id) DO UPDATE SET json = excluded.json, place = excluded.place
            WHERE one_time_keys.json <> excluded.json AND one_time_keys.place <= (SELECT place
                FROM one_time_key_claims WHERE user_id = $1 AND device_id = $2 AND algorithm = $3)
        """);

    // Clients repeat an upload whose response was lost; a key that was claimed meanwhile must not come back.
    private static readonly Statement IsNotNeeded = Statement.Of($"""
        SELECT 1 WHERE NOT {DeviceIsThere} OR EXISTS (SELECT 1 FROM one_time_keys
            WHERE user_id = $1 AND device_id = $2 AND algorithm = $3 AND key_id = $4 AND json = $5)
        """);

    private static readonly Statement HasFewAlgorithms = Statement.Of(
        $"SELECT 1 WHERE $3 >= (SELECT COUNT(*) FROM ({AlgorithmsOfDevice}) AS algorithms)");

    private static readonly Statement UpsertFallbackKey = Statement.Of($"""
        INSERT INTO fallback_keys (user_id, device_id, algorithm, key_id, json, used) SELECT $1, $2, $3, $4, $5, $6
            WHERE {DeviceIsThere}
        ON CONFLICT (user_id, device_id, algorithm) DO UPDATE SET key_id = excluded.key_id, json = excluded.json,
            used = CASE WHEN fallback_keys.key_id = excluded.key_id
                AND fallback_keys.json = excluded.json THEN fallback_keys.used ELSE excluded.used END
        """);

    private static readonly Statement ForgetClaimed = Statement.Of(
        $"DELETE FROM one_time_keys WHERE user_id = $1 AND {IsLongClaimed}");

    private static readonly Statement ForgetAlgorithms = Statement.Of("""
        DELETE FROM one_time_key_claims WHERE user_id = $1 AND device_id = $2
            AND algorithm NOT IN (SELECT algorithm FROM one_time_keys WHERE user_id = $1 AND device_id = $2)
        """);

    private static readonly Statement DropSignaturesOnReplaced = Statement.Of("""
        DELETE FROM key_signatures WHERE target_user = $1
            AND target_key IN (SELECT public_key FROM cross_signing_keys WHERE user_id = $1 AND usage = $2
                AND public_key <> $3)
        """);

    private static readonly Statement UpsertCrossSigningKey = Statement.Of("""
        INSERT INTO cross_signing_keys (user_id, usage, public_key, json) VALUES ($1, $2, $3, $4)
        ON CONFLICT (user_id, usage) DO UPDATE SET public_key = excluded.public_key, json = excluded.json
        """);

    private static readonly Statement DeleteSignaturesOnAll = Statement.Of(
        "DELETE FROM key_signatures WHERE target_user = $1");
    private static readonly Statement DeleteAllCrossSigningKeys = Statement.Of(
        "DELETE FROM cross_signing_keys WHERE user_id = $1");

    private static readonly Statement CrossSigningKeyMatches = Statement.Of("""
        SELECT 1 WHERE CASE WHEN $3 IS NULL THEN NOT EXISTS (SELECT 1 FROM cross_signing_keys WHERE user_id = $1
            AND usage = $2)
            ELSE EXISTS (SELECT 1 FROM cross_signing_keys WHERE user_id = $1 AND usage = $2 AND public_key = $3) END
        """);

    private static readonly Statement UpsertSignature = Statement.Of("""
        INSERT INTO key_signatures (target_user, target_key, signer, signer_key, signature) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (target_user, target_key, signer, signer_key) DO UPDATE SET signature = excluded.signature
        """);

    private static readonly Statement SignaturesFit = Statement.Of("""
        SELECT 1 WHERE (SELECT COUNT(*) FROM (SELECT 1 FROM key_signatures WHERE signer = $1 LIMIT $2) AS made) < $2
        """);

    private static readonly Statement DeleteSignaturesBy = Statement.Of("DELETE FROM key_signatures WHERE signer = $1");

    private static readonly Statement UpsertChange = Statement.Of("""
        INSERT INTO device_list_changes (user_id, only_for, position) VALUES ($1, $2, $3)
        ON CONFLICT (user_id, only_for) DO UPDATE SET position = excluded.position
        """);

    internal static void Register(WriteHandlers handlers, Action<KeysClaimed, IWrites> claim) => handlers
        .On<DeviceKeysUploaded>(static (op, writes) =>
        {
            writes.Run(
                DropSignaturesOnChanged, op, static (a, op) => a.Text(op.UserId).Text(op.DeviceId).Blob(op.Json));
            writes.Run(UpsertDeviceKeys, op, static (a, op) => a.Text(op.UserId).Text(op.DeviceId).Blob(op.Json));
        })
        .On<OneTimeKeyUploaded>(static (op, writes) =>
        {
            writes.Run(InsertClaims, op, static (a, op) => a.Text(op.UserId).Text(op.DeviceId).Text(op.Algorithm));
            writes.RunIf(InsertOneTimeKey, op, static (a, op) => a
                .Text(op.UserId).Text(op.DeviceId).Text(op.Algorithm).Text(op.KeyId).Blob(op.Json));
            writes.RunFor(
                IsNotNeeded,
                op,
                static (a, op) => a.Text(op.UserId).Text(op.DeviceId).Text(op.Algorithm).Text(op.KeyId).Blob(op.Json),
                static (_, _) => true);
        })
        .OnCondition<KeyAlgorithmsAtMost>(
            HasFewAlgorithms, static (a, op) => a.Text(op.UserId).Text(op.DeviceId).Int(op.Most), static (_, _) => true)
        .On<FallbackKeyUploaded>(UpsertFallbackKey, static (a, op) => a
            .Text(op.UserId).Text(op.DeviceId).Text(op.Algorithm).Text(op.KeyId).Blob(op.Json).Bool(op.IsUsed))
        .On(claim)
        .On<ClaimedKeysForgotten>(static (op, writes) =>
        {
            writes.Run(ForgetClaimed, op, static (a, op) => a.Text(op.UserId).Text(op.DeviceId).Int(op.Keep));
            writes.Run(ForgetAlgorithms, op, static (a, op) => a.Text(op.UserId).Text(op.DeviceId));
        })
        .On<CrossSigningKeyUploaded>(static (op, writes) =>
        {
            writes.Run(
                DropSignaturesOnReplaced, op,
                static (a, op) => a.Text(op.UserId).Int((int)op.Usage).Text(op.PublicKey));
            writes.Run(UpsertCrossSigningKey, op, static (a, op) => a
                .Text(op.UserId).Int((int)op.Usage).Text(op.PublicKey).Blob(op.Json));
        })
        .On<CrossSigningKeysDeleted>(static (op, writes) =>
        {
            writes.Run(DeleteSignaturesOnAll, op, static (a, op) => a.Text(op.UserId));
            writes.Run(DeleteAllCrossSigningKeys, op, static (a, op) => a.Text(op.UserId));
        })
        .OnCondition<CrossSigningKeyIs>(
            CrossSigningKeyMatches,
            static (a, op) => a.Text(op.UserId).Int((int)op.Usage).TextOrNull(op.PublicKey),
            static (_, _) => true)
        .On<KeySignatureUploaded>(UpsertSignature, static (a, op) => a
            .Text(op.TargetUser).Text(op.TargetKey).Text(op.Signer).Text(op.SignerKey).Text(op.Signature))
        .OnCondition<KeySignaturesAtMost>(
            SignaturesFit, static (a, op) => a.Text(op.Signer).Int(op.Most + 1L), static (_, _) => true)
        .On<KeySignaturesOfSignerDeleted>(DeleteSignaturesBy, static (a, op) => a.Text(op.Signer))
        .On<DeviceListChanged>(UpsertChange, static (a, op) => a.Text(op.UserId).Text(op.OnlyFor ?? "").Position());
}
