namespace Matrix.Host.Storage.Tables.KeyBackup;

/// <summary>Backups of room keys. Client-Server API, "Server-side key backups".</summary>
public interface IKeyBackupTable
{
    /// <summary>A backup version, deleted ones left out; null for <paramref name="version"/> means the latest. Null if there is none.</summary>
    ValueTask<BackupVersionRow?> FindVersionAsync(string userId, long? version, CancellationToken stop);

    /// <summary>Session keys of a version: all, of one room, or of one session.</summary>
    ValueTask<IReadOnlyList<BackupKeyRow>> KeysAsync(
        string userId, long version, string? roomId, string? sessionId, CancellationToken stop);
}

/// <summary>A backup version.</summary>
/// <param name="Version">Its number, from 1 for each user.</param>
/// <param name="Algorithm">Its algorithm.</param>
/// <param name="AuthData">The algorithm's data, as JSON.</param>
/// <param name="Etag">Changes with every change of its keys.</param>
/// <param name="Count">How many session keys it has.</param>
public sealed record BackupVersionRow(long Version, string Algorithm, ReadOnlyMemory<byte> AuthData, long Etag, long Count);

/// <summary>A session key in a backup.</summary>
/// <param name="RoomId">The room.</param>
/// <param name="SessionId">The session.</param>
/// <param name="FirstMessageIndex">From which message on it decrypts.</param>
/// <param name="ForwardedCount">How often it was forwarded.</param>
/// <param name="IsVerified">Whether the device that backed it up had verified where it came from.</param>
/// <param name="SessionData">The encrypted key, as JSON.</param>
public sealed record BackupKeyRow(
    string RoomId, string SessionId, long FirstMessageIndex, long ForwardedCount, bool IsVerified, ReadOnlyMemory<byte> SessionData);
