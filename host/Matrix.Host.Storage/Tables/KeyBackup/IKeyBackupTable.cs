using Matrix.Host.Storage.Commits;

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

/// <summary>A new backup version.</summary>
public sealed record BackupVersionCreated(string UserId, string Algorithm, ReadOnlyMemory<byte> AuthData) : ConditionalChange
{
    /// <summary>Its number; always applied.</summary>
    public long Version { get; internal set; }
}

/// <summary>A version's data changes. Not applied if there is no such version with that algorithm.</summary>
public sealed record BackupVersionUpdated(string UserId, long Version, string Algorithm, ReadOnlyMemory<byte> AuthData)
    : ConditionalChange;

/// <summary>A version and its keys go; its number is not used again. Not applied if there never was one; one that is gone already is applied.</summary>
public sealed record BackupVersionDeleted(string UserId, long Version) : ConditionalChange;

/// <summary>
/// A session key is put, if it is better than the one there is: verified before unverified, then the lower first index, then the lower forwarded
/// count. Not applied if it is no better, or if the version is not the user's latest.
/// </summary>
public sealed record BackupKeyPut(string UserId, long Version, BackupKeyRow Key) : ConditionalChange
{
    internal override int Weight => 300 + Key.SessionData.Length;
}

/// <summary>Session keys go: of the whole version, of a room, or one. Not applied if there were none.</summary>
public sealed record BackupKeysDeleted(string UserId, long Version, string? RoomId, string? SessionId) : ConditionalChange;

/// <summary>Nothing is written: applied if the version is the user's latest. As a precondition it keeps keys out of older backups.</summary>
public sealed record BackupVersionIsLatest(string UserId, long Version) : ConditionalChange
{
    /// <summary>The latest version; null if the user has no backup.</summary>
    public long? Latest { get; internal set; }
}

/// <summary>Nothing is written: how the version stands after the changes before this one. Not applied if there is none.</summary>
public sealed record BackupVersionRead(string UserId, long Version) : ConditionalChange
{
    /// <summary>Its etag.</summary>
    public long Etag { get; internal set; }

    /// <summary>How many session keys it has.</summary>
    public long Count { get; internal set; }
}

/// <summary>All backups of a user go, with their keys: the account is erased.</summary>
public sealed record BackupsDeleted(string UserId) : Change;
