using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Storage.Tables.Accounts;

/// <summary>A fresh token pair of a device, which ends all its earlier ones (a login, or a registration).</summary>
/// <param name="UserId">Whose.</param>
/// <param name="DeviceId">Of which device.</param>
/// <param name="AccessHash">The access token's hash.</param>
/// <param name="AccessExpiresAt">Until when it is valid; null for ever.</param>
/// <param name="RefreshHash">The refresh token's hash; null if there is none.</param>
/// <param name="RefreshExpiresAt">Until when that is valid; null for ever.</param>
public sealed record PutTokens(
    string UserId,
    string DeviceId,
    ReadOnlyMemory<byte> AccessHash,
    long? AccessExpiresAt,
    ReadOnlyMemory<byte>? RefreshHash,
    long? RefreshExpiresAt) : WriteOperation;

/// <summary>
/// A refresh token is used: a new pair comes to be. The old pair stays valid until a token of the new one is used; using the old refresh token
/// again until then replaces the new pair. Not applied if there is no such refresh token, or it has expired.
/// </summary>
/// <param name="OldRefreshHash">The hash of the refresh token that is used.</param>
/// <param name="NewAccessHash">The new access token's hash.</param>
/// <param name="AccessExpiresAt">Until when it is valid; null for ever.</param>
/// <param name="NewRefreshHash">The new refresh token's hash.</param>
/// <param name="RefreshExpiresAt">Until when that is valid; null for ever.</param>
public sealed record RotateTokens(
    ReadOnlyMemory<byte> OldRefreshHash,
    ReadOnlyMemory<byte> NewAccessHash,
    long? AccessExpiresAt,
    ReadOnlyMemory<byte> NewRefreshHash,
    long? RefreshExpiresAt) : ConditionalOperation
{
    /// <summary>Whose tokens they are, if it was applied.</summary>
    public string? UserId { get; internal set; }
}

/// <summary>A token of this generation was used for the first time: the device's earlier ones end.</summary>
public sealed record ConfirmTokens(string UserId, string DeviceId, int Generation) : WriteOperation;

/// <summary>Tokens that expired before that time (milliseconds since the epoch) are forgotten; soft logouts become unknown tokens.</summary>
public sealed record PurgeExpiredTokens(long ExpiredBefore) : WriteOperation;

/// <summary>A login token (`m.login.token`) is made.</summary>
public sealed record PutLoginToken(ReadOnlyMemory<byte> Hash, string UserId, long ExpiresAt) : WriteOperation;

/// <summary>A login token is used, once. Not applied if it is unknown, used or expired.</summary>
public sealed record RedeemLoginToken(ReadOnlyMemory<byte> Hash) : ConditionalOperation
{
    /// <summary>Whose it was.</summary>
    public string? UserId { get; internal set; }
}
