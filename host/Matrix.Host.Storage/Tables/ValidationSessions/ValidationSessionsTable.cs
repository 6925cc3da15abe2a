using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.ValidationSessions;

/// <summary>
/// Sessions in which somebody proves that they have a mail address or phone number. A row takes some 400 bytes; the
/// change that begins a session bounds their number, and they end by time.
/// v1.19 client-server-api#adding-account-administrative-contact-information
/// </summary>
public sealed class ValidationSessionsTable(IReads reads)
{
    private const string Columns = """
        session_id, used_for, medium, address, secret, send_attempt, token, guesses, language, next_link, expires_at,
        validated_at, user_id
        """;

    private static readonly Statement ById = Statement.Of(
        $"SELECT {Columns} FROM validation_sessions WHERE session_id = $1");

    private static readonly Statement BySecret = Statement.Of($"""
        SELECT {Columns} FROM validation_sessions
        WHERE used_for = $1 AND medium = $2 AND address = $3 AND secret = $4
        """);

    // $1 is the bound less one: the session that comes needs a place.
    private static readonly Statement MakePlace = Statement.Of("""
        DELETE FROM validation_sessions WHERE session_id IN (
            SELECT session_id FROM validation_sessions ORDER BY expires_at, session_id LIMIT (
                SELECT CASE WHEN COUNT(*) > $1 THEN COUNT(*) - $1 ELSE 0 END FROM validation_sessions))
        """);

    // A session that has ended makes place for one of the same client and address.
    private static readonly Statement DropEnded = Statement.Of("""
        DELETE FROM validation_sessions
        WHERE used_for = $1 AND medium = $2 AND address = $3 AND secret = $4 AND expires_at <= $5
        """);

    private static readonly Statement Insert = Statement.Of($"""
        INSERT INTO validation_sessions ({Columns}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, NULL, $12)
        ON CONFLICT (used_for, medium, address, secret) DO NOTHING
        """);

    private static readonly Statement Resend = Statement.Of("""
        UPDATE validation_sessions SET send_attempt = $2, token = $3, next_link = $4, expires_at = $5,
            user_id = COALESCE(user_id, $7)
        WHERE session_id = $1 AND send_attempt < $2 AND validated_at IS NULL AND expires_at > $6
        """);

    private static readonly Statement Confirm = Statement.Of("""
        UPDATE validation_sessions SET validated_at = COALESCE(validated_at, $3), user_id = COALESCE(user_id, $4)
        WHERE session_id = $1 AND token = $2 AND expires_at > $3
        """);

    private static readonly Statement Try = Statement.Of("""
        UPDATE validation_sessions SET guesses = guesses + 1
        WHERE session_id = $1 AND guesses < $2 AND expires_at > $3
        """);

    private static readonly Statement Use = Statement.Of(
        "DELETE FROM validation_sessions WHERE session_id = $1 AND validated_at IS NOT NULL AND expires_at > $2");

    private static readonly Statement UseAsOwner = Statement.Of("""
        DELETE FROM validation_sessions WHERE session_id = $1 AND validated_at IS NOT NULL AND expires_at > $3
            AND EXISTS (SELECT 1 FROM third_party_ids i JOIN users u ON u.user_id = i.user_id
                WHERE i.medium = validation_sessions.medium AND i.address = validation_sessions.address
                    AND u.user_id = $2 AND u.deactivated_at IS NULL)
        """);

    private static readonly Statement Purge = Statement.Of("DELETE FROM validation_sessions WHERE expires_at < $1");

    internal static void Register(WriteHandlers handlers) => handlers
        .On<ValidationBegun>(static (op, writes) =>
        {
            writes.Run(DropEnded, op.Row, static (a, row) => a
                .Int((int)row.Purpose).Text(row.Medium).Text(row.Address).Blob(row.Secret).Now());
            writes.Run(MakePlace, op, static (a, op) => a.Int(op.Most - 1));
            writes.RunIf(Insert, op, static (a, op) => a
                .Text(op.Row.SessionId).Int((int)op.Row.Purpose).Text(op.Row.Medium).Text(op.Row.Address)
                .Blob(op.Row.Secret).Int(op.Row.SendAttempt).BlobOrNull(op.Row.Token).Int(op.Row.Guesses)
                .Text(op.Row.Language).TextOrNull(op.Row.NextLink).Int(op.Row.ExpiresAt)
                .TextOrNull(op.Row.UserId));
        })
        .OnCondition<ValidationResent>(Resend, static (a, op) => a
            .Text(op.SessionId).Int(op.SendAttempt).BlobOrNull(op.Token).TextOrNull(op.NextLink).Int(op.ExpiresAt)
            .Now().TextOrNull(op.UserId))
        .OnCondition<ValidationConfirmed>(Confirm, static (a, op) => a
            .Text(op.SessionId).Blob(op.Token).Now().TextOrNull(op.UserId))
        .OnCondition<ValidationTried>(Try, static (a, op) => a.Text(op.SessionId).Int(op.Most).Now())
        .OnCondition<ValidationUsed>(Use, static (a, op) => a.Text(op.SessionId).Now())
        .OnCondition<OwnerValidated>(UseAsOwner, static (a, op) => a.Text(op.SessionId).Text(op.UserId).Now())
        .On<ValidationsPurged>(Purge, static (a, op) => a.Int(op.ExpiredBefore));

    /// <summary>The session with this id, even if it has expired; null if there is none.</summary>
    public ValueTask<ValidationSessionRow?> FindAsync(string sessionId, CancellationToken stop) =>
        reads.FirstAsync(ById, sessionId, static (a, id) => a.Text(id), Row, stop);

    /// <summary>
    /// The session of a client's secret for an address, even if it has expired; null if there is none.
    /// </summary>
    public ValueTask<ValidationSessionRow?> FindAsync(
        ValidationPurpose purpose,
        string medium,
        string address,
        ReadOnlyMemory<byte> secret,
        CancellationToken stop) =>
        reads.FirstAsync(
            BySecret,
            (purpose, medium, address, secret),
            static (a, q) => a.Int((int)q.purpose).Text(q.medium).Text(q.address).Blob(q.secret),
            Row,
            stop);

    private static ValidationSessionRow? Row(IRow row) => new(
        row.Text(0), (ValidationPurpose)row.Int64(1), row.Text(2), row.Text(3), row.Blob(4), row.Int64(5),
        row.BlobOrNull(6), row.Int32(7), row.Text(8), row.TextOrNull(9), row.Int64(10), row.Int64OrNull(11))
    {
        UserId = row.TextOrNull(12),
    };
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
