using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Storage.Tables.Accounts;

/// <summary>
/// A device logs in: made with that name, or kept as it is if it is known. Applied if it was made: then the user's
/// device list has changed, and whoever tracks it must ask again, though the device has no keys yet.
/// </summary>
public sealed record PutDevice(string UserId, string DeviceId, string? InitialDisplayName) : ConditionalOperation;

/// <summary>A device is renamed. Not applied if there is none.</summary>
public sealed record RenameDevice(string UserId, string DeviceId, string? DisplayName) : ConditionalOperation;

/// <summary>Where and when a device was seen: written in batches.</summary>
public sealed record TouchDevice(string UserId, string DeviceId, long SeenAt, string Ip) : WriteOperation;

/// <summary>
/// A device is deleted, and with it its tokens, its keys, the signatures on them and the messages to it. Not applied if there is none. Whoever
/// shares a room with the user must be told: add a <see cref="Keys.LogDeviceListChange"/>.
/// </summary>
public sealed record DeleteDevice(string UserId, string DeviceId) : ConditionalOperation;

/// <summary>
/// All of a user's devices but one (null for none) are deleted, as they are when it is written, each as by <see
/// cref="DeleteDevice"/>; and the user's login tokens. Add a <see cref="Keys.LogDeviceListChange"/>.
/// </summary>
public sealed record DeleteOtherDevices(string UserId, string? Except) : WriteOperation;
