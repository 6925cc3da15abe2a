using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.OAuth;

/// <summary>A client's authorization by a user, not yet exchanged for tokens.</summary>
/// <param name="ExpiresAt">Milliseconds since the epoch.</param>
/// <param name="Challenge">The code challenge (S256).</param>
public sealed record OAuthCodeRow(
    ReadOnlyMemory<byte> Hash,
    long ExpiresAt,
    string ClientId,
    string UserId,
    string DeviceId,
    string Scope,
    string RedirectUri,
    string Challenge);

/// <summary>What a user decided about a device code.</summary>
public enum OAuthDecision
{
    /// <summary>Nothing yet.</summary>
    Pending = 0,

    /// <summary>The device may log in.</summary>
    Allowed = 1,

    /// <summary>The device may not log in.</summary>
    Denied = 2,
}

/// <summary>A device code that was not exchanged for tokens yet.</summary>
/// <param name="UserCode">The hash of the user code.</param>
/// <param name="ExpiresAt">Milliseconds since the epoch.</param>
/// <param name="UserId">The user who decided; null for none yet.</param>
public sealed record OAuthDeviceCodeRow(
    ReadOnlyMemory<byte> Hash,
    ReadOnlyMemory<byte> UserCode,
    long ExpiresAt,
    OAuthDecision Decision,
    string ClientId,
    string DeviceId,
    string Scope,
    string? UserId);

/// <summary>A device that a client logged in by OAuth.</summary>
/// <param name="Session">The hash of the part that its refresh tokens share.</param>
/// <param name="MadeBy">The hash of the code that it came from.</param>
public sealed record OAuthSessionRow(
    string UserId,
    string DeviceId,
    string ClientId,
    ReadOnlyMemory<byte> Session,
    ReadOnlyMemory<byte> MadeBy,
    string Scope);

/// <summary>
/// Registers a client, or notes that it registered again. Beyond the bound the clients unused for longest are deleted;
/// not applied if all of them have sessions.
/// </summary>
/// <param name="Most">The most clients.</param>
public sealed record OAuthClientRegistered(string ClientId, ReadOnlyMemory<byte> Metadata, int Most) : ConditionalChange
{
    internal override int Weight => 300 + Metadata.Length;
}

/// <summary>Stores an authorization code; the user's oldest beyond the bound are deleted.</summary>
/// <param name="MostOfUser">The most codes of one user.</param>
public sealed record OAuthCodeIssued(OAuthCodeRow Row, int MostOfUser) : Change;

/// <summary>Uses an authorization code, once. Not applied if it is unknown, used or expired.</summary>
public sealed record OAuthCodeRedeemed(ReadOnlyMemory<byte> Hash) : ConditionalChange;

/// <summary>Stores a device code. Not applied if there are as many as may be, or if the user code is taken.</summary>
/// <param name="Most">The most device codes.</param>
/// <param name="Address">Who asks for it.</param>
/// <param name="MostOfAddress">The most valid device codes of one address.</param>
public sealed record OAuthDeviceCodeIssued(OAuthDeviceCodeRow Row, int Most, string Address, int MostOfAddress)
    : ConditionalChange;

/// <summary>The user decided about a device code. Not applied if it is unknown, decided or expired.</summary>
public sealed record OAuthDeviceCodeDecided(
    ReadOnlyMemory<byte> UserCode, string UserId, OAuthDecision Decision) : ConditionalChange;

/// <summary>Uses an allowed device code, once. Not applied if it is unknown, used, expired or not allowed.</summary>
public sealed record OAuthDeviceCodeRedeemed(ReadOnlyMemory<byte> Hash) : ConditionalChange;

/// <summary>
/// The device's tokens are those of a client's session. It comes after the change that issues them, because tokens of
/// another login end a session.
/// </summary>
public sealed record OAuthSessionBegun(OAuthSessionRow Row) : Change;

/// <summary>Applies if the device still has this session; changes nothing.</summary>
public sealed record OAuthSessionIs(OAuthSessionRow Row) : ConditionalChange;

/// <summary>
/// Deletes codes that expired before one time, and clients without sessions and codes that were not registered since
/// another (milliseconds since the epoch).
/// </summary>
public sealed record OAuthLeftoversPurged(long ExpiredBefore, long UnusedSince) : Change;
