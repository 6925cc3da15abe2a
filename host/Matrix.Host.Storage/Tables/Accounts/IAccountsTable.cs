using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.Accounts;

/// <summary>Users, devices, access and refresh tokens, registration and login tokens.</summary>
public interface IAccountsTable
{
    /// <summary>The user, or null.</summary>
    ValueTask<UserRow?> FindUserAsync(string userId, CancellationToken stop);

    /// <summary>Those of these users who exist, in one query.</summary>
    ValueTask<IReadOnlyList<string>> ExistingAsync(IReadOnlyCollection<string> userIds, CancellationToken stop);

    /// <summary>
    /// Users by id, a page at a time: those after <paramref name="afterUser"/> (empty for the first page).
    /// </summary>
    ValueTask<IReadOnlyList<UserRow>> ListUsersAsync(string afterUser, int limit, CancellationToken stop);

    /// <summary>
    /// Users who were deactivated and erased, by id, a page at a time: those after <paramref name="afterUser"/>.
    /// </summary>
    ValueTask<IReadOnlyList<UserRow>> ListErasedAsync(string afterUser, int limit, CancellationToken stop);

    /// <summary>
    /// Deactivated users who have not left all rooms yet, by id, a page at a time: those after
    /// <paramref name="afterUser"/>.
    /// </summary>
    ValueTask<IReadOnlyList<string>> ListDeparturesAsync(string afterUser, int limit, CancellationToken stop);

    /// <summary>Whether any user exists who is neither a guest nor an application service's.</summary>
    ValueTask<bool> AnyUserAsync(CancellationToken stop);

    /// <summary>
    /// How many passwords of active users still have the hash that Synapse made, by the hash's cost.
    /// </summary>
    ValueTask<IReadOnlyList<ImportedPasswordsRow>> ImportedPasswordsAsync(CancellationToken stop);

    /// <summary>The token with this hash and its owner, even if expired; null if there is none.</summary>
    ValueTask<TokenRow?> FindTokenAsync(ReadOnlyMemory<byte> hash, CancellationToken stop);

    /// <summary>
    /// Whether a session goes on: one of its tokens is valid at this time (milliseconds since the epoch).
    /// </summary>
    /// <param name="session">The <see cref="TokenRow.Session"/> of its tokens.</param>
    ValueTask<bool> HasSessionAsync(
        string userId, string deviceId, long session, long now, CancellationToken stop);

    /// <summary>The device, or null.</summary>
    ValueTask<DeviceRow?> FindDeviceAsync(string userId, string deviceId, CancellationToken stop);

    /// <summary>A user's devices.</summary>
    ValueTask<IReadOnlyList<DeviceRow>> DevicesAsync(string userId, CancellationToken stop);

    /// <summary>
    /// The owner of the login token with this hash; null if none is valid at this time (milliseconds since the epoch).
    /// </summary>
    ValueTask<string?> FindLoginTokenAsync(ReadOnlyMemory<byte> hash, long now, CancellationToken stop);

    /// <summary>The registration token, or null. The first user's token does not exist once a user does.</summary>
    ValueTask<RegistrationTokenRow?> FindRegistrationTokenAsync(string token, CancellationToken stop);

    /// <summary>All registration tokens, without the first user's once a user exists.</summary>
    ValueTask<IReadOnlyList<RegistrationTokenRow>> RegistrationTokensAsync(CancellationToken stop);
}

/// <summary>The kind of an account.</summary>
public enum UserKind
{
    /// <summary>A person's, or a bot's.</summary>
    User = 0,

    /// <summary>A guest's.</summary>
    Guest = 1,

    /// <summary>An application service's.</summary>
    AppService = 2,
}

/// <summary>A local user.</summary>
/// <param name="PasswordHash">Null if the user cannot log in with a password.</param>
/// <param name="CreatedAt">Milliseconds since the epoch.</param>
/// <param name="DeactivatedAt">Milliseconds since the epoch; null for an active user.</param>
/// <param name="Erased">The user asked that their events be hidden from users who have not seen them.</param>
/// <param name="IsLocked">Whether an administrator locked the account.</param>
/// <param name="IsSuspended">Whether an administrator suspended the account.</param>
public sealed record UserRow(
    string UserId,
    UserKind Kind,
    string? PasswordHash,
    bool IsAdmin,
    long CreatedAt,
    long? DeactivatedAt,
    bool Erased,
    bool IsLocked = false,
    bool IsSuspended = false)
{
    /// <summary>The id only.</summary>
    public override string ToString() => UserId;
}

/// <summary>Passwords whose hashes Synapse made at one cost.</summary>
/// <param name="Cost">Two digits, as the hashes have it.</param>
public sealed record ImportedPasswordsRow(string Cost, long Users);

/// <summary>A device.</summary>
/// <param name="CreatedAt">The first login, in milliseconds since the epoch.</param>
/// <param name="LastSeenAt">Milliseconds since the epoch; null if never.</param>
/// <param name="LastSeenIp">The address at that time; null if never.</param>
/// <param name="LastUserAgent">The `User-Agent` at that time; null if the client sent none.</param>
public sealed record DeviceRow(
    string UserId,
    string DeviceId,
    string? DisplayName,
    long CreatedAt,
    long? LastSeenAt,
    string? LastSeenIp,
    string? LastUserAgent = null);

/// <summary>The kind of a token.</summary>
public enum TokenKind
{
    /// <summary>An access token.</summary>
    Access = 0,

    /// <summary>A refresh token.</summary>
    Refresh = 1,
}

/// <summary>
/// A token with its owner, and all that authentication needs: one query for each request that is not cached.
/// </summary>
/// <param name="ExpiresAt">Milliseconds since the epoch; null for never. An expired access token means a soft
/// logout.</param>
/// <param name="Generation">The device's token pair that it belongs to.</param>
/// <param name="Confirmed">Whether a token of its generation was used. If not, its use must be written
/// (<see cref="TokensConfirmed"/>).</param>
/// <param name="ClientId">The client that logged the device in by OAuth; null for the legacy API.</param>
/// <param name="Scope">The scope of that session.</param>
public sealed record TokenRow(
    TokenKind Kind,
    string UserId,
    string DeviceId,
    long? ExpiresAt,
    int Generation,
    bool Confirmed,
    UserKind UserKind,
    bool IsAdmin,
    bool IsDeactivated,
    bool IsLocked = false,
    bool IsSuspended = false,
    string? ClientId = null,
    string? Scope = null)
{
    /// <summary>The position of the login that it comes from; tokens that are refreshed keep it.</summary>
    public long Session { get; init; }

    /// <summary>Whether an application service logged the device in; null if it is not known.</summary>
    public bool? ByService { get; init; }

    /// <summary>Whether the user got it by logging in; false for an administrator who acts as the user.</summary>
    public bool IsOwn { get; init; } = true;
}

/// <summary>A registration token.</summary>
/// <param name="UsesAllowed">Null for no limit.</param>
/// <param name="Completed">How often it was used.</param>
/// <param name="ExpiresAt">Milliseconds since the epoch; null for never.</param>
/// <param name="MakesAdmin">Whether it is the first user's token, which makes an administrator.</param>
public sealed record RegistrationTokenRow(
    string Token, int? UsesAllowed, int Completed, long? ExpiresAt, bool MakesAdmin)
{
    /// <summary>Whether the token is valid at this time (milliseconds since the epoch).</summary>
    public bool IsValidAt(long now) =>
        (UsesAllowed is null || Completed < UsesAllowed) && (ExpiresAt is null || ExpiresAt > now);

    /// <summary>The type's name, without the token.</summary>
    public override string ToString() => nameof(RegistrationTokenRow);
}

/// <summary>Creates a user. Not applied if the id was ever taken.</summary>
/// <remarks>Other nodes do not get the password.</remarks>
public sealed record UserCreated(string UserId, UserKind Kind, string? PasswordHash, bool IsAdmin) : ConditionalChange;

/// <summary>
/// Changes a user's password, and ends the user's login tokens. Not applied if there is no such active user.
/// </summary>
public sealed record PasswordChanged(string UserId, string? PasswordHash) : ConditionalChange;

/// <summary>
/// Applies if the user is active and this is still their password's hash; changes nothing. Every action that a password
/// authorises requires it, so that none outlives a change of the password.
/// </summary>
public sealed record PasswordIs(string UserId, string PasswordHash) : ConditionalChange;

/// <summary>Applies if the user is active; changes nothing.</summary>
public sealed record UserIsActive(string UserId) : ConditionalChange;

/// <summary>Makes a user an administrator, or no longer one. Not applied if there is no such user.</summary>
public sealed record AdminChanged(string UserId, bool IsAdmin) : ConditionalChange;

/// <summary>
/// Deactivates a user: the password is deleted, and the user has to leave all rooms until <see cref="DepartureEnded"/>.
/// Not applied if there is no such active user. Devices are deleted by a change of their own.
/// </summary>
public sealed record UserDeactivated(string UserId, bool Erase) : ConditionalChange;

/// <summary>A deactivated user has left all rooms.</summary>
public sealed record DepartureEnded(string UserId) : Change;

/// <summary>Creates or changes a registration token; its completed uses stay.</summary>
public sealed record RegistrationTokenIssued(string Token, int? UsesAllowed, long? ExpiresAt, bool MakesAdmin) : Change;

/// <summary>Deletes a registration token. Not applied if there is none.</summary>
public sealed record RegistrationTokenDeleted(string Token) : ConditionalChange;

/// <summary>
/// Uses a registration token once. Not applied if it is unknown, expired or used up, or if it is the first user's and a
/// user exists.
/// </summary>
public sealed record RegistrationTokenRedeemed(string Token) : ConditionalChange;

/// <summary>
/// Creates a device with this name, unless it exists. Applied if it was created: then the user's device list has
/// changed, even though the device has no keys yet.
/// </summary>
/// <remarks>Other nodes do not get the name.</remarks>
public sealed record DeviceAdded(string UserId, string DeviceId, string? InitialDisplayName) : ConditionalChange;

/// <summary>Renames a device. Not applied if there is none.</summary>
/// <remarks>Other nodes do not get the name.</remarks>
public sealed record DeviceRenamed(string UserId, string DeviceId, string? DisplayName) : ConditionalChange;

/// <summary>Records when, where and with which client a device was seen; written in batches.</summary>
public sealed record DeviceSeen(
    string UserId, string DeviceId, long SeenAt, string Ip, string? UserAgent = null) : Change;

/// <summary>
/// Deletes a device with its tokens, keys, the signatures on them, and its messages. Not applied if there is none. Add
/// a <see cref="Keys.DeviceListChanged"/> for users who share a room.
/// </summary>
public sealed record DeviceDeleted(string UserId, string DeviceId) : ConditionalChange;

/// <summary>
/// Deletes all devices that a user has at this point of the transaction except one (null for none), each as by
/// <see cref="DeviceDeleted"/>, and the user's login tokens. Add a <see cref="Keys.DeviceListChanged"/>.
/// </summary>
public sealed record OtherDevicesDeleted(string UserId, string? Except) : Change;

/// <summary>Stores a new token pair of a device and ends all its earlier ones (a login or a registration).</summary>
/// <param name="AccessExpiresAt">Milliseconds since the epoch; null for never.</param>
/// <param name="RefreshHash">Null if there is no refresh token.</param>
/// <param name="RefreshExpiresAt">Milliseconds since the epoch; null for never.</param>
/// <remarks>Other nodes do not get the tokens.</remarks>
public sealed record TokensIssued(
    string UserId,
    string DeviceId,
    ReadOnlyMemory<byte> AccessHash,
    long? AccessExpiresAt,
    ReadOnlyMemory<byte>? RefreshHash,
    long? RefreshExpiresAt) : Change
{
    /// <summary>Whether an application service logs the device in.</summary>
    public bool ByService { get; init; }
}

/// <summary>
/// Uses a refresh token: creates a new pair. The old pair stays valid until a token of the new one is used. Until then,
/// using the old refresh token again replaces the new pair. Not applied if the refresh token is unknown or expired.
/// </summary>
/// <param name="AccessExpiresAt">Milliseconds since the epoch; null for never.</param>
/// <param name="RefreshExpiresAt">Milliseconds since the epoch; null for never.</param>
/// <remarks>Other nodes get the owner only.</remarks>
public sealed record TokensRotated(
    ReadOnlyMemory<byte> OldRefreshHash,
    ReadOnlyMemory<byte> NewAccessHash,
    long? AccessExpiresAt,
    ReadOnlyMemory<byte> NewRefreshHash,
    long? RefreshExpiresAt) : ConditionalChange
{
    /// <summary>The tokens' owner, if applied.</summary>
    public string? UserId { get; internal set; }

    /// <summary>
    /// When the new access token ends, if applied: earlier than asked for if the session does. Null for never.
    /// </summary>
    public long? AccessEndsAt { get; internal set; }
}

/// <summary>
/// Ends the tokens of one session that has no device, such as one of an application service's or another server's.
/// </summary>
/// <param name="Session">Their <see cref="TokenRow.Session"/>.</param>
public sealed record SessionEnded(string UserId, long Session) : Change;

/// <summary>
/// A token was used: confirms its generation, and ends the device's earlier ones. Does nothing if the token has ended:
/// the device may have logged in again, with generations that begin anew.
/// </summary>
/// <remarks>Other nodes do not get the token.</remarks>
public sealed record TokensConfirmed(string UserId, ReadOnlyMemory<byte> Hash) : Change;

/// <summary>
/// Deletes tokens that expired before this time (milliseconds since the epoch). Soft logouts become unknown tokens.
/// </summary>
public sealed record ExpiredTokensPurged(long ExpiredBefore) : Change;

/// <summary>Stores a login token (`m.login.token`).</summary>
public sealed record LoginTokenIssued(ReadOnlyMemory<byte> Hash, string UserId, long ExpiresAt) : Change;

/// <summary>Uses a login token, once. Not applied if it is unknown, used or expired.</summary>
public sealed record LoginTokenRedeemed(ReadOnlyMemory<byte> Hash) : ConditionalChange
{
    /// <summary>The token's owner.</summary>
    public string? UserId { get; internal set; }
}
