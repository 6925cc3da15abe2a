namespace Matrix.Host.Rooms.Reading;

/// <summary>For whom something is read: events differ a little by user and device.</summary>
/// <param name="UserId">The user.</param>
/// <param name="DeviceId">The device.</param>
public sealed record Reader(string UserId, string DeviceId);
