using Matrix.Host.Storage;
using Matrix.Host.Users.AppServices;

namespace Matrix.Host.Users.Sessions;

/// <summary>The result of a token lookup.</summary>
/// <param name="Caller">The owner of the token; null if it is not valid.</param>
/// <param name="SoftLogout">Whether the client of an invalid token may keep its data and log in again.</param>
public readonly record struct TokenLookup(Caller? Caller, bool SoftLogout);

/// <summary>Finds the owners of access tokens. v1.19 client-server-api#using-access-tokens</summary>
public interface IAccessTokens
{
    /// <summary>Looks up a token, from memory if it was used recently.</summary>
    /// <param name="token">The token.</param>
    /// <param name="address">The client's address.</param>
    /// <param name="userAgent">The client's name for itself; null for none.</param>
    ValueTask<TokenLookup> FindAsync(BearerToken token, string address, string? userAgent, CancellationToken stop);

    /// <summary>
    /// Whether the session of a caller goes on, though its token may have been refreshed since or have expired.
    /// </summary>
    ValueTask<bool> GoesOnAsync(Caller caller, CancellationToken stop);

    /// <summary>
    /// Whether nothing has happened to the caller's account and sessions since the caller was found by a token.
    /// </summary>
    bool IsUnchanged(Caller caller);
}

/// <summary>The user and device that an access token belongs to. v1.19 client-server-api#using-access-tokens</summary>
/// <param name="Device">The user and their device.</param>
/// <param name="IsAdmin">
/// Whether the caller administers this server. An administrator does with a device that they logged in by the legacy
/// API, not through an application service, another administrator or a client of OAuth.
/// </param>
/// <param name="IsGuest">Whether this is a guest account.</param>
public sealed record Caller(UserDevice Device, bool IsAdmin, bool IsGuest)
{
    /// <summary>The user.</summary>
    public string UserId => Device.UserId;

    /// <summary>The device; empty for none.</summary>
    public string DeviceId => Device.DeviceId;

    /// <summary>
    /// Whether the caller has a device. An application service that names none has none, an administrator who acts as a
    /// user, and a user with such a token of Synapse.
    /// </summary>
    public bool HasDevice => Device.DeviceId.Length > 0;

    /// <summary>Whether an administrator locked the account. v1.19 client-server-api#account-locking</summary>
    public bool IsLocked { get; init; }

    /// <summary>Whether an administrator suspended the account. v1.19 client-server-api#account-suspension</summary>
    public bool IsSuspended { get; init; }

    /// <summary>
    /// The position of the login that the token comes from, or a number of its own; 0 without a token of a user.
    /// </summary>
    public long Session { get; init; }

    /// <summary>
    /// Counts what happened to the user's account and sessions before the caller was found; null without a token.
    /// </summary>
    internal int? Epoch { get; init; }

    /// <summary>The client that logged the device in by OAuth; null for the legacy API.</summary>
    public string? ClientId { get; init; }

    /// <summary>
    /// Whether the session is one of the OAuth 2.0 API, which has no user-interactive authentication.
    /// </summary>
    public bool IsOAuth => ClientId is not null;

    /// <summary>The application service that acts as the user; null for the user's own client.</summary>
    public AppService? Service { get; init; }
}
