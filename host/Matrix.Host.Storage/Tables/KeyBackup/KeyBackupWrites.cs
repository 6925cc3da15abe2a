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

/// <summary>A version and its keys go; its number is not used again. Not applied if there is none.</summary>
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
