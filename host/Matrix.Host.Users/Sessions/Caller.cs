using Matrix.Host.Storage;

namespace Matrix.Host.Users.Sessions;

/// <summary>The user and device that an access token belongs to. Client-Server API, "Using access tokens".</summary>
/// <param name="Device">The user and their device.</param>
/// <param name="IsAdmin">Whether the user administers this server.</param>
/// <param name="IsGuest">Whether this is a guest account.</param>
public sealed record Caller(UserDevice Device, bool IsAdmin, bool IsGuest)
{
    /// <summary>The user.</summary>
    public string UserId => Device.UserId;

    /// <summary>The device.</summary>
    public string DeviceId => Device.DeviceId;
}
