using Matrix.Host.Storage.Tables.Accounts;

namespace Matrix.Host.Users.Devices;

/// <summary>What people see as the name of a device.</summary>
public static class DeviceNames
{
    /// <summary>The display name; null if it is missing or blank.</summary>
    public static string? GivenName(this DeviceRow device) =>
        string.IsNullOrWhiteSpace(device.DisplayName) ? null : device.DisplayName;

    /// <summary>The display name, or the id of a device that has none.</summary>
    public static string ShownName(this DeviceRow device) => device.GivenName() ?? device.DeviceId;
}
