using System.Buffers.Text;
using System.Security.Cryptography;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Users.Administration;

/// <summary>
/// Tokens by which an administrator acts as a user. They belong to no device, end by themselves, and are in the audit
/// log.
/// </summary>
public sealed class LoginAs(
    IStorageWriter writer, UserAdministration users, AuditLog audit, AdminOptions options, TimeProvider clock)
{
    private const int TokenBytes = 32;

    /// <summary>A token for a user.</summary>
    /// <param name="validUntil">
    /// When it ends, in milliseconds since the epoch; null for the longest time. A later end is cut to that.
    /// </param>
    public async ValueTask<UserResult<string>> IssueAsync(
        AdminActor actor, string userId, long? validUntil, CancellationToken stop)
    {
        if (actor.Who == userId)
        {
            return new UserFailure(UserFailureKind.InvalidParam, "Administrators cannot act as themselves.");
        }

        var found = await users.FindAsync(userId, stop);
        if (!found.IsOk) return found.Failure;

        // What an administrator does would stand under another one's name in the audit log.
        if (found.Value.IsAdmin)
        {
            return new UserFailure(UserFailureKind.Forbidden, "The user is an administrator of this server.");
        }

        var now = clock.GetUtcNow();
        if (validUntil <= now.ToUnixTimeMilliseconds())
        {
            return new UserFailure(UserFailureKind.InvalidParam, "`valid_until_ms` is in the past.");
        }

        var latest = now.Add(options.LongestLoginAs).ToUnixTimeMilliseconds();
        var token = "mat_" + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(TokenBytes));
        var batch = new WriteBatch(Authority.Nobody, 3)
            .Require(new UserIsActive(userId))
            .Require(audit.Of(actor, "user.login_as", userId))
            .Add(new LoginAsIssued(
                userId, TokenHash.BytesOf(token), Math.Min(validUntil ?? latest, latest), actor.Who));
        return (await writer.WriteAsync(batch, stop)).Refused
            ? new UserFailure(UserFailureKind.Deactivated, "The account has been deactivated.")
            : token;
    }
}
