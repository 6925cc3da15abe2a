using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.OAuth;
using Matrix.Host.Storage.Tables.SingleSignOn;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Users.OAuth;

/// <summary>Authorization codes. v1.19 client-server-api#authorisation-code-grant; RFC 6749; RFC 7636.</summary>
public sealed class AuthorizationCodes(IStorageWriter writer, Logins logins, OAuthOptions options, TimeProvider clock)
{
    private const int CodeBytes = 32;
    private const int ShortestVerifier = 43;
    private const int LongestVerifier = 128;

    /// <summary>
    /// The code for a request that the user allows, or why there is none. Outdated: the sign-in does not hold any more.
    /// </summary>
    public async ValueTask<UserResult<string>> IssueAsync(
        AuthorizationRequest request, BrowserSignIn user, CancellationToken stop)
    {
        var device = request.Scope.DeviceId;
        if (await logins.RefuseDeviceAsync(user.UserId, device, stop) is { } refused)
        {
            return refused;
        }

        var code = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(CodeBytes));
        var row = new OAuthCodeRow(
            TokenHash.BytesOf(code),
            clock.GetUtcNow().Add(options.CodeLifetime).ToUnixTimeMilliseconds(),
            request.Client.Id,
            user.UserId,
            device,
            request.Scope.Text,
            request.RedirectUri,
            request.Challenge);
        var batch = new WriteBatch(Authority.Nobody, 3)
            .Require(user.NewCondition())
            .Add(new OAuthCodeIssued(row, options.CodesOfUser));
        if (user.Origin is { } origin)
        {
            batch.Add(new SsoGrantIssued(row.Hash, user.UserId, origin.Issuer, origin.Session, row.ExpiresAt));
        }

        return (await writer.WriteAsync(batch, stop)).Refused
            ? new UserFailure(UserFailureKind.Outdated, "The account has changed since you signed in.")
            : new UserResult<string>(code);
    }

    /// <summary>Whether a verifier is the one of a challenge.</summary>
    internal static bool IsVerifier(string verifier, string challenge) =>
        verifier.Length is >= ShortestVerifier and <= LongestVerifier
        && CryptographicOperations.FixedTimeEquals(
            Encoding.UTF8.GetBytes(Base64Url.EncodeToString(SHA256.HashData(Encoding.UTF8.GetBytes(verifier)))),
            Encoding.UTF8.GetBytes(challenge));
}
