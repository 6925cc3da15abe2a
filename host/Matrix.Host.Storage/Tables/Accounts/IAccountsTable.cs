using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.Accounts;

/// <summary>Users, devices, access and refresh tokens, registration and login tokens.</summary>
public interface IAccountsTable
{
    /// <summary>The user, or null.</summary>
    ValueTask<UserRow?> FindUserAsync(string userId, CancellationToken stop);

    /// <summary>All users by id, a page at a time: those after <paramref name="afterUser"/> (empty for the first page).</summary>
    ValueTask<IReadOnlyList<UserRow>> ListUsersAsync(string afterUser, int limit, CancellationToken stop);

    /// <summary>The users who were deactivated and erased, by id, a page at a time: those after <paramref name="afterUser"/>.</summary>
    ValueTask<IReadOnlyList<UserRow>> ListErasedAsync(string afterUser, int limit, CancellationToken stop);

    /// <summary>
    /// The deactivated users who are still to leave their rooms, by id, a page at a time: those after <paramref
    /// name="afterUser"/>.
    /// </summary>
    ValueTask<IReadOnlyList<string>> ListDeparturesAsync(string afterUser, int limit, CancellationToken stop);

    /// <summary>Whether there is any user at all.</summary>
    ValueTask<bool> AnyUserAsync(CancellationToken stop);

    /// <summary>Who holds the token with this hash, expired ones included; null if nobody does.</summary>
    ValueTask<TokenRow?> FindTokenAsync(ReadOnlyMemory<byte> hash, CancellationToken stop);

    /// <summary>The device, or null.</summary>
    ValueTask<DeviceRow?> FindDeviceAsync(string userId, string deviceId, CancellationToken stop);

    /// <summary>A user's devices.</summary>
    ValueTask<IReadOnlyList<DeviceRow>> DevicesAsync(string userId, CancellationToken stop);

    /// <summary>
    /// Whose the login token with this hash is; null if there is none that is valid at that time (milliseconds since
    /// the epoch).
    /// </summary>
    ValueTask<string?> FindLoginTokenAsync(ReadOnlyMemory<byte> hash, long now, CancellationToken stop);

    /// <summary>The registration token, or null. The first user's is not there once there are users.</summary>
    ValueTask<RegistrationTokenRow?> FindRegistrationTokenAsync(string token, CancellationToken stop);

    /// <summary>All registration tokens, without the first user's once there are users.</summary>
    ValueTask<IReadOnlyList<RegistrationTokenRow>> RegistrationTokensAsync(CancellationToken stop);
}

/// <summary>What kind of account it is.</summary>
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
/// <param name="UserId">The id.</param>
/// <param name="Kind">The kind.</param>
/// <param name="PasswordHash">The password's hash; null if there is none to log in with.</param>
/// <param name="IsAdmin">May administrate the server.</param>
/// <param name="CreatedAt">When, in milliseconds since the epoch.</param>
/// <param name="DeactivatedAt">When it was deactivated; null if it was not.</param>
/// <param name="Erased">Its user asked that their events be hidden from who has not seen them.</param>
public sealed record UserRow(
    string UserId, UserKind Kind, string? PasswordHash, bool IsAdmin, long CreatedAt, long? DeactivatedAt, bool Erased)
{
    /// <summary>The id only.</summary>
    public override string ToString() => UserId;
}

/// <summary>A device.</summary>
/// <param name="UserId">Whose.</param>
/// <param name="DeviceId">Its id.</param>
/// <param name="DisplayName">Its name, or null.</param>
/// <param name="CreatedAt">When it logged in first, in milliseconds since the epoch.</param>
/// <param name="LastSeenAt">When it was seen last; null if never.</param>
/// <param name="LastSeenIp">Where it was seen last; null if never.</param>
public sealed record DeviceRow(
    string UserId, string DeviceId, string? DisplayName, long CreatedAt, long? LastSeenAt, string? LastSeenIp);

/// <summary>What a token is for.</summary>
public enum TokenKind
{
    /// <summary>An access token.</summary>
    Access = 0,

    /// <summary>A refresh token.</summary>
    Refresh = 1,
}

/// <summary>Who holds a token, with what is needed to let them in: one question per request that is not cached.</summary>
/// <param name="Kind">What it is for.</param>
/// <param name="UserId">Whose.</param>
/// <param name="DeviceId">Of which device.</param>
/// <param name="ExpiresAt">Until when, in milliseconds since the epoch; null for ever. An expired access token is a soft logout.</param>
/// <param name="Generation">Which of the device's successive token pairs it belongs to.</param>
/// <param name="Confirmed">Whether a token of its generation was used. If not, its use must be written (<see cref="TokensConfirmed"/>).</param>
/// <param name="UserKind">What kind of account it is.</param>
/// <param name="IsAdmin">Whether the user may administrate the server.</param>
/// <param name="IsDeactivated">Whether the user is deactivated.</param>
public sealed record TokenRow(
    TokenKind Kind,
    string UserId,
    string DeviceId,
    long? ExpiresAt,
    int Generation,
    bool Confirmed,
    UserKind UserKind,
    bool IsAdmin,
    bool IsDeactivated);

/// <summary>A registration token.</summary>
/// <param name="Token">The token itself.</param>
/// <param name="UsesAllowed">How often it may be used; null for ever.</param>
/// <param name="Completed">How often it was.</param>
/// <param name="ExpiresAt">Until when, in milliseconds since the epoch; null for ever.</param>
/// <param name="MakesAdmin">Whoever registers with it may administrate the server: the first user's.</param>
public sealed record RegistrationTokenRow(string Token, int? UsesAllowed, int Completed, long? ExpiresAt, bool MakesAdmin)
{
    /// <summary>Whether it may be used at that time (milliseconds since the epoch).</summary>
    public bool IsValidAt(long now) => (UsesAllowed is null || Completed < UsesAllowed) && (ExpiresAt is null || ExpiresAt > now);

    /// <summary>Not the token.</summary>
    public override string ToString() => nameof(RegistrationTokenRow);
}

/// <summary>A user comes to be. Not applied if the id was ever taken.</summary>
public sealed record UserCreated(string UserId, UserKind Kind, string? PasswordHash, bool IsAdmin) : ConditionalChange;

/// <summary>A user's password changes. Not applied if there is no such active user.</summary>
public sealed record PasswordChanged(string UserId, string? PasswordHash) : ConditionalChange;

/// <summary>
/// Nothing changes; applied if the user is active and this is still the hash of their password. Whatever somebody may
/// do because they knew the password requires it, so that it does not outlive a change of the password.
/// </summary>
public sealed record PasswordIs(string UserId, string PasswordHash) : ConditionalChange;

/// <summary>Nothing changes; applied if the user is active.</summary>
public sealed record UserIsActive(string UserId) : ConditionalChange;

/// <summary>A user may administrate the server from now on, or no longer. Not applied if there is no such user.</summary>
public sealed record AdminChanged(string UserId, bool IsAdmin) : ConditionalChange;

/// <summary>
/// A user is deactivated: no password, no way in; and is to leave all rooms, until <see cref="DepartureEnded"/>. Not
/// applied if there is no such active user. Devices are deleted apart.
/// </summary>
public sealed record UserDeactivated(string UserId, bool Erase) : ConditionalChange;

/// <summary>A deactivated user has left all rooms.</summary>
public sealed record DepartureEnded(string UserId) : Change;

/// <summary>A registration token is made or changed; its completed uses stay.</summary>
public sealed record RegistrationTokenIssued(string Token, int? UsesAllowed, long? ExpiresAt, bool MakesAdmin) : Change;

/// <summary>A registration token is deleted. Not applied if there is none.</summary>
public sealed record RegistrationTokenDeleted(string Token) : ConditionalChange;

/// <summary>
/// A registration token is used once. Not applied if it is unknown, expired or used up, or if it was the first user's
/// and there are users.
/// </summary>
public sealed record RegistrationTokenRedeemed(string Token) : ConditionalChange;

/// <summary>
/// A device logs in: made with that name, or kept as it is if it is known. Applied if it was made: then the user's
/// device list has changed, and whoever tracks it must ask again, though the device has no keys yet.
/// </summary>
public sealed record DeviceAdded(string UserId, string DeviceId, string? InitialDisplayName) : ConditionalChange;

/// <summary>A device is renamed. Not applied if there is none.</summary>
public sealed record DeviceRenamed(string UserId, string DeviceId, string? DisplayName) : ConditionalChange;

/// <summary>Where and when a device was seen: written in batches.</summary>
public sealed record DeviceSeen(string UserId, string DeviceId, long SeenAt, string Ip) : Change;

/// <summary>
/// A device is deleted, and with it its tokens, its keys, the signatures on them and the messages to it. Not applied if there is none. Whoever
/// shares a room with the user must be told: add a <see cref="Keys.DeviceListChanged"/>.
/// </summary>
public sealed record DeviceDeleted(string UserId, string DeviceId) : ConditionalChange;

/// <summary>
/// All of a user's devices but one (null for none) are deleted, as they are when it is written, each as by <see
/// cref="DeviceDeleted"/>; and the user's login tokens. Add a <see cref="Keys.DeviceListChanged"/>.
/// </summary>
public sealed record OtherDevicesDeleted(string UserId, string? Except) : Change;

/// <summary>A fresh token pair of a device, which ends all its earlier ones (a login, or a registration).</summary>
/// <param name="UserId">Whose.</param>
/// <param name="DeviceId">Of which device.</param>
/// <param name="AccessHash">The access token's hash.</param>
/// <param name="AccessExpiresAt">Until when it is valid; null for ever.</param>
/// <param name="RefreshHash">The refresh token's hash; null if there is none.</param>
/// <param name="RefreshExpiresAt">Until when that is valid; null for ever.</param>
public sealed record TokensIssued(
    string UserId,
    string DeviceId,
    ReadOnlyMemory<byte> AccessHash,
    long? AccessExpiresAt,
    ReadOnlyMemory<byte>? RefreshHash,
    long? RefreshExpiresAt) : Change;

/// <summary>
/// A refresh token is used: a new pair comes to be. The old pair stays valid until a token of the new one is used; using the old refresh token
/// again until then replaces the new pair. Not applied if there is no such refresh token, or it has expired.
/// </summary>
/// <param name="OldRefreshHash">The hash of the refresh token that is used.</param>
/// <param name="NewAccessHash">The new access token's hash.</param>
/// <param name="AccessExpiresAt">Until when it is valid; null for ever.</param>
/// <param name="NewRefreshHash">The new refresh token's hash.</param>
/// <param name="RefreshExpiresAt">Until when that is valid; null for ever.</param>
public sealed record TokensRotated(
    ReadOnlyMemory<byte> OldRefreshHash,
    ReadOnlyMemory<byte> NewAccessHash,
    long? AccessExpiresAt,
    ReadOnlyMemory<byte> NewRefreshHash,
    long? RefreshExpiresAt) : ConditionalChange
{
    /// <summary>Whose tokens they are, if it was applied.</summary>
    public string? UserId { get; internal set; }
}

/// <summary>A token of this generation was used for the first time: the device's earlier ones end.</summary>
public sealed record TokensConfirmed(string UserId, string DeviceId, int Generation) : Change;

/// <summary>Tokens that expired before that time (milliseconds since the epoch) are forgotten; soft logouts become unknown tokens.</summary>
public sealed record ExpiredTokensPurged(long ExpiredBefore) : Change;

/// <summary>A login token (`m.login.token`) is made.</summary>
public sealed record LoginTokenIssued(ReadOnlyMemory<byte> Hash, string UserId, long ExpiresAt) : Change;

/// <summary>A login token is used, once. Not applied if it is unknown, used or expired.</summary>
public sealed record LoginTokenRedeemed(ReadOnlyMemory<byte> Hash) : ConditionalChange
{
    /// <summary>Whose it was.</summary>
    public string? UserId { get; internal set; }
}
