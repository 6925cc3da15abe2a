using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.DehydratedDevices;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Host.Storage.Tables.ToDevice;
using Matrix.Host.Users.Keys;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Users.Devices;

/// <summary>A device as a client dehydrates it.</summary>
/// <param name="DeviceId">Its id.</param>
/// <param name="Name">Its name; null for none.</param>
/// <param name="Data">What a client needs to read its messages, encrypted: a JSON object.</param>
/// <param name="Keys">Its keys, the identity keys among them.</param>
public sealed record Dehydration(string DeviceId, string? Name, ReadOnlyMemory<byte> Data, KeyUpload Keys);

/// <summary>A page of the messages to a dehydrated device.</summary>
/// <param name="Messages">The messages, in order.</param>
/// <param name="Through">The position up to which these are all.</param>
/// <param name="HasMore">Whether there are more after that.</param>
public sealed record DehydratedMessages(IReadOnlyList<ToDeviceRow> Messages, long Through, bool HasMore);

/// <summary>
/// Devices without a client, which get room keys while their users are logged out. A user has at most one. It is one of
/// the user's devices, without an access token: others encrypt for it, and deleting it deletes its messages. MSC3814,
/// which is not merged.
/// </summary>
public sealed class DehydratedDevices(
    DehydratedDevicesTable dehydratedDevicesTable,
    ToDeviceTable toDeviceTable,
    IStorageWriter writer,
    DeviceKeyUploads uploads,
    Logins logins,
    KeyOptions options)
{
    private const int Attempts = 3;

    /// <summary>The user's dehydrated device; null if there is none.</summary>
    public ValueTask<DehydratedDeviceRow?> FindAsync(string userId, CancellationToken stop) =>
        dehydratedDevicesTable.FindAsync(userId, stop);

    /// <summary>Makes a device in place of the one before, which ends with its messages.</summary>
    /// <returns>Null if it was made.</returns>
    public async ValueTask<UserFailure?> PutAsync(string userId, Dehydration wish, CancellationToken stop)
    {
        if (wish.Data.Length > options.MaxDehydratedBytes)
        {
            return new UserFailure(UserFailureKind.TooLarge, "`device_data` exceeds the limit of this server.");
        }

        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            var before = await FindAsync(userId, stop);
            var refused = await logins.RefuseDeviceAsync(userId, wish.DeviceId, stop, before?.DeviceId);
            if (refused is not null) return refused;

            var isActive = new UserIsActive(userId);
            var isAsBefore = new DehydratedDeviceIs(userId, before?.DeviceId);
            var added = new DeviceAdded(userId, wish.DeviceId, wish.Name);
            var batch = new WriteBatch(Authority.Nobody).Require(isActive).Require(isAsBefore);
            if (before is not null) batch.Require(new DeviceDeleted(userId, before.DeviceId));
            batch.Require(added);
            if (uploads.AddOfNew(batch, new UserDevice(userId, wish.DeviceId), wish.Keys) is { } unfit) return unfit;
            batch
                .Add(new DeviceDehydrated(userId, new DehydratedDeviceRow(wish.DeviceId, wish.Data)))
                .Add(new DeviceListChanged(userId));
            if (!(await writer.WriteAsync(batch, stop)).Refused) return null;
            if (!isActive.Applied)
            {
                return new UserFailure(UserFailureKind.Deactivated, "This account has been deactivated.");
            }

            if (uploads.TooMuch(batch) is { } tooMuch) return tooMuch;
            if (isAsBefore.Applied && !added.Applied)
            {
                return new UserFailure(UserFailureKind.InvalidParam, "`device_id` is the id of another device.");
            }
        }

        return new UserFailure(UserFailureKind.Outdated, "The account is being changed at the same time.");
    }

    /// <summary>Deletes the user's dehydrated device, and returns its id; null if there is none.</summary>
    public async ValueTask<string?> DeleteAsync(string userId, CancellationToken stop)
    {
        while (await FindAsync(userId, stop) is { } device)
        {
            var batch = new WriteBatch(Authority.Nobody, 3)
                .Require(new DehydratedDeviceIs(userId, device.DeviceId))
                .Add(new DeviceDeleted(userId, device.DeviceId))
                .Add(new DeviceListChanged(userId));
            if (!(await writer.WriteAsync(batch, stop)).Refused) return device.DeviceId;
        }

        return null;
    }

    /// <summary>
    /// Messages to the dehydrated device after a position. They stay until the device is deleted: the client that reads
    /// them may be gone before it has stored the keys in them.
    /// </summary>
    public async ValueTask<UserResult<DehydratedMessages>> MessagesAsync(
        UserDevice device, long after, int limit, CancellationToken stop)
    {
        var (userId, deviceId) = device;
        if (await FindAsync(userId, stop) is not { } found)
        {
            return new UserFailure(UserFailureKind.NotFound, "You have no dehydrated device.");
        }

        if (found.DeviceId != deviceId)
        {
            return new UserFailure(UserFailureKind.Forbidden, "This is not your dehydrated device.");
        }

        var through = Math.Max(after, writer.PublishedPosition);
        var messages = await toDeviceTable.OfDeviceAsync(userId, deviceId, after, through, limit, stop);
        return messages.Count < limit
            ? new DehydratedMessages(messages, through, HasMore: false)
            : new DehydratedMessages(messages, messages[^1].Position, HasMore: true);
    }
}
