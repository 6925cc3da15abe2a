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
        var user = await users.FindAsync(userId, stop);
        if (!user.IsOk) return user.Failure;
        var all = await devices.ListAsync(new UserDevice(userId, ""), "", stop);
        return new UserResult<IReadOnlyList<DeviceRow>>(all);
    }

    /// <summary>One of the user's devices.</summary>
    public async ValueTask<UserResult<DeviceRow>> FindAsync(UserDevice device, CancellationToken stop)
    {
        var all = await ListAsync(device.UserId, stop);
        if (!all.IsOk) return all.Failure;
        return all.Value.FirstOrDefault(row => row.DeviceId == device.DeviceId) is { } found ? found : _unknown;
    }

    /// <summary>Renames a device.</summary>
    public async ValueTask<UserFailure?> RenameAsync(
        AdminActor actor, UserDevice device, string? name, CancellationToken stop)
    {
        var found = await FindAsync(device, stop);
        if (!found.IsOk) return found.Failure;
        if (!await devices.RenameAsync(device, name, stop)) return _unknown;
        await audit.RecordAsync(actor, "device.rename", NameOf(device));
        return null;
    }

    /// <summary>Creates a device without a token. One that exists stays as it is.</summary>
    public async ValueTask<UserFailure?> CreateAsync(AdminActor actor, UserDevice device, CancellationToken stop)
    {
        var user = await users.FindAsync(device.UserId, stop);
        if (!user.IsOk) return user.Failure;
        if (await devices.CreateAsync(device, null, stop) is { } refused) return refused;
        await audit.RecordAsync(actor, "device.create", NameOf(device));
        return null;
    }

    /// <summary>Deletes those of some devices that the user has.</summary>
    public async ValueTask<UserFailure?> DeleteAsync(
        AdminActor actor, string userId, IReadOnlyCollection<string> deviceIds, CancellationToken stop)
    {
        var user = await users.FindAsync(userId, stop);
        if (!user.IsOk) return user.Failure;
        var target = deviceIds.Count == 1 ? NameOf(new UserDevice(userId, deviceIds.First())) : userId;
        var record = audit.Of(actor, "device.delete", target);
        await devices.DeleteAsync(userId, deviceIds, record, stop);
        return null;
    }

    private static string NameOf(UserDevice device) => $"{device.UserId} {device.DeviceId}";
}
