using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Storage.Tables.KeyBackup;

/// <summary>A new backup version.</summary>
public sealed record CreateBackupVersion(string UserId, string Algorithm, ReadOnlyMemory<byte> AuthData) : ConditionalOperation
{
    /// <summary>Its number; always applied.</summary>
    public long Version { get; internal set; }
}

/// <summary>A version's data changes. Not applied if there is no such version with that algorithm.</summary>
public sealed record UpdateBackupVersion(string UserId, long Version, string Algorithm, ReadOnlyMemory<byte> AuthData)
    : ConditionalOperation;

/// <summary>A version and its keys go; its number is not used again. Not applied if there never was one; one that is gone already is applied.</summary>
public sealed record DeleteBackupVersion(string UserId, long Version) : ConditionalOperation;

/// <summary>
/// A session key is put, if it is better than the one there is: verified before unverified, then the lower first index, then the lower forwarded
/// count. Not applied if it is no better, or if the version is not the user's latest.
/// </summary>
public sealed record PutBackupKey(string UserId, long Version, BackupKeyRow Key) : ConditionalOperation
{
    internal override int Weight => 300 + Key.SessionData.Length;
}

/// <summary>Session keys go: of the whole version, of a room, or one. Not applied if there were none.</summary>
public sealed record DeleteBackupKeys(string UserId, long Version, string? RoomId, string? SessionId) : ConditionalOperation;

/// <summary>Nothing is written: applied if the version is the user's latest. As a precondition it keeps keys out of older backups.</summary>
public sealed record BackupVersionIsLatest(string UserId, long Version) : ConditionalOperation
{
    /// <summary>The latest version; null if the user has no backup.</summary>
    public long? Latest { get; internal set; }
}

/// <summary>Nothing is written: how the version stands after the operations before this one. Not applied if there is none.</summary>
public sealed record ReadBackupVersion(string UserId, long Version) : ConditionalOperation
{
    /// <summary>Its etag.</summary>
    public long Etag { get; internal set; }

    /// <summary>How many session keys it has.</summary>
    public long Count { get; internal set; }
}

/// <summary>All backups of a user go, with their keys: the account is erased.</summary>
public sealed record DeleteBackups(string UserId) : WriteOperation;
