using System.Globalization;
using System.Runtime.CompilerServices;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.KeyBackup;
using Matrix.Host.Users.Keys;

namespace Matrix.Host.Users.KeyBackup;

/// <summary>A backup version as a client describes it. Only clients interpret the algorithm and its data.</summary>
/// <param name="Algorithm">The algorithm.</param>
/// <param name="AuthData">The algorithm's data, as JSON.</param>
/// <param name="Version">The version that the request body names; null if it names none.</param>
public sealed record BackupVersionInfo(string Algorithm, ReadOnlyMemory<byte> AuthData, string? Version);

/// <summary>The state of a backup after a change of its keys.</summary>
/// <param name="Count">The number of its keys.</param>
/// <param name="Etag">Its etag.</param>
public readonly record struct BackupState(long Count, long Etag);

/// <summary>The failure of a change to a backup that is not the latest.</summary>
/// <param name="Current">The latest version.</param>
public sealed record WrongBackupVersion(long Current)
    : UserFailure(UserFailureKind.WrongBackupVersion, "This is not the current backup.");

/// <summary>Backups of room keys. v1.19 client-server-api#server-side-key-backups</summary>
public sealed class KeyBackups(KeyBackupTable keyBackupTable, IStorageWriter writer, KeyOptions options)
{
    /// <summary>The keys that are read at once.</summary>
    private const int KeysAtOnce = 128;

    /// <summary>The failure for a version that the user does not have.</summary>
    public static UserFailure Unknown { get; } = new(UserFailureKind.NotFound, "There is no such backup.");

    /// <summary>A backup version; the latest for null. Null if the user has no such version.</summary>
    public async ValueTask<BackupVersionRow?> FindAsync(string userId, string? version, CancellationToken stop)
    {
        var number = version is null ? null : NumberOf(version);
        if (version is not null && number is null) return null;
        return await keyBackupTable.FindVersionAsync(userId, number, stop);
    }

    /// <summary>Creates a version.</summary>
    /// <returns>Its number.</returns>
    public async ValueTask<UserResult<long>> CreateAsync(string userId, BackupVersionInfo info, CancellationToken stop)
    {
        if (TooLarge(info) is { } tooLarge) return tooLarge;
        var made = new BackupVersionCreated(userId, info.Algorithm, info.AuthData);
        var batch = new WriteBatch(Authority.Nobody, 1)
            .Require(new BackupVersionFits(userId, options.MaxBackups))
            .Add(made);
        return (await writer.WriteAsync(batch, stop)).Refused
            ? new UserFailure(
                UserFailureKind.TooLarge, $"An account has at most {options.MaxBackups} backups. Delete old ones.")
            : made.Version;
    }

    /// <summary>Replaces the data of a version; its algorithm stays the same. Null if it was replaced.</summary>
    public async ValueTask<UserFailure?> UpdateAsync(
        string userId, string version, BackupVersionInfo info, CancellationToken stop)
    {
        if (NumberOf(version) is not { } number) return Unknown;
        if (info.Version is { } other && other != version)
        {
            return Invalid("`version` differs from the version in the path.");
        }

        if (TooLarge(info) is { } tooLarge) return tooLarge;

        var update = new BackupVersionUpdated(userId, number, info.Algorithm, info.AuthData);
        await writer.WriteAsync(new WriteBatch(Authority.Nobody, 1).Add(update), stop);
        if (update.Applied) return null;

        var found = await keyBackupTable.FindVersionAsync(userId, number, stop);
        return found is null ? Unknown : Invalid("`algorithm` differs from the algorithm of the backup.");
    }

    /// <summary>Deletes a version with its keys. False if the user never had such a version.</summary>
    public async ValueTask<bool> DeleteAsync(string userId, string version, CancellationToken stop)
    {
        if (NumberOf(version) is not { } number) return false;
        var delete = new BackupVersionDeleted(userId, number);
        await writer.WriteAsync(new WriteBatch(Authority.Nobody, 1).Add(delete), stop);
        return delete.Applied;
    }

    /// <summary>
    /// The keys of a version: all, those of one room, or one session's, in pages that are read one after the other.
    /// Null if there is no such version.
    /// </summary>
    public async ValueTask<IAsyncEnumerable<BackupKeyRow>?> KeysAsync(
        string userId, string version, string? roomId, string? sessionId, CancellationToken stop) =>
        NumberOf(version) is not { } number
            || await keyBackupTable.FindVersionAsync(userId, number, stop) is null
            ? null
            : PagesAsync(userId, number, roomId, sessionId, stop);

    private async IAsyncEnumerable<BackupKeyRow> PagesAsync(
        string userId,
        long version,
        string? roomId,
        string? sessionId,
        [EnumeratorCancellation] CancellationToken stop)
    {
        var after = ("", "");
        IReadOnlyList<BackupKeyRow> page;
        do
        {
            page = await keyBackupTable.KeysAsync(userId, version, roomId, sessionId, after, KeysAtOnce, stop);
            foreach (var key in page) yield return key;
            if (page.Count > 0) after = (page[^1].RoomId, page[^1].SessionId);
        }
        while (page.Count == KeysAtOnce);
    }

    /// <summary>Puts keys into the latest version; keys that it has already stay if they are better.</summary>
    public async ValueTask<UserResult<BackupState>> PutKeysAsync(
        string userId, string version, IReadOnlyCollection<BackupKeyRow> keys, CancellationToken stop)
    {
        if (NumberOf(version) is not { } number) return Unknown;
        if (keys.Count > options.MaxBackupKeys)
        {
            return new UserFailure(UserFailureKind.TooLarge, $"Send at most {options.MaxBackupKeys} keys at once.");
        }

        var latest = new BackupVersionIsLatest(userId, number);
        var after = new BackupVersionRead(userId, number);
        var bytes = keys.Sum(static key => (long)key.SessionData.Length);
        var fits = new BackupKeysFit(
            userId, keys.Count, bytes, options.MaxBackupKeysOfUser, options.MaxBackupBytesOfUser);
        var batch = new WriteBatch(Authority.Nobody, keys.Count + 2).Require(latest).Require(fits);
        foreach (var key in keys)
        {
            if (key.SessionData.Length > options.MaxKeyBytes)
            {
                return new UserFailure(UserFailureKind.TooLarge, $"A key exceeds {options.MaxKeyBytes} bytes.");
            }

            if (key.SessionId.Length > KeyOptions.LongestKeyName)
            {
                return Invalid($"The id of a session exceeds {KeyOptions.LongestKeyName} characters.");
            }

            batch.Add(new BackupKeyPut(userId, number, key));
        }

        await writer.WriteAsync(batch.Add(after), stop);
        if (latest.Applied && !fits.Applied)
        {
            return new UserFailure(
                UserFailureKind.TooLarge,
                $"The backups of an account have at most {options.MaxBackupKeysOfUser} keys and "
                    + $"{options.MaxBackupBytesOfUser} bytes.");
        }

        return latest.Applied
            ? new BackupState(after.Count, after.Etag)
            : await NotLatestAsync(userId, number, latest.Latest, stop);
    }

    /// <summary>
    /// Deletes the keys of a version: all, those of a room, or one session's. Null if the user has no such version.
    /// </summary>
    public async ValueTask<BackupState?> DeleteKeysAsync(
        string userId, string version, string? roomId, string? sessionId, CancellationToken stop)
    {
        if (NumberOf(version) is not { } number) return null;
        var after = new BackupVersionRead(userId, number);
        var batch = new WriteBatch(Authority.Nobody, 2)
            .Add(new BackupKeysDeleted(userId, number, roomId, sessionId))
            .Add(after);
        await writer.WriteAsync(batch, stop);
        return after.Applied ? new BackupState(after.Count, after.Etag) : null;
    }

    private async ValueTask<UserFailure> NotLatestAsync(
        string userId, long version, long? latest, CancellationToken stop) =>
        latest is { } current
            && await keyBackupTable.FindVersionAsync(userId, version, stop) is not null
            ? new WrongBackupVersion(current)
            : Unknown;

    private UserFailure? TooLarge(BackupVersionInfo info) => info.AuthData.Length > options.MaxKeyBytes
        ? new UserFailure(UserFailureKind.TooLarge, $"`auth_data` exceeds {options.MaxKeyBytes} bytes.")
        : null;

    private static UserFailure Invalid(string message) => new(UserFailureKind.InvalidParam, message);

    /// <summary>The number of a version; null for text that is no number.</summary>
    private static long? NumberOf(string version) =>
        long.TryParse(version, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
