using System.Security.Cryptography;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;

namespace Matrix.Host.Users.Administration;

/// <summary>
/// Registration tokens, for administrators. v1.19 client-server-api#token-authenticated-registration. The first user's
/// token is not among them.
/// </summary>
public sealed class RegistrationTokens(
    IAccountsTable accountsTable, IStorageWriter writer, AuditLog audit, AdminOptions options, TimeProvider clock)
{
    /// <summary>The most characters of a token.</summary>
    public const int Longest = 64;

    private const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

    private static readonly UserFailure _unknown = new(UserFailureKind.NotFound, "There is no such token.");

    /// <summary>Whether a text can be a token.</summary>
    public static bool IsToken(string text) =>
        text.Length is > 0 and <= Longest
        && text.All(static c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '~' or '-');

    /// <summary>The tokens.</summary>
    /// <param name="isValid">Whether those are listed that can be used now, or the others; null for all.</param>
    public async ValueTask<IReadOnlyList<RegistrationTokenRow>> ListAsync(bool? isValid, CancellationToken stop)
    {
        var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
        var all = await accountsTable.RegistrationTokensAsync(stop);
        return [.. all.Where(row => !row.MakesAdmin && (isValid is null || row.IsValidAt(now) == isValid))];
    }

    /// <summary>A token; null if there is none.</summary>
    public async ValueTask<RegistrationTokenRow?> FindAsync(string token, CancellationToken stop) =>
        await accountsTable.FindRegistrationTokenAsync(token, stop)
            is { MakesAdmin: false } row ? row : null;

    /// <summary>Creates a token.</summary>
    /// <param name="token">The token; null for a random one.</param>
    /// <param name="length">The length of a random one.</param>
    public async ValueTask<UserResult<RegistrationTokenRow>> CreateAsync(
        AdminActor actor, string? token, int length, int? usesAllowed, long? expiresAt, CancellationToken stop)
    {
        var all = await accountsTable.RegistrationTokensAsync(stop);
        if (all.Count >= options.RegistrationTokens)
        {
            return new UserFailure(
                UserFailureKind.LimitReached, $"There are {options.RegistrationTokens} registration tokens already.");
        }

        var made = token ?? RandomNumberGenerator.GetString(Alphabet, length);
        var batch = new WriteBatch(Authority.Nobody, 2)
            .Require(new RegistrationTokenCreated(made, usesAllowed, expiresAt))
            .Require(audit.Of(actor, "token.create", NameOf(made)));
        return (await writer.WriteAsync(batch, stop)).Refused
            ? new UserFailure(UserFailureKind.InvalidParam, "There is a token of that name.")
            : new RegistrationTokenRow(made, usesAllowed, 0, expiresAt, MakesAdmin: false);
    }

    /// <summary>Changes the limits of a token.</summary>
    /// <param name="change">The row with other limits.</param>
    public async ValueTask<UserResult<RegistrationTokenRow>> ChangeAsync(
        AdminActor actor,
        string token,
        Func<RegistrationTokenRow, RegistrationTokenRow> change,
        CancellationToken stop)
    {
        if (await FindAsync(token, stop) is not { } before) return _unknown;
        var after = change(before);
        var batch = new WriteBatch(Authority.Nobody, 2)
            .Require(new RegistrationTokenLimited(token, after.UsesAllowed, after.ExpiresAt))
            .Require(audit.Of(actor, "token.change", NameOf(token)));
        return (await writer.WriteAsync(batch, stop)).Refused ? _unknown : after;
    }

    /// <summary>Deletes a token.</summary>
    public async ValueTask<UserFailure?> DeleteAsync(AdminActor actor, string token, CancellationToken stop)
    {
        if (await FindAsync(token, stop) is null) return _unknown;
        var batch = new WriteBatch(Authority.Nobody, 2)
            .Require(new RegistrationTokenDeleted(token))
            .Require(audit.Of(actor, "token.delete", NameOf(token)));
        return (await writer.WriteAsync(batch, stop)).Refused ? _unknown : null;
    }

    /// <summary>The name of a token in the audit log. Whoever has the token can register: it is not logged.</summary>
    private static string NameOf(string token) => token.Length > 4 ? token[..4] + "…" : "…";
}
