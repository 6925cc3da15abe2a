using System.Buffers.Binary;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.Accounts;

/// <summary>
/// A token that another server gave out goes on. Tokens of a device that belong to no refresh token, or to one that has
/// no predecessor, are of the first generation.
/// </summary>
/// <param name="DeviceId">The device; empty for none.</param>
/// <param name="ExpiresAt">Milliseconds since the epoch; null for never.</param>
/// <param name="Generation">The pair that it belongs to.</param>
/// <param name="Confirmed">Whether a token of the pair was used: the pair before it has ended.</param>
/// <param name="IssuedBy">The administrator who acts as the user by it; null for the user's own.</param>
/// <param name="SessionEndsAt">
/// When a refresh token's session ends, however often it is refreshed, in milliseconds since the epoch; null for never.
/// </param>
public sealed record TokenImported(
    string UserId,
    string DeviceId,
    ReadOnlyMemory<byte> Hash,
    TokenKind Kind,
    long? ExpiresAt,
    int Generation,
    bool Confirmed,
    string? IssuedBy = null,
    long? SessionEndsAt = null) : Change;

/// <summary>How imported tokens are stored. Whether an application service logged in is not known.</summary>
internal static class ImportedTokenHandlers
{
    private static readonly Statement Insert = Statement.Of("""
        INSERT INTO tokens
            (hash, kind, user_id, device_id, expires_at, generation, confirmed, issued_by, session, session_ends_at,
                by_service)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, NULL) ON CONFLICT (hash) DO NOTHING
        """);

    public static void Register(WriteHandlers handlers) => handlers
        .On<TokenImported>(Insert, static (a, op) =>
        {
            a.Blob(op.Hash).Int((int)op.Kind).Text(op.UserId).Text(op.DeviceId).IntOrNull(op.ExpiresAt)
                .Int(op.Generation).Bool(op.Confirmed).TextOrNull(op.IssuedBy);

            // Each token without a device is a session of its own. Any number that others do not have is good for it.
            if (op.DeviceId.Length > 0) a.Position();
            else a.Int(BinaryPrimitives.ReadInt64BigEndian(op.Hash.Span) & long.MaxValue);
            a.IntOrNull(op.SessionEndsAt);
        });
}
