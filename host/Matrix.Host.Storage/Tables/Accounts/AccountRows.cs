namespace Matrix.Host.Storage.Tables.Accounts;

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
/// <param name="Confirmed">Whether a token of its generation was used. If not, its use must be written (<see cref="ConfirmTokens"/>).</param>
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
