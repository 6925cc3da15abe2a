using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.Keys;

/// <summary>How keys change.</summary>
internal static class KeyChanges
{
    private const string DeviceIsThere = "EXISTS (SELECT 1 FROM devices WHERE user_id = $1 AND device_id = $2)";

    // Clients repeat an upload whose answer was lost; what was given away meanwhile must not come back.
    private const string WasGivenAway = """
        EXISTS (SELECT 1 FROM claimed_keys WHERE user_id = $1 AND device_id = $2 AND algorithm = $3 AND key_id = $4 AND json = $5)
        """;

    private static readonly Statement DropSignaturesOnChanged = Statement.Of("""
        DELETE FROM key_signatures WHERE target_user = $1 AND target_key = $2
            AND EXISTS (SELECT 1 FROM device_keys WHERE user_id = $1 AND device_id = $2 AND json <> $3)
        """);

    private static readonly Statement UpsertDeviceKeys = Statement.Of($"""
        INSERT INTO device_keys (user_id, device_id, json) SELECT $1, $2, $3 WHERE {DeviceIsThere}
        ON CONFLICT (user_id, device_id) DO UPDATE SET json = excluded.json
        """);

    private static readonly Statement InsertOneTimeKey = Statement.Of($"""
        INSERT INTO one_time_keys (user_id, device_id, algorithm, key_id, json, position, seq)
        SELECT $1, $2, $3, $4, $5, $6, $7 WHERE {DeviceIsThere} AND NOT {WasGivenAway}
        ON CONFLICT (user_id, device_id, algorithm, key_id) DO UPDATE SET json = excluded.json WHERE one_time_keys.json = excluded.json
        """);

    private static readonly Statement IsNotNeeded = Statement.Of($"SELECT 1 WHERE NOT {DeviceIsThere} OR {WasGivenAway}");

    private static readonly Statement HasFewAlgorithms = Statement.Of("""
        SELECT 1 WHERE $3 >= (SELECT COUNT(*) FROM (
            SELECT algorithm FROM one_time_keys WHERE user_id = $1 AND device_id = $2
            UNION SELECT algorithm FROM fallback_keys WHERE user_id = $1 AND device_id = $2) AS algorithms)
        """);

    private static readonly Statement UpsertFallbackKey = Statement.Of($"""
        INSERT INTO fallback_keys (user_id, device_id, algorithm, key_id, json, used) SELECT $1, $2, $3, $4, $5, 0 WHERE {DeviceIsThere}
        ON CONFLICT (user_id, device_id, algorithm) DO UPDATE SET key_id = excluded.key_id, json = excluded.json,
            used = CASE WHEN fallback_keys.key_id = excluded.key_id AND fallback_keys.json = excluded.json THEN fallback_keys.used ELSE 0 END
        """);

    // Asked before the one-time keys are: it gives way to any that there is.
    private static readonly Statement UseFallbackKey = Statement.Of("""
        UPDATE fallback_keys SET used = 1 WHERE user_id = $1 AND device_id = $2 AND algorithm = $3
            AND NOT EXISTS (SELECT 1 FROM one_time_keys WHERE user_id = $1 AND device_id = $2 AND algorithm = $3)
        RETURNING key_id, json
        """);

    private static readonly Statement RememberOneTimeKey = Statement.Of("""
        INSERT INTO claimed_keys (user_id, device_id, algorithm, key_id, json, position)
        SELECT user_id, device_id, algorithm, key_id, json, $4 FROM one_time_keys
        WHERE user_id = $1 AND device_id = $2 AND algorithm = $3 ORDER BY position, seq LIMIT 1
        ON CONFLICT (user_id, device_id, algorithm, key_id) DO UPDATE SET json = excluded.json, position = excluded.position
        """);

    private static readonly Statement ForgetClaimed = Statement.Of("""
        DELETE FROM claimed_keys WHERE user_id = $1 AND device_id = $2 AND position <= (
            SELECT position FROM claimed_keys WHERE user_id = $1 AND device_id = $2 ORDER BY position DESC LIMIT 1 OFFSET $3)
        """);

    private static readonly Statement TakeOneTimeKey = Statement.Of("""
        DELETE FROM one_time_keys WHERE user_id = $1 AND device_id = $2 AND algorithm = $3 AND key_id = (
            SELECT key_id FROM one_time_keys WHERE user_id = $1 AND device_id = $2 AND algorithm = $3 ORDER BY position, seq LIMIT 1)
        RETURNING key_id, json
        """);

    private static readonly Statement DropSignaturesOnReplaced = Statement.Of("""
        DELETE FROM key_signatures WHERE target_user = $1
            AND target_key IN (SELECT public_key FROM cross_signing_keys WHERE user_id = $1 AND usage = $2 AND public_key <> $3)
        """);

    private static readonly Statement UpsertCrossSigningKey = Statement.Of("""
        INSERT INTO cross_signing_keys (user_id, usage, public_key, json) VALUES ($1, $2, $3, $4)
        ON CONFLICT (user_id, usage) DO UPDATE SET public_key = excluded.public_key, json = excluded.json
        """);

    private static readonly Statement DeleteSignaturesOnAll = Statement.Of("DELETE FROM key_signatures WHERE target_user = $1");
    private static readonly Statement DeleteAllCrossSigningKeys = Statement.Of("DELETE FROM cross_signing_keys WHERE user_id = $1");

    private static readonly Statement CrossSigningKeyStands = Statement.Of("""
        SELECT 1 WHERE CASE WHEN $3 IS NULL THEN NOT EXISTS (SELECT 1 FROM cross_signing_keys WHERE user_id = $1 AND usage = $2)
            ELSE EXISTS (SELECT 1 FROM cross_signing_keys WHERE user_id = $1 AND usage = $2 AND public_key = $3) END
        """);

    private static readonly Statement UpsertSignature = Statement.Of("""
        INSERT INTO key_signatures (target_user, target_key, signer, signer_key, signature) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (target_user, target_key, signer, signer_key) DO UPDATE SET signature = excluded.signature
        """);

    private static readonly Statement UpsertChange = Statement.Of("""
        INSERT INTO device_list_changes (user_id, only_for, position) VALUES ($1, $2, $3)
        ON CONFLICT (user_id, only_for) DO UPDATE SET position = excluded.position
        """);

    public static void Register(WriteHandlers handlers) => handlers
        .On<PutDeviceKeys>(static (op, writes) =>
        {
            writes.Run(DropSignaturesOnChanged, op, static (a, op) => a.Text(op.UserId).Text(op.DeviceId).Blob(op.Json));
            writes.Run(UpsertDeviceKeys, op, static (a, op) => a.Text(op.UserId).Text(op.DeviceId).Blob(op.Json));
        })
        .On<PutOneTimeKey>(static (op, writes) =>
        {
            writes.RunIf(InsertOneTimeKey, op, static (a, op) => a
                .Text(op.UserId).Text(op.DeviceId).Text(op.Algorithm).Text(op.KeyId).Blob(op.Json).Position().Sequence());
            writes.RunFor(
                IsNotNeeded,
                op,
                static (a, op) => a.Text(op.UserId).Text(op.DeviceId).Text(op.Algorithm).Text(op.KeyId).Blob(op.Json),
                static (_, _) => true);
        })
        .OnCondition<KeyAlgorithmsAtMost>(
            HasFewAlgorithms, static (a, op) => a.Text(op.UserId).Text(op.DeviceId).Int(op.Most), static (_, _) => true)
        .On<PutFallbackKey>(UpsertFallbackKey, static (a, op) => a
            .Text(op.UserId).Text(op.DeviceId).Text(op.Algorithm).Text(op.KeyId).Blob(op.Json))
        .On<ClaimKey>(static (op, writes) =>
        {
            writes.RunFor(UseFallbackKey, op, Owner, static (op, row) => Claimed(op, row, true));
            writes.Run(RememberOneTimeKey, op, static (a, op) => a.Text(op.UserId).Text(op.DeviceId).Text(op.Algorithm).Position());
            writes.RunFor(TakeOneTimeKey, op, Owner, static (op, row) => Claimed(op, row, false));
        })
        .On<ForgetClaimedKeys>(ForgetClaimed, static (a, op) => a.Text(op.UserId).Text(op.DeviceId).Int(op.Keep))
        .On<PutCrossSigningKey>(static (op, writes) =>
        {
            writes.Run(DropSignaturesOnReplaced, op, static (a, op) => a.Text(op.UserId).Int((int)op.Usage).Text(op.PublicKey));
            writes.Run(UpsertCrossSigningKey, op, static (a, op) => a
                .Text(op.UserId).Int((int)op.Usage).Text(op.PublicKey).Blob(op.Json));
        })
        .On<DeleteCrossSigningKeys>(static (op, writes) =>
        {
            writes.Run(DeleteSignaturesOnAll, op, static (a, op) => a.Text(op.UserId));
            writes.Run(DeleteAllCrossSigningKeys, op, static (a, op) => a.Text(op.UserId));
        })
        .OnCondition<CrossSigningKeyIs>(
            CrossSigningKeyStands,
            static (a, op) => a.Text(op.UserId).Int((int)op.Usage).TextOrNull(op.PublicKey),
            static (_, _) => true)
        .On<PutKeySignature>(UpsertSignature, static (a, op) => a
            .Text(op.TargetUser).Text(op.TargetKey).Text(op.Signer).Text(op.SignerKey).Text(op.Signature))
        .On<LogDeviceListChange>(UpsertChange, static (a, op) => a.Text(op.UserId).Text(op.OnlyFor ?? "").Position());

    private static void Owner(IArguments arguments, ClaimKey op) => arguments.Text(op.UserId).Text(op.DeviceId).Text(op.Algorithm);

    private static bool Claimed(ClaimKey op, IRow row, bool fallback)
    {
        op.KeyId = row.Text(0);
        op.Json = row.Blob(1);
        op.IsFallback = fallback;
        return true;
    }
}
