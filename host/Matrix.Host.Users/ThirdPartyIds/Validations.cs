using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Matrix.Host.Network.Mail;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.ThirdPartyIds;
using Matrix.Host.Storage.Tables.ValidationSessions;
using Matrix.Host.Users.ThirdPartyIds.Messages;

namespace Matrix.Host.Users.ThirdPartyIds;

/// <summary>A request for a token.</summary>
/// <param name="Purpose">What the address is proved for.</param>
/// <param name="Id">The address.</param>
/// <param name="ClientSecret">The client's secret.</param>
/// <param name="SendAttempt">A message is sent only if this is higher than before.</param>
public sealed record TokenRequest(ValidationPurpose Purpose, ThirdPartyId Id, string ClientSecret, long SendAttempt)
{
    /// <summary>Where the browser goes after the confirmation; null for nowhere.</summary>
    public string? NextLink { get; init; }

    /// <summary>The language of the message.</summary>
    public string Language { get; init; } = Languages.Usual;

    /// <summary>The network address of the request.</summary>
    public string Asker { get; init; } = "";

    /// <summary>The user who asks; null without a token.</summary>
    public string? UserId { get; init; }

    /// <summary>Whether a mail has a code to type, as text messages have, in place of a link.</summary>
    public bool ByCode { get; init; }

    /// <summary>The purpose only: the rest is private.</summary>
    public override string ToString() => Purpose.ToString();
}

/// <summary>
/// Sessions in which somebody proves that they have an address. What a stranger sees, and how long it takes, does not
/// depend on whether an account has the address: the owner learns it by the message.
/// v1.19 client-server-api#adding-account-administrative-contact-information
/// </summary>
public sealed class Validations(
    ThirdPartyIdsTable thirdPartyIdsTable,
    ValidationSessionsTable validationSessionsTable,
    IStorageWriter writer,
    MessageSender sender,
    IdentifierPolicy policy,
    IMessageLimits limits,
    ThirdPartyIdOptions options,
    TimeProvider clock)
{
    private const int SessionBytes = 18;
    private const int TokenBytes = 32;
    private const int CodeDigits = 6;
    private const string Digits = "0123456789";

    private static readonly UserFailure _notValidated = new(
        UserFailureKind.IdentifierAuthFailed, "The address has not been confirmed in this session.");

    /// <summary>Whether addresses of a medium can be confirmed.</summary>
    public bool Supports(string medium) => sender.Supports(medium);

    /// <summary>Begins a session, or sends its message again.</summary>
    /// <returns>The session's id.</returns>
    public async ValueTask<UserResult<string>> RequestAsync(TokenRequest request, CancellationToken stop)
    {
        var (purpose, id) = (request.Purpose, request.Id);
        if (!sender.Supports(id.Medium)) return NotSupported(id.Medium);
        if (!policy.Allows(id))
        {
            return new UserFailure(UserFailureKind.IdentifierDenied, "This server does not allow the address.");
        }

        var owner = await thirdPartyIdsTable.FindAsync(id.Medium, id.Address, stop);
        if (RefusalOf(request, owner?.UserId) is { } refusal) return refusal;
        var secret = HashOf(request.ClientSecret);
        var known = await validationSessionsTable.FindAsync(purpose, id.Medium, id.Address, secret, stop);
        if (known is not null && known.ExpiresAt <= Now) known = null;
        if (known is { ValidatedAt: not null } || known?.SendAttempt >= request.SendAttempt) return known.SessionId;
        if (limits.Take(request.Asker, MailboxOf(id)) is { Ticks: > 0 } wait) return new TooManyMessages(wait);
        if (!sender.HasSpace) return new TooManyMessages(options.SendPause);

        var sessionId = known?.SessionId ?? Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(SessionBytes));
        var isByCode = request.ByCode || id.Medium == Medium.Phone;
        var token = NewToken(isByCode);
        var kind = KindOf(purpose, isKnown: owner is not null);
        ReadOnlyMemory<byte>? hash = kind is MessageKind.InUse or MessageKind.Unknown
            ? null
            : TokenHashOf(sessionId, token);
        var session = new ValidationSessionRow(
            sessionId, purpose, id.Medium, id.Address, secret, request.SendAttempt, hash, 0, request.Language,
            AllowedLink(request.NextLink), Now + (long)options.SessionLifetime.TotalMilliseconds)
        {
            UserId = known?.UserId ?? (purpose == ValidationPurpose.Addition ? request.UserId : null),
        };
        var change = ChangeOf(session, isNew: known is null);
        await writer.WriteAsync(new WriteBatch(Authority.Nobody, 1).Add(change), stop);
        if (!change.Applied)
        {
            // Another request of the client began the session, or sent the message.
            return await validationSessionsTable.FindAsync(purpose, id.Medium, id.Address, secret, stop) is { } other
                ? other.SessionId
                : new UserFailure(UserFailureKind.Outdated, "Another request changes the session.");
        }

        _ = sender.TryPost(new Message(kind, id, request.Language)
        {
            UserId = owner?.UserId ?? session.UserId ?? "",
            Proof = isByCode ? token : LinkOf(sessionId, token),
            HasCode = isByCode,
            ExpiresAt = session.ExpiresAt,
        });
        return sessionId;
    }

    /// <summary>A code to type, or the token of a link.</summary>
    private static string NewToken(bool isCode) => isCode
        ? RandomNumberGenerator.GetString(Digits, CodeDigits)
        : Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(TokenBytes));

    private ConditionalChange ChangeOf(ValidationSessionRow session, bool isNew) => isNew
        ? new ValidationBegun(session, options.Sessions)
        : new ValidationResent(
            session.SessionId, session.SendAttempt, session.Token, session.NextLink, session.ExpiresAt)
        {
            UserId = session.UserId,
        };

    /// <summary>The session of a link; null if it has ended.</summary>
    public async ValueTask<ValidationSessionRow?> FindAsync(string sessionId, CancellationToken stop) =>
        await validationSessionsTable.FindAsync(sessionId, stop) is { } row
        && row.ExpiresAt > Now
            ? row
            : null;

    /// <summary>Confirms a session by the token that was sent.</summary>
    /// <param name="clientSecret">The client's secret; null for a link, whose token cannot be guessed.</param>
    /// <param name="account">The account that the owner of the address named; null for none.</param>
    /// <returns>The failure: the session has ended, the token is wrong, or the number had too many tries.</returns>
    public async ValueTask<UserResult<ValidationSessionRow>> ConfirmAsync(
        string sessionId, string? clientSecret, string token, CancellationToken stop, string? account = null)
    {
        var row = await FindAsync(sessionId, stop);
        if (row is null || !(clientSecret is null ? MayBeOfLink(row, token) : HasSecret(row, clientSecret)))
        {
            return Expired;
        }

        // Codes are short, and whoever begins more sessions for a number has no more guesses. A session without tries
        // takes none from the others.
        if (row.Medium == Medium.Phone
            && row.Guesses < options.Tries
            && limits.TakeTry(row.Address) is { Ticks: > 0 } wait)
        {
            return new TooManyTries(wait);
        }

        var tried = new ValidationTried(sessionId, options.Tries);
        var confirmed = new ValidationConfirmed(sessionId, TokenHashOf(sessionId, token)) { UserId = account };
        var batch = new WriteBatch(Authority.Nobody, 1).Require(tried).Add(confirmed);
        if ((await writer.WriteAsync(batch, stop)).Refused) return Expired;
        return confirmed.Applied
            ? row
            : new UserFailure(UserFailureKind.TokenIncorrect, "The token is not the one that was sent.");
    }

    /// <summary>A confirmed session of the client for a purpose.</summary>
    public async ValueTask<UserResult<ValidationSessionRow>> ValidatedAsync(
        ValidationPurpose purpose, string sessionId, string clientSecret, CancellationToken stop) =>
        await FindAsync(sessionId, stop) is { ValidatedAt: not null } row
        && row.Purpose == purpose
        && HasSecret(row, clientSecret)
            ? row
            : _notValidated;

    /// <summary>Whether the owner of an address has to say to which account it may be added.</summary>
    public static bool NeedsAccount(ValidationSessionRow session)
    {
        return session is { Purpose: ValidationPurpose.Addition, UserId: null };
    }

    /// <summary>The account that a confirmation is about: it is named to the owner. Null if none is known.</summary>
    public async ValueTask<string?> AccountAsync(ValidationSessionRow session, CancellationToken stop)
    {
        if (session.Purpose != ValidationPurpose.Password) return session.UserId;
        return (await thirdPartyIdsTable.FindAsync(session.Medium, session.Address, stop))
            ?.UserId;
    }

    /// <summary>Why addresses of a medium cannot be confirmed.</summary>
    public static UserFailure NotSupported(string medium) => new(
        UserFailureKind.MediumNotSupported,
        medium == Medium.Phone ? "This server sends no text messages." : "This server sends no mail.");

    private static UserFailure Expired { get; } = new(
        UserFailureKind.SessionExpired, "The session has ended, or had too many tries.");

    private long Now => clock.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>What the configuration lets strangers know, and everybody of their own addresses.</summary>
    private UserFailure? RefusalOf(TokenRequest request, string? owner)
    {
        if (request.Purpose == ValidationPurpose.Password)
        {
            return owner is null && options.TellsKnown
                ? new UserFailure(UserFailureKind.IdentifierNotFound, "No account has the address.")
                : null;
        }

        return owner is not null && (options.TellsKnown || owner == request.UserId)
            ? new UserFailure(UserFailureKind.IdentifierInUse, "An account has the address already.")
            : null;
    }

    private static MessageKind KindOf(ValidationPurpose purpose, bool isKnown) => purpose switch
    {
        ValidationPurpose.Password => isKnown ? MessageKind.ConfirmPassword : MessageKind.Unknown,
        _ when isKnown => MessageKind.InUse,
        ValidationPurpose.Registration => MessageKind.ConfirmRegistration,
        _ => MessageKind.ConfirmAddition,
    };

    private string? AllowedLink(string? link) =>
        link is not null
        && Uri.TryCreate(link, UriKind.Absolute, out var url)
        && url.Scheme is "https" or "http"
        && url.UserInfo.Length == 0
        && options.NextLinkHosts.Contains(url.IsDefaultPort ? url.Host : $"{url.Host}:{url.Port}")
            ? url.AbsoluteUri
            : null;

    private string LinkOf(string sessionId, string token) => string.Create(
        CultureInfo.InvariantCulture,
        $"{options.BaseUrl.TrimEnd('/')}/_matrix/static/identifiers/confirm?sid={sessionId}&token={token}");

    // Codes are short: only the client that asked for one may try it.
    private static bool MayBeOfLink(ValidationSessionRow row, string token) =>
        row.Medium == Medium.Email && token.Length > CodeDigits;

    private static string MailboxOf(ThirdPartyId id) =>
        id.Medium == Medium.Email ? MailAddresses.Mailbox(id.Address) : id.Address;

    private static bool HasSecret(ValidationSessionRow row, string clientSecret) =>
        CryptographicOperations.FixedTimeEquals(row.Secret.Span, HashOf(clientSecret));

    private static byte[] HashOf(string clientSecret) => SHA256.HashData(Encoding.UTF8.GetBytes(clientSecret));

    // With the session's id, because codes are short.
    private static byte[] TokenHashOf(string sessionId, string token) =>
        SHA256.HashData(Encoding.UTF8.GetBytes($"{sessionId} {token}"));
}
