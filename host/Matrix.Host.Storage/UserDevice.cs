namespace Matrix.Host.Storage;

/// <summary>A device of a user: the one that makes a request. Users and rooms both name it.</summary>
/// <param name="UserId">The user.</param>
/// <param name="DeviceId">The device, unique for its user.</param>
public readonly record struct UserDevice(string UserId, string DeviceId);
