using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Storage.Tables.Accounts;

/// <summary>A user comes to be. Not applied if the id was ever taken.</summary>
public sealed record CreateUser(string UserId, UserKind Kind, string? PasswordHash, bool IsAdmin) : ConditionalOperation;

/// <summary>A user's password changes. Not applied if there is no such active user.</summary>
public sealed record SetPassword(string UserId, string? PasswordHash) : ConditionalOperation;

/// <summary>
/// Nothing changes; applied if the user is active and this is still the hash of their password. Whatever somebody may
/// do because they knew the password requires it, so that it does not outlive a change of the password.
/// </summary>
public sealed record PasswordIs(string UserId, string PasswordHash) : ConditionalOperation;

/// <summary>Nothing changes; applied if the user is active.</summary>
public sealed record UserIsActive(string UserId) : ConditionalOperation;

/// <summary>A user may administrate the server from now on, or no longer. Not applied if there is no such user.</summary>
public sealed record SetAdmin(string UserId, bool IsAdmin) : ConditionalOperation;

/// <summary>
/// A user is deactivated: no password, no way in; and is to leave all rooms, until <see cref="EndDeparture"/>. Not
/// applied if there is no such active user. Devices are deleted apart.
/// </summary>
public sealed record DeactivateUser(string UserId, bool Erase) : ConditionalOperation;

/// <summary>A deactivated user has left all rooms.</summary>
public sealed record EndDeparture(string UserId) : WriteOperation;

/// <summary>A registration token is made or changed; its completed uses stay.</summary>
public sealed record PutRegistrationToken(string Token, int? UsesAllowed, long? ExpiresAt, bool MakesAdmin) : WriteOperation;

/// <summary>A registration token is deleted. Not applied if there is none.</summary>
public sealed record DeleteRegistrationToken(string Token) : ConditionalOperation;

/// <summary>
/// A registration token is used once. Not applied if it is unknown, expired or used up, or if it was the first user's
/// and there are users.
/// </summary>
public sealed record RedeemRegistrationToken(string Token) : ConditionalOperation;
