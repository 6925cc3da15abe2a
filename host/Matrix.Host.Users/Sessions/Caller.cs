namespace Matrix.Host.Users.Sessions;

/// <summary>Who calls, as the access token says. Client-Server API, "Using access tokens".</summary>
/// <param name="UserId">The user.</param>
/// <param name="DeviceId">The device that the token belongs to.</param>
/// <param name="IsAdmin">Whether the user administers this server.</param>
/// <param name="IsGuest">Whether this is a guest account.</param>
public sealed record Caller(string UserId, string DeviceId, bool IsAdmin, bool IsGuest)
{
    /// <summary>What the token is stored under: its SHA-256.</summary>
    public required ReadOnlyMemory<byte> TokenHash { get; init; }
}
