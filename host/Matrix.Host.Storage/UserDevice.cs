namespace Matrix.Host.Storage;

/// <summary>The device that makes a request, with its user. Rooms and users share this type.</summary>
/// <param name="UserId">The user.</param>
/// <param name="DeviceId">The device, unique for its user.</param>
public readonly record struct UserDevice(string UserId, string DeviceId);
