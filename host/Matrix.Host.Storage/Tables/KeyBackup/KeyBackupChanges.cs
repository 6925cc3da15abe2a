using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.KeyBackup;

/// <summary>A backup version.</summary>
/// <param name="Version">Its number, from 1 for each user.</param>
/// <param name="AuthData">The algorithm's `auth_data`, as JSON.</param>
/// <param name="Etag">Changes with every change of the version's keys.</param>
public sealed record BackupVersionRow(
    long Version, string Algorithm, ReadOnlyMemory<byte> AuthData, long Etag, long Count);

/// <summary>A session key in a backup.</summary>
/// <param name="FirstMessageIndex">The first message that the key decrypts.</param>
/// <param name="IsVerified">Whether the device that backed the key up had verified its source.</param>
/// <param name="SessionData">The encrypted key, as JSON.</param>
public sealed record BackupKeyRow(
    string RoomId, string SessionId, long FirstMessageIndex, long ForwardedCount, bool IsVerified,
    ReadOnlyMemory<byte> SessionData);

/// <summary>Creates a backup version.</summary>
public sealed record BackupVersionCreated(string UserId, string Algorithm, ReadOnlyMemory<byte> AuthData)
    : ConditionalChange
{
    /// <summary>Its number; always applied.</summary>
    public long Version { get; internal set; }
}

/// <summary>
/// A version of a backup that another software had, with its number and etag, before its keys. Later versions of the
/// user are imported after it.
/// </summary>
/// <param name="UserId">The user.</param>
/// <param name="Row">The version; its count is that of the keys that are put afterwards.</param>
/// <param name="IsDeleted">Whether it was deleted: then only the latest leaves a row.</param>
public sealed record BackupVersionImported(string UserId, BackupVersionRow Row, bool IsDeleted) : Change
{
    internal override int Weight => 200 + Row.AuthData.Length;
}

/// <summary>Changes a version's data. Not applied if there is no such version with this algorithm.</summary>
public sealed record BackupVersionUpdated(string UserId, long Version, string Algorithm, ReadOnlyMemory<byte> AuthData)
    : ConditionalChange;

/// <summary>
/// Deletes a version and its keys; its number is not reused. Not applied if it never existed, and applied if it is
/// deleted already. Of deleted versions only the latest leaves a row.
/// </summary>
public sealed record BackupVersionDeleted(string UserId, long Version) : ConditionalChange;

/// <summary>
/// Puts a session key if it is better than the stored one: verified before unverified, then the lower first index, then
/// the lower forwarded count. Not applied if it is no better, or if the version is not the user's latest.
/// </summary>
public sealed record BackupKeyPut(string UserId, long Version, BackupKeyRow Key) : ConditionalChange
{
    internal override int Weight => 300 + Key.SessionData.Length;
}

/// <summary>
/// Deletes session keys: all of the version, those of a room, or one. Not applied if there were none.
/// </summary>
public sealed record BackupKeysDeleted(string UserId, long Version, string? RoomId, string? SessionId)
    : ConditionalChange;

/// <summary>
/// Applies if the version is the user's latest; changes nothing. As a precondition it keeps keys out of older backups.
/// </summary>
public sealed record BackupVersionIsLatest(string UserId, long Version) : ConditionalChange
{
    /// <summary>The latest version; null if the user has no backup.</summary>
    public long? Latest { get; internal set; }
}

/// <summary>Applies if the user has fewer backups than the bound; changes nothing.</summary>
/// <param name="Most">The most backups.</param>
public sealed record BackupVersionFits(string UserId, int Most) : ConditionalChange;

/// <summary>
/// Applies if all backups of the user have room for further session keys; changes nothing. Each key counts <see
/// cref="Overhead"/> bytes more than it has.
/// </summary>
/// <param name="Keys">The keys that come, as if the user had none of them.</param>
/// <param name="Bytes">Their bytes, without the overhead.</param>
/// <param name="MostKeys">The most keys.</param>
/// <param name="MostBytes">The most bytes.</param>
public sealed record BackupKeysFit(string UserId, int Keys, long Bytes, long MostKeys, long MostBytes)
    : ConditionalChange
{
    /// <summary>The bytes that a key counts besides its own.</summary>
    public const int Overhead = 300;
}

/// <summary>Reads a version after the changes before this one; changes nothing. Not applied if there is none.</summary>
public sealed record BackupVersionRead(string UserId, long Version) : ConditionalChange
{
    /// <summary>Its etag.</summary>
    public long Etag { get; internal set; }

    /// <summary>How many session keys it has.</summary>
    public long Count { get; internal set; }
}

/// <summary>Deletes all backups of a user whose account ends, with their keys.</summary>
public sealed record BackupsDeleted(string UserId) : Change;
