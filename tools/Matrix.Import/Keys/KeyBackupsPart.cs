using Matrix.Host.Storage.Tables.KeyBackup;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.Keys;

/// <summary>
/// Backups of room keys: all versions with their numbers and etags, each followed by its keys. A key goes into the
/// latest version that is written, so versions come in order.
/// </summary>
internal sealed class KeyBackupsPart : IImportPart
{
    private const string Versions = "backups";
    private const string Keys = "keys in backups";

    private static readonly object[] _begin = ["", 0L, "", ""];

    /// <inheritdoc/>
    public string Name => "key-backups";

    /// <inheritdoc/>
    public string Title => "backups of room keys";

    /// <inheritdoc/>
    public IReadOnlyList<string> Tables => ["e2e_room_keys", "e2e_room_keys_versions"];

    /// <inheritdoc/>
    public Task<long> EstimateAsync(ImportContext context, CancellationToken stop) =>
        context.Source.NumberAsync("SELECT COUNT(*) FROM e2e_room_keys", stop);

    /// <inheritdoc/>
    public async Task RunAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        // A version that was begun is resumed at its next key.
        var at = ResumeKey.Read(progress.Reached, _begin);
        var (user, number, room, session) = ((string)at[0], (long)at[1], (string)at[2], (string)at[3]);
        await foreach (var row in context.Source.RowsAsync(
            """
            SELECT user_id, version, algorithm, auth_data, deleted, etag FROM e2e_room_keys_versions
            WHERE (user_id, version) >= ($1, $2) ORDER BY user_id, version
            """,
            stop,
            user,
            number))
        {
            var version = Version.Of(row);
            var isBegun = progress.Reached is not null && version.UserId == user && version.Number == number;
            if (!isBegun) progress.Read(Versions);
            if (version.Fault is { } fault)
            {
                if (!isBegun) progress.LeaveOut(Versions, $"{version.UserId} {version.Number}", fault);
            }
            else
            {
                if (!isBegun) Put(version, progress);
                await PutKeysAsync(context, version, isBegun ? (room, session) : ("", ""), progress, stop);
            }

            await progress.SaveAsync(ResumeKey.Of(version.UserId, version.Number, "\uffff", ""), stop);
        }

        await CountDanglingAsync(context, progress, stop);
    }

    private static void Put(Version version, PartProgress progress)
    {
        var backup = new BackupVersionRow(
            version.Number, version.Algorithm, version.AuthData, version.Etag, Count: 0);
        progress.Add(new BackupVersionImported(version.UserId, backup, version.IsDeleted));
        progress.Written(Versions);
    }

    private static async Task PutKeysAsync(
        ImportContext context,
        Version version,
        (string Room, string Session) after,
        PartProgress progress,
        CancellationToken stop)
    {
        await foreach (var row in context.Source.RowsAsync(
            """
            SELECT room_id, session_id, first_message_index, forwarded_count, is_verified, session_data
            FROM e2e_room_keys WHERE user_id = $1 AND version = $2 AND (room_id, session_id) > ($3, $4)
            ORDER BY room_id, session_id
            """,
            stop,
            version.UserId,
            version.Number,
            after.Room,
            after.Session))
        {
            progress.Read(Keys);
            var key = new BackupKeyRow(
                row.Text(0), row.Text(1), row.Int64(2), row.Int64(3), row.Bool(4), row.Bytes(5));
            var subject = $"{version.UserId} {version.Number} {key.RoomId} {key.SessionId}";
            if (version.IsDeleted)
            {
                progress.LeaveOut(Keys, subject, "Its backup was deleted.");
            }
            else if (!StoredJson.IsObject(row.Bytes(5)))
            {
                progress.LeaveOut(Keys, subject, "It is no JSON object.");
            }
            else
            {
                // The position of the last key is the version's etag.
                progress.Add(new BackupKeyPut(version.UserId, version.Number, key), version.Etag);
                progress.Written(Keys);
            }

            await progress.SaveAsync(
                ResumeKey.Of(version.UserId, version.Number, key.RoomId, key.SessionId), stop);
        }
    }

    /// <summary>Names the users with keys of a version that there is not.</summary>
    private static async Task CountDanglingAsync(
        ImportContext context, PartProgress progress, CancellationToken stop)
    {
        await foreach (var row in context.Source.RowsAsync(
            """
            SELECT k.user_id, k.version, COUNT(*) FROM e2e_room_keys k
            LEFT JOIN e2e_room_keys_versions v ON v.user_id = k.user_id AND v.version = k.version
            WHERE v.version IS NULL GROUP BY k.user_id, k.version ORDER BY k.user_id, k.version
            """,
            stop))
        {
            progress.Read(Keys, row.Int64(2));
            progress.LeaveOut(
                Keys, $"{row.Text(0)} {row.Int64(1)}", $"{row.Int64(2)} keys are of a backup that there is not.");
        }
    }

    /// <summary>A version of Synapse's.</summary>
    private sealed record Version(
        string UserId, long Number, string Algorithm, byte[] AuthData, bool IsDeleted, long Etag)
    {
        /// <summary>Why it cannot be carried; null if it can.</summary>
        public string? Fault =>
            Number <= 0 ? "Its number is not positive."
            : !IsDeleted && !StoredJson.IsObject(AuthData) ? "Its auth_data is no JSON object."
            : null;

        public static Version Of(ISourceRow row) => new(
            row.Text(0), row.Int64(1), row.Text(2), row.Bytes(3), row.Bool(4), row.Int64(5));
    }
}
