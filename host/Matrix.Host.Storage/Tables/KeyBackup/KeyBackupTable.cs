using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.KeyBackup;

internal sealed class KeyBackupTable(IReads reads) : IKeyBackupTable
{
    private static readonly Statement Version = Statement.Of("""
        SELECT v.version, v.algorithm, v.auth_data, v.etag,
               (SELECT COUNT(*) FROM backup_keys k WHERE k.user_id = v.user_id AND k.version = v.version)
        FROM backup_versions v
        WHERE v.user_id = $1 AND v.deleted = 0 AND ($2 IS NULL OR v.version = $2) ORDER BY v.version DESC LIMIT 1
        """);

    private static readonly Statement KeysOf = Statement.Of("""
        SELECT room_id, session_id, first_message_index, forwarded_count, is_verified, session_data FROM backup_keys
        WHERE user_id = $1 AND version = $2 AND ($3 IS NULL OR room_id = $3) AND ($4 IS NULL OR session_id = $4)
        ORDER BY room_id, session_id
        """);

    public ValueTask<BackupVersionRow?> FindVersionAsync(string userId, long? version, CancellationToken stop) => reads.FirstAsync(
        Version,
        (userId, version),
        static (a, q) => a.Text(q.userId).IntOrNull(q.version),
        static row => new BackupVersionRow(row.Int64(0), row.Text(1), row.Blob(2), row.Int64(3), row.Int64(4)),
        stop);

    public ValueTask<IReadOnlyList<BackupKeyRow>> KeysAsync(
        string userId, long version, string? roomId, string? sessionId, CancellationToken stop) => reads.ListAsync(
            KeysOf,
            (userId, version, roomId, sessionId),
            static (a, q) => a.Text(q.userId).Int(q.version).TextOrNull(q.roomId).TextOrNull(q.sessionId),
            static row => new BackupKeyRow(row.Text(0), row.Text(1), row.Int64(2), row.Int64(3), row.Bool(4), row.Blob(5)),
            stop);
}
