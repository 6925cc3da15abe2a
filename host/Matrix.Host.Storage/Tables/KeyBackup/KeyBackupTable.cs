using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.KeyBackup;

/// <summary>Backups of room keys. v1.19 client-server-api#server-side-key-backups</summary>
public sealed class KeyBackupTable(IReads reads)
{
    private static readonly Statement Version = Statement.Of("""
        SELECT v.version, v.algorithm, v.auth_data, v.etag, v.key_count FROM backup_versions v
        WHERE v.user_id = $1 AND v.deleted = 0 AND ($2 IS NULL OR v.version = $2) ORDER BY v.version DESC LIMIT 1
        """);

    private static readonly Statement KeysOf = Statement.Of("""
        SELECT room_id, session_id, first_message_index, forwarded_count, is_verified, session_data FROM backup_keys
        WHERE user_id = $1 AND version = $2 AND ($3 IS NULL OR room_id = $3) AND ($4 IS NULL OR session_id = $4)
            AND (room_id, session_id) > ($5, $6)
        ORDER BY room_id, session_id LIMIT $7
        """);

    /// <summary>
    /// A backup version that was not deleted, or null; null for <paramref name="version"/> means the latest.
    /// </summary>
    public ValueTask<BackupVersionRow?> FindVersionAsync(
        string userId, long? version, CancellationToken stop) => reads.FirstAsync(
        Version,
        (userId, version),
        static (a, q) => a.Text(q.userId).IntOrNull(q.version),
        static row => new BackupVersionRow(row.Int64(0), row.Text(1), row.Blob(2), row.Int64(3), row.Int64(4)),
        stop);

    /// <summary>
    /// Session keys of a version, by room and session: of all, of one room, or one session's. A page begins after a key
    /// of the one before; the first, after one with an empty room and session.
    /// </summary>
    public ValueTask<IReadOnlyList<BackupKeyRow>> KeysAsync(
        string userId,
        long version,
        string? roomId,
        string? sessionId,
        (string RoomId, string SessionId) after,
        int limit,
        CancellationToken stop) => reads.ListAsync(
            KeysOf,
            (userId, version, roomId, sessionId, after, limit),
            static (a, q) => a.Text(q.userId).Int(q.version).TextOrNull(q.roomId).TextOrNull(q.sessionId)
                .Text(q.after.RoomId).Text(q.after.SessionId).Int(q.limit),
            static row =>
                new BackupKeyRow(row.Text(0), row.Text(1), row.Int64(2), row.Int64(3), row.Bool(4), row.Blob(5)),
            stop);
}

/// <summary>
/// How changes of backups are stored. A version's etag is the position of the last change of its keys.
/// </summary>
internal static class KeyBackupHandlers
{
    private static readonly Statement InsertVersion = Statement.Of("""
        INSERT INTO backup_versions (user_id, version, algorithm, auth_data, etag, deleted)
        VALUES ($1, (SELECT COALESCE(MAX(version), 0) + 1 FROM backup_versions WHERE user_id = $1), $2, $3, $4, 0)
        RETURNING version
        """);

    private static readonly Statement ImportVersion = Statement.Of("""
        INSERT INTO backup_versions (user_id, version, algorithm, auth_data, etag, deleted)
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (user_id, version) DO NOTHING
        """);

    private static readonly Statement UpdateVersion = Statement.Of("""
        UPDATE backup_versions SET auth_data = $4 WHERE user_id = $1 AND version = $2 AND algorithm = $3 AND deleted = 0
        """);

    private static readonly Statement Existed = Statement.Of("""
        SELECT 1 FROM backup_versions WHERE user_id = $1 AND version >= $2 AND $2 > 0 LIMIT 1
        """);

    private static readonly Statement DeleteVersion = Statement.Of("""
        UPDATE backup_versions SET deleted = 1, key_count = 0, key_bytes = 0, auth_data = $3
        WHERE user_id = $1 AND version = $2
        """);

    // The latest keeps its number from being used again.
    private static readonly Statement DropDeleted = Statement.Of("""
        DELETE FROM backup_versions WHERE user_id = $1 AND deleted = 1
            AND version < (SELECT MAX(version) FROM backup_versions WHERE user_id = $1)
        """);

    private static readonly Statement VersionFits = Statement.Of("""
        SELECT 1 WHERE (SELECT COUNT(*) FROM backup_versions WHERE user_id = $1 AND deleted = 0) < $2
        """);

    private static readonly Statement KeysFit = Statement.Of($"""
        SELECT 1 FROM (
            SELECT COALESCE(SUM(key_count), 0) + $2 AS key_count, COALESCE(SUM(key_bytes), 0) + $3 AS key_bytes
            FROM backup_versions WHERE user_id = $1) held
        WHERE key_count <= $4 AND key_bytes + key_count * {BackupKeysFit.Overhead} <= $5
        """);

    private static readonly Statement CountDeletion = Statement.Of("""
        UPDATE backup_versions SET
            key_count = key_count - (SELECT COUNT(*) FROM backup_keys k
                WHERE k.user_id = $1 AND k.version = $2 AND ($3 IS NULL OR k.room_id = $3)
                    AND ($4 IS NULL OR k.session_id = $4)),
            key_bytes = key_bytes - (SELECT COALESCE(SUM(length(k.session_data)), 0) FROM backup_keys k
                WHERE k.user_id = $1 AND k.version = $2 AND ($3 IS NULL OR k.room_id = $3)
                    AND ($4 IS NULL OR k.session_id = $4))
        WHERE user_id = $1 AND version = $2
        """);

    private static readonly Statement DeleteKeys = Statement.Of("""
        DELETE FROM backup_keys WHERE user_id = $1 AND version = $2 AND ($3 IS NULL OR room_id = $3) AND ($4 IS NULL
            OR session_id = $4)
        """);

    private static readonly Statement DeleteAllKeys = Statement.Of("DELETE FROM backup_keys WHERE user_id = $1");
    private static readonly Statement DeleteAllVersions = Statement.Of(
        "DELETE FROM backup_versions WHERE user_id = $1");

    private static readonly Statement PutKey = Statement.Of("""
        INSERT INTO backup_keys (user_id, version, room_id, session_id, first_message_index, forwarded_count,
            is_verified, session_data, position)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9
        WHERE $2 = (SELECT MAX(version) FROM backup_versions WHERE user_id = $1 AND deleted = 0)
        ON CONFLICT (user_id, version, room_id, session_id) DO UPDATE
        SET first_message_index = excluded.first_message_index, forwarded_count = excluded.forwarded_count,
            is_verified = excluded.is_verified, session_data = excluded.session_data, position = excluded.position,
            replaced = length(backup_keys.session_data)
        WHERE excluded.is_verified > backup_keys.is_verified
           OR (excluded.is_verified = backup_keys.is_verified
               AND (excluded.first_message_index < backup_keys.first_message_index
                    OR (excluded.first_message_index = backup_keys.first_message_index
                        AND excluded.forwarded_count < backup_keys.forwarded_count)))
        """);

    private static readonly Statement TouchIfPut = Statement.Of("""
        UPDATE backup_versions SET etag = $5,
            key_count = key_count + (SELECT CASE WHEN k.replaced IS NULL THEN 1 ELSE 0 END FROM backup_keys k
                WHERE k.user_id = $1 AND k.version = $2 AND k.room_id = $3 AND k.session_id = $4),
            key_bytes = key_bytes + (SELECT length(k.session_data) - COALESCE(k.replaced, 0) FROM backup_keys k
                WHERE k.user_id = $1 AND k.version = $2 AND k.room_id = $3 AND k.session_id = $4)
        WHERE user_id = $1 AND version = $2
            AND EXISTS (SELECT 1 FROM backup_keys k
                        WHERE k.user_id = $1 AND k.version = $2 AND k.room_id = $3 AND k.session_id = $4
                            AND k.position = $5)
        """);

    private static readonly Statement Touch = Statement.Of(
        "UPDATE backup_versions SET etag = $3 WHERE user_id = $1 AND version = $2");

    private static readonly Statement Latest = Statement.Of("""
        SELECT MAX(version) FROM backup_versions WHERE user_id = $1 AND deleted = 0
        """);

    private static readonly Statement ReadVersion = Statement.Of("""
        SELECT v.etag, v.key_count FROM backup_versions v WHERE v.user_id = $1 AND v.version = $2 AND v.deleted = 0
        """);

    internal static void Register(WriteHandlers handlers) => handlers
        .OnCondition<BackupVersionCreated>(
            InsertVersion,
            static (a, op) => a.Text(op.UserId).Text(op.Algorithm).Blob(op.AuthData).Position(),
            static (op, row) =>
            {
                op.Version = row.Int64(0);
                return true;
            })
        .On<BackupVersionImported>(static (op, writes) =>
        {
            writes.Run(ImportVersion, op, static (a, op) => a
                .Text(op.UserId).Int(op.Row.Version).Text(op.Row.Algorithm)
                .Blob(op.IsDeleted ? ReadOnlyMemory<byte>.Empty : op.Row.AuthData).Int(op.Row.Etag)
                .Bool(op.IsDeleted));
            writes.Run(DropDeleted, op, static (a, op) => a.Text(op.UserId));
        })
        .OnCondition<BackupVersionUpdated>(UpdateVersion, static (a, op) => a
            .Text(op.UserId).Int(op.Version).Text(op.Algorithm).Blob(op.AuthData))
        .On<BackupVersionDeleted>(static (op, writes) =>
        {
            writes.RunFor(
                Existed, op, static (a, op) => a.Text(op.UserId).Int(op.Version), static (_, _) => true);
            writes.Run(DeleteVersion, op, static (a, op) => a
                .Text(op.UserId).Int(op.Version).Blob(ReadOnlyMemory<byte>.Empty));
            writes.Run(
                DeleteKeys, op, static (a, op) => a.Text(op.UserId).Int(op.Version).TextOrNull(null).TextOrNull(null));
            writes.Run(DropDeleted, op, static (a, op) => a.Text(op.UserId));
        })
        .On<BackupsDeleted>(static (op, writes) =>
        {
            writes.Run(DeleteAllKeys, op, static (a, op) => a.Text(op.UserId));
            writes.Run(DeleteAllVersions, op, static (a, op) => a.Text(op.UserId));
        })
        .On<BackupKeyPut>(static (op, writes) =>
        {
            writes.RunIf(PutKey, op, static (a, op) => a
                .Text(op.UserId).Int(op.Version).Text(op.Key.RoomId).Text(op.Key.SessionId)
                .Int(op.Key.FirstMessageIndex)
                .Int(op.Key.ForwardedCount).Bool(op.Key.IsVerified).Blob(op.Key.SessionData).Position());
            writes.Run(TouchIfPut, op, static (a, op) => a
                .Text(op.UserId).Int(op.Version).Text(op.Key.RoomId).Text(op.Key.SessionId).Position());
        })
        .OnCondition<BackupVersionFits>(
            VersionFits, static (a, op) => a.Text(op.UserId).Int(op.Most), static (_, _) => true)
        .OnCondition<BackupKeysFit>(
            KeysFit,
            static (a, op) => a
                .Text(op.UserId).Int(op.Keys).Int(op.Bytes).Int(op.MostKeys).Int(op.MostBytes),
            static (_, _) => true)
        .On<BackupKeysDeleted>(static (op, writes) =>
        {
            writes.Run(CountDeletion, op, static (a, op) => a
                .Text(op.UserId).Int(op.Version).TextOrNull(op.RoomId).TextOrNull(op.SessionId));
            writes.RunIf(DeleteKeys, op, static (a, op) => a
                .Text(op.UserId).Int(op.Version).TextOrNull(op.RoomId).TextOrNull(op.SessionId));
            writes.Run(Touch, op, static (a, op) => a.Text(op.UserId).Int(op.Version).Position());
        })
        .OnCondition<BackupVersionIsLatest>(
            Latest,
            static (a, op) => a.Text(op.UserId),
            static (op, row) => (op.Latest = row.Int64OrNull(0)) == op.Version)
        .OnCondition<BackupVersionRead>(
            ReadVersion,
            static (a, op) => a.Text(op.UserId).Int(op.Version),
            static (op, row) =>
            {
                op.Etag = row.Int64(0);
                op.Count = row.Int64(1);
                return true;
            });
}
