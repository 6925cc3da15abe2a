using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Users.Devices;

namespace Matrix.Host.Users.Administration;

/// <summary>The devices of a user, for administrators.</summary>
public sealed class DeviceAdministration(DeviceManagement devices, UserAdministration users, AuditLog audit)
{
    private static readonly UserFailure _unknown = new(UserFailureKind.NotFound, "The user has no such device.");

    /// <summary>A user's devices.</summary>
    public async ValueTask<UserResult<IReadOnlyList<DeviceRow>>> ListAsync(string userId, CancellationToken stop)
    {
        var user = await users.FindAsync(userId, stop).ConfigureAwait(false);
        if (!user.IsOk) return user.Failure;
        var all = await devices.ListAsync(new UserDevice(userId, ""), "", stop).ConfigureAwait(false);
        return new UserResult<IReadOnlyList<DeviceRow>>(all);
    }

    /// <summary>One of the user's devices.</summary>
    public async ValueTask<UserResult<DeviceRow>> FindAsync(UserDevice device, CancellationToken stop)
    {
        var all = await ListAsync(device.UserId, stop).ConfigureAwait(false);
        if (!all.IsOk) return all.Failure;
        return all.Value.FirstOrDefault(row => row.DeviceId == device.DeviceId) is { } found ? found : _unknown;
    }

    /// <summary>Renames a device.</summary>
    public async ValueTask<UserFailure?> RenameAsync(
        AdminActor actor, UserDevice device, string? name, CancellationToken stop)
    {
        var found = await FindAsync(device, stop).ConfigureAwait(false);
        if (!found.IsOk) return found.Failure;
        if (!await devices.RenameAsync(device, name, stop).ConfigureAwait(false)) return _unknown;
        await audit.RecordAsync(actor, "device.rename", NameOf(device)).ConfigureAwait(false);
        return null;
    }

    /// <summary>Creates a device without a token. One that exists stays as it is.</summary>
    public async ValueTask<UserFailure?> CreateAsync(AdminActor actor, UserDevice device, CancellationToken stop)
    {
        var user = await users.FindAsync(device.UserId, stop).ConfigureAwait(false);
        if (!user.IsOk) return user.Failure;
        if (await devices.CreateAsync(device, null, stop).ConfigureAwait(false) is { } refused) return refused;
        await audit.RecordAsync(actor, "device.create", NameOf(device)).ConfigureAwait(false);
        return null;
    }

    /// <summary>Deletes those of some devices that the user has.</summary>
    public async ValueTask<UserFailure?> DeleteAsync(
        AdminActor actor, string userId, IReadOnlyCollection<string> deviceIds, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(deviceIds);
        var user = await users.FindAsync(userId, stop).ConfigureAwait(false);
        if (!user.IsOk) return user.Failure;
        var target = deviceIds.Count == 1 ? NameOf(new UserDevice(userId, deviceIds.First())) : userId;
        var record = audit.Of(actor, "device.delete", target);
        await devices.DeleteAsync(userId, deviceIds, record, stop).ConfigureAwait(false);
        return null;
    }

    private static string NameOf(UserDevice device) => $"{device.UserId} {device.DeviceId}";
}
