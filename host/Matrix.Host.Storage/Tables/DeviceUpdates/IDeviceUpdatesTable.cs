using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.DeviceUpdates;

/// <summary>
/// The latest changes of local users' devices, and the servers that have not got them. A change takes about 120 bytes;
/// <see cref="DeviceUpdatesTrimmed"/> bounds their number for each user. A server that has got everything has no row.
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
public sealed record PendingUpdatesRow(string UserId, long AfterId);

/// <summary>A server has not got a user's changes after an id. What it was owed before stays owed.</summary>
public sealed record DeviceUpdatesEnqueued(string ServerName, string UserId, long AfterId) : Change;

/// <summary>A server has got a user's changes up to this id.</summary>
public sealed record DeviceUpdatesSent(string ServerName, string UserId, long ThroughId) : Change;

/// <summary>Deletes all but a user's latest changes.</summary>
public sealed record DeviceUpdatesTrimmed(string UserId, int Keep) : Change;
