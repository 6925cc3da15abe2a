using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.DehydratedDevices;

/// <summary>
/// Devices without a client, which get messages while their users are logged out. Each is one of the user's devices
/// too, and ends when that is deleted or logs in. MSC3814.
/// </summary>
public interface IDehydratedDevicesTable
{
    /// <summary>The user's dehydrated device; null if there is none.</summary>
    ValueTask<DehydratedDeviceRow?> FindAsync(string userId, CancellationToken stop);
}

/// <summary>A dehydrated device.</summary>
/// <param name="DeviceId">Its id.</param>
/// <param name="Data">What a client needs to read its messages: a JSON object, encrypted by the client that made it.
/// </param>
public sealed record DehydratedDeviceRow(string DeviceId, ReadOnlyMemory<byte> Data);

/// <summary>Makes a device of the user the dehydrated one, in place of another one.</summary>
public sealed record DeviceDehydrated(string UserId, DehydratedDeviceRow Row) : Change
{
    internal override int Weight => 200 + Row.Data.Length;
}

/// <summary>
/// Applies if this is the user's dehydrated device (null: if there is none); changes nothing. As a precondition it
/// keeps concurrent requests from leaving a device behind.
/// </summary>
public sealed record DehydratedDeviceIs(string UserId, string? DeviceId) : ConditionalChange;
