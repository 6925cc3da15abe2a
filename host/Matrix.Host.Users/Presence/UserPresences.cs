using System.Text;
using Matrix.Core.Ident;
using Matrix.Core.Presence;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Presence;

namespace Matrix.Host.Users.Presence;

/// <summary>Sets and reads presence for clients. v1.19 client-server-api#presence</summary>
public sealed class UserPresences(
    PresenceBoard board,
    IMembershipsTable membershipsTable,
    PresenceTable presenceTable,
    IStorageWriter writer,
    UserLocks locks,
    UsersOptions users,
    PresenceOptions options)
{
    private static readonly UserFailure _notShown = new(
        UserFailureKind.Forbidden, "You are not allowed to see their presence.");

    private static readonly UserFailure _none = new(
        UserFailureKind.NotFound, "This server does not show this user's presence.");

    /// <summary>
    /// Sets the state of a device, and the user's message, which is durable when this returns. Where nobody sees
    /// presence, nothing is kept.
    /// </summary>
    public async ValueTask<UserFailure?> SetAsync(
        UserDevice device, PresenceState state, string? status, CancellationToken stop)
    {
        if (string.IsNullOrEmpty(status)) status = null;
        if (status is not null && Encoding.UTF8.GetByteCount(status) > options.StatusBytes)
        {
            return new UserFailure(
                UserFailureKind.TooLarge, $"`status_msg` must not have more than {options.StatusBytes} bytes.");
        }

        if (!board.IsOn) return null;
        using var held = await locks.TakeAsync(device.UserId, stop);
        if (await StatusAsync(device.UserId, stop) != status)
        {
            var batch = new WriteBatch(Authority.User(device.UserId), 1);
            await writer.WriteAsync(batch.Add(new PresenceStatusChanged(device.UserId, status)), stop);
        }

        board.Put(device, state, status);
        return null;
    }

    /// <summary>
    /// What a user sees of another one's presence, or of their own. Users who share no room with them and users who do
    /// not exist have the same failure.
    /// </summary>
    public async ValueTask<UserResult<SeenPresence>> FindAsync(string viewer, string userId, CancellationToken stop)
    {
        if (userId != viewer && !await membershipsTable.ShareRoomAsync(viewer, userId, stop))
        {
            return _notShown;
        }

        return await ReadAsync(userId, stop);
    }

    /// <summary>A user's presence, for those who may see it.</summary>
    internal async ValueTask<UserResult<SeenPresence>> ReadAsync(string userId, CancellationToken stop)
    {
        var isLocal = UserId.Server(userId) == users.ServerName;
        if (!board.IsOn || (!isLocal && !board.IsFederated)) return _none;
        var seen = board.Find(userId) ?? new SeenPresence(userId, PresenceState.Offline, false, null, null);
        return isLocal
            ? seen with { StatusMessage = await StatusAsync(userId, stop) }
            : seen;
    }

    private async ValueTask<string?> StatusAsync(string userId, CancellationToken stop) =>
        (await presenceTable.StatusesAsync([userId], stop)).GetValueOrDefault(userId);
}
