using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.ValidationSessions;

/// <summary>
/// Sessions in which somebody proves that they have a mail address or phone number. A row takes some 400 bytes; the
/// change that begins a session bounds their number, and they end by time. Client-Server API, "Adding Account
/// Administrative Contact Information".
/// </summary>
public interface IValidationSessionsTable
{
    /// <summary>The session with this id, even if it has expired; null if there is none.</summary>
    ValueTask<ValidationSessionRow?> FindAsync(string sessionId, CancellationToken stop);

    /// <summary>
    /// The session of a client's secret for an address, even if it has expired; null if there is none.
    /// </summary>
    ValueTask<ValidationSessionRow?> FindAsync(
        ValidationPurpose purpose, string medium, string address, ReadOnlyMemory<byte> secret, CancellationToken stop);
}

/// <summary>What an address is proved for. A session serves no other purpose.</summary>
public enum ValidationPurpose
{
    /// <summary>A registration.</summary>
    Registration = 1,

    /// <summary>Adding the address to an account.</summary>
    Addition = 2,

    /// <summary>A new password.</summary>
    Password = 3,
}

/// <summary>A session.</summary>
/// <param name="Secret">The hash of the client's secret.</param>
/// <param name="Token">The hash of the token that was sent; null if nothing confirms the session.</param>
/// <param name="Guesses">Tries to confirm it so far.</param>
/// <param name="Language">The language of what was sent.</param>
/// <param name="NextLink">Where the browser goes after the confirmation; null for nowhere.</param>
/// <param name="ExpiresAt">Milliseconds since the epoch.</param>
/// <param name="ValidatedAt">Milliseconds since the epoch; null if it is not confirmed.</param>
public sealed record ValidationSessionRow(
    string SessionId,
    ValidationPurpose Purpose,
    string Medium,
    string Address,
    ReadOnlyMemory<byte> Secret,
    long SendAttempt,
    ReadOnlyMemory<byte>? Token,
    int Guesses,
    string Language,
    string? NextLink,
    long ExpiresAt,
    long? ValidatedAt = null)
{
    /// <summary>The account that the address can be added to; null while nobody has said which.</summary>
    public string? UserId { get; init; }

    /// <summary>The id only: the rest is secret.</summary>
    public override string ToString() => SessionId;
}

/// <summary>
/// Begins a session. Beyond the bound the sessions that end first are deleted. Not applied if the same client has one
/// for the address.
/// </summary>
/// <param name="Most">The most sessions.</param>
public sealed record ValidationBegun(ValidationSessionRow Row, int Most) : ConditionalChange;

/// <summary>
/// Sends another token in a session, which replaces the one before. Not applied if the session has ended, was
/// confirmed, or has a send attempt that is not lower.
/// </summary>
public sealed record ValidationResent(
    string SessionId, long SendAttempt, ReadOnlyMemory<byte>? Token, string? NextLink, long ExpiresAt)
    : ConditionalChange
{
    /// <summary>The account, if the session has none yet; null for none.</summary>
    public string? UserId { get; init; }
}

/// <summary>Counts a try to confirm a session. Not applied if it has ended, or had as many as may be.</summary>
/// <param name="Most">The most tries.</param>
public sealed record ValidationTried(string SessionId, int Most) : ConditionalChange;

/// <summary>
/// Confirms a session. Not applied if it has ended, or has another token. Its batch requires a
/// <see cref="ValidationTried"/>, so that of many tries at once no more count than may be.
/// </summary>
public sealed record ValidationConfirmed(string SessionId, ReadOnlyMemory<byte> Token) : ConditionalChange
{
    /// <summary>The account that the owner named, if the session has none yet; null for none.</summary>
    public string? UserId { get; init; }
}

/// <summary>Uses a confirmed session, once. Not applied if it has ended, or is not confirmed.</summary>
public sealed record ValidationUsed(string SessionId) : ConditionalChange;

/// <summary>
/// Uses a confirmed session of an address as the proof of its owner, once. Not applied if it has ended, or if the
/// address does not belong to this user, whose account is active.
/// </summary>
public sealed record OwnerValidated(string SessionId, string UserId) : ConditionalChange;

/// <summary>Deletes sessions that ended before a time (milliseconds since the epoch).</summary>
public sealed record ValidationsPurged(long ExpiredBefore) : Change;
