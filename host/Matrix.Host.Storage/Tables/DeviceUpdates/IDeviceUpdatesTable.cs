using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.DeviceUpdates;

/// <summary>
/// The latest changes of local users' devices, and the servers that have not got them. A change takes about 120 bytes;
/// <see cref="DeviceUpdatesTrimmed"/> bounds their number for each user. A server that has got everything has no row,
/// but for one of about 100 bytes from an import, which goes with the first change that the server gets.
/// v1.19 server-server-api#device-management
/// </summary>
public interface IDeviceUpdatesTable
{
    /// <summary>
    /// The id of the latest change of a user's devices; 0 if none is recorded. It rises with each change.
    /// </summary>
    ValueTask<long> LatestIdAsync(string userId, CancellationToken stop);

    /// <summary>A user's changes after an id, in order.</summary>
    ValueTask<IReadOnlyList<DeviceUpdateRow>> AfterAsync(
        string userId, long afterId, int limit, CancellationToken stop);

    /// <summary>The users with changes after one position and up to another, by the position of the first.</summary>
    ValueTask<IReadOnlyList<ChangedUserRow>> ChangedAsync(long after, long through, int limit, CancellationToken stop);

    /// <summary>The servers that have not got all changes, by name, a page at a time: those after this name.</summary>
    ValueTask<IReadOnlyList<string>> PendingServersAsync(string afterServer, int limit, CancellationToken stop);

    /// <summary>What a server has not got, by user, a page at a time: the users after this one.</summary>
    ValueTask<IReadOnlyList<PendingUpdatesRow>> PendingAsync(
        string serverName, string afterUser, int limit, CancellationToken stop);
}

/// <summary>A change of a device.</summary>
/// <param name="StreamId">Its id; those of a user rise.</param>
/// <param name="PreviousId">The id of the user's latest earlier change of a device; 0 for none.</param>
/// <param name="DeviceId">The device; empty for the cross-signing keys.</param>
public sealed record DeviceUpdateRow(long StreamId, long PreviousId, string DeviceId);

/// <summary>A user whose devices changed.</summary>
/// <param name="FirstId">The id of the first of the changes.</param>
/// <param name="FirstPosition">Its position.</param>
/// <param name="Kept">The number of all changes of the user that are kept.</param>
public sealed record ChangedUserRow(string UserId, long FirstId, long FirstPosition, int Kept);

/// <summary>A user whose changes after an id a server has not got.</summary>
/// <param name="UserId">The user.</param>
/// <param name="AfterId">The id.</param>
/// <param name="Before">What the server got before an import; null if there is none, or if it has got later changes.
/// </param>
public sealed record PendingUpdatesRow(string UserId, long AfterId, SentBefore? Before = null);

/// <summary>What another software sent to a server of a user's changes, before they were imported from it.</summary>
/// <param name="LastId">The id of the last change that it sent, as it told this server.</param>
/// <param name="ThroughId">The server has got all changes up to this id, which are recorded under other ones.</param>
public sealed record SentBefore(long LastId, long ThroughId);

/// <summary>A server has not got a user's changes after an id. What it was owed before stays owed.</summary>
public sealed record DeviceUpdatesEnqueued(string ServerName, string UserId, long AfterId) : Change;

/// <summary>A server has got a user's changes up to this id.</summary>
public sealed record DeviceUpdatesSent(string ServerName, string UserId, long ThroughId) : Change;

/// <summary>
/// A change of a device from before an import that some servers have not got. The change before it, if it is kept, was
/// imported too.
/// </summary>
/// <param name="UserId">The user.</param>
/// <param name="DeviceId">The device; empty for the cross-signing keys.</param>
/// <param name="StreamId">The id; greater than those of the user that are recorded.</param>
public sealed record DeviceUpdateImported(string UserId, string DeviceId, long StreamId) : Change;

/// <summary>
/// What a server was sent of a user's changes before an import: the next change that it gets names this one, so that it
/// need not fetch the list.
/// </summary>
public sealed record DeviceListSentBefore(string ServerName, string UserId, SentBefore Before) : Change;

/// <summary>Deletes all but a user's latest changes.</summary>
public sealed record DeviceUpdatesTrimmed(string UserId, int Keep) : Change;
