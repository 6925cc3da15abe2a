using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.SingleSignOn;

/// <summary>
/// The people of identity providers and their accounts, and the devices that providers logged in. An identity takes
/// some 200 bytes and a user who signed in has one for each provider; a session some 150, and it ends with its device;
/// a grant some 200, for as long as its token is valid.
/// </summary>
public interface ISingleSignOnTable
{
    /// <summary>The user of a person at a provider; null if they have none.</summary>
    ValueTask<string?> FindUserAsync(string issuer, string subject, CancellationToken stop);

    /// <summary>The identities of a user.</summary>
    ValueTask<IReadOnlyList<SsoIdentityRow>> IdentitiesAsync(string userId, CancellationToken stop);

    /// <summary>The devices that a provider's session logged in, at most as many as the limit.</summary>
    ValueTask<IReadOnlyList<SsoSessionRow>> SessionsAsync(
        string issuer, string session, int limit, CancellationToken stop);

    /// <summary>The devices of a user that a provider logged in.</summary>
    ValueTask<IReadOnlyList<SsoSessionRow>> SessionsOfUserAsync(string userId, string issuer, CancellationToken stop);
}

/// <summary>A person at a provider, with their account.</summary>
/// <param name="Subject">The person's id at the provider.</param>
public sealed record SsoIdentityRow(string Issuer, string Subject, string UserId);

/// <summary>A device that a provider logged in.</summary>
/// <param name="Session">The provider's id of its session; empty if it has none.</param>
public sealed record SsoSessionRow(string UserId, string DeviceId, string Issuer, string Session);

/// <summary>
/// Says whose account a person at a provider has. Not applied if they have one already, or if another person of this
/// provider has that account: names at a provider are not unique.
/// </summary>
public sealed record SsoIdentityLinked(string Issuer, string Subject, string UserId) : ConditionalChange;

/// <summary>A login token or code came from a sign-in at a provider.</summary>
/// <param name="Hash">The hash of the token or code.</param>
/// <param name="UserId">The user who signed in.</param>
/// <param name="ExpiresAt">Milliseconds since the epoch.</param>
public sealed record SsoGrantIssued(
    ReadOnlyMemory<byte> Hash, string UserId, string Issuer, string Session, long ExpiresAt) : Change;

/// <summary>
/// The login that used a token or code has this device: if it came from a provider, the session is the provider's. It
/// comes after the change that issues tokens, because tokens of another login end a session.
/// </summary>
public sealed record SsoGrantUsed(ReadOnlyMemory<byte> Hash, string UserId, string DeviceId) : Change;

/// <summary>A device was logged in by a provider directly.</summary>
public sealed record SsoSessionBegun(SsoSessionRow Row) : Change;

/// <summary>
/// Sessions of a provider ended: deletes what they granted and nobody has redeemed, which are login tokens, codes, and
/// device codes that were allowed.
/// </summary>
/// <param name="Session">The session; null for all of the user.</param>
/// <param name="UserId">
/// The user; null if only the session is known. Beside a session, the user's sessions without an id end too.
/// </param>
public sealed record SsoGrantsRevoked(string Issuer, string? Session, string? UserId) : Change
{
    /// <summary>The person at the provider, who may have no account yet; null if only the session is known.</summary>
    public string? Subject { get; init; }

    /// <summary>Whether a session of a user ended.</summary>
    /// <param name="userId">The user.</param>
    /// <param name="issuer">The provider.</param>
    /// <param name="session">The session's id; empty if it is not known.</param>
    public bool Ends(string userId, string issuer, string session) =>
        issuer == Issuer && Ends(session, isOfPerson: userId == UserId);

    /// <summary>Whether a session of a person ended who has no account yet.</summary>
    /// <param name="subject">The person.</param>
    /// <param name="issuer">The provider.</param>
    /// <param name="session">The session's id; empty if it is not known.</param>
    public bool EndsOfNewcomer(string subject, string issuer, string session) =>
        issuer == Issuer && Ends(session, isOfPerson: subject == Subject);

    // A session that is named means this one alone, even if the person is named too; but a session of theirs whose id
    // is not known may be the one.
    private bool Ends(string session, bool isOfPerson) =>
        Session is null ? isOfPerson : session == Session || (isOfPerson && session.Length == 0);
}

/// <summary>Deletes grants that expired before this time (milliseconds since the epoch).</summary>
public sealed record SsoGrantsPurged(long ExpiredBefore) : Change;
