using System.Buffers.Text;
using System.Security.Cryptography;
using Matrix.Host.Network;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.OAuth;
using Matrix.Host.Storage.Tables.SingleSignOn;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Users.OAuth;

/// <summary>The codes of a device authorization.</summary>
/// <param name="DeviceCode">What the device polls with.</param>
/// <param name="UserCode">What the user types, in two groups.</param>
public sealed record DeviceAuthorization(string DeviceCode, string UserCode)
{
    /// <summary>Leaves out the codes.</summary>
    public override string ToString() => nameof(DeviceAuthorization);
}

/// <summary>What a user is asked about a device.</summary>
/// <param name="Client">The client.</param>
/// <param name="DeviceId">The device that it wants to be.</param>
public sealed record DeviceRequest(OAuthClient Client, string DeviceId);

/// <summary>
/// Logins of devices that have no browser. v1.19 client-server-api#device-authorisation-flow; RFC 8628.
/// </summary>
public sealed class DeviceAuthorizations(
    OAuthTable oAuthTable,
    IStorageWriter writer,
    OAuthClients clients,
    Logins logins,
    ShardGates gates,
    OAuthOptions options,
    TimeProvider clock)
{
    private const int CodeBytes = 32;
    private const int GroupLetters = 4;

    /// <summary>Without vowels, so that no words come out, and without letters that look alike.</summary>
    private const string Letters = "BCDFGHJKLMNPQRSTVWXZ";

    /// <summary>Begins an authorization.</summary>
    /// <param name="clientId">The client.</param>
    /// <param name="scope">What it asks for.</param>
    /// <param name="address">The address of the device.</param>
    public async ValueTask<OAuthResult<DeviceAuthorization>> BeginAsync(
        string? clientId, string? scope, string address, CancellationToken stop)
    {
        if (await clients.FindAsync(clientId, stop) is not { } client)
        {
            return OAuthError.UnknownClient;
        }

        if (!client.Metadata.GrantTypes.Contains(ClientMetadata.DeviceGrant))
        {
            return new OAuthError(OAuthError.UnauthorizedClient, "The client did not register this grant.");
        }

        var read = OAuthScope.Read(scope);
        if (read.Value is not { } asked) return read.Error!;

        var device = MintedIds.Draw(
            gates, static () => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(CodeBytes)));
        var user = RandomNumberGenerator.GetString(Letters, 2 * GroupLetters);
        var row = new OAuthDeviceCodeRow(
            TokenHash.BytesOf(device),
            TokenHash.BytesOf(user),
            clock.GetUtcNow().Add(options.DeviceCodeLifetime).ToUnixTimeMilliseconds(),
            OAuthDecision.Pending,
            client.Id,
            asked.DeviceId,
            asked.Text,
            UserId: null);
        var issued = new OAuthDeviceCodeIssued(
            row, options.DeviceCodes, AddressBlock.Of(address), options.DeviceCodesOfAddress);
        await writer.WriteAsync(new WriteBatch(Authority.Nobody, 1).Add(issued), stop);
        return issued.Applied
            ? new DeviceAuthorization(device, $"{user[..GroupLetters]}-{user[GroupLetters..]}")
            : new OAuthError(OAuthError.TemporarilyUnavailable, "Too many devices ask at once.");
    }

    /// <summary>The request of a user code, whatever its spelling; null if the code is not valid (any more).</summary>
    public async ValueTask<DeviceRequest?> FindAsync(string userCode, CancellationToken stop)
    {
        var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
        return HashOf(userCode) is { } hash
            && await oAuthTable.FindUserCodeAsync(hash, stop) is { } row
            && row.Decision == OAuthDecision.Pending
            && row.ExpiresAt > now
            && await clients.FindAsync(row.ClientId, stop) is { } client
            ? new DeviceRequest(client, row.DeviceId)
            : null;
    }

    /// <summary>
    /// Records the user's decision. The failure is NotFound if the code is not valid any more, Outdated if the sign-in
    /// does not hold.
    /// </summary>
    public async ValueTask<UserFailure?> DecideAsync(
        string userCode, DeviceRequest request, BrowserSignIn user, bool allows, CancellationToken stop)
    {
        if (allows
            && await logins.RefuseDeviceAsync(user.UserId, request.DeviceId, stop) is { } refused)
        {
            return refused;
        }

        var gone = new UserFailure(UserFailureKind.NotFound, "The code is not valid any more.");
        if (HashOf(userCode) is not { } hash) return gone;
        var decided = new OAuthDeviceCodeDecided(
            hash, user.UserId, allows ? OAuthDecision.Allowed : OAuthDecision.Denied);
        var condition = user.NewCondition();
        var batch = new WriteBatch(Authority.Nobody, 2).Require(condition).Require(decided);
        if (allows && user.Origin is { } origin)
        {
            var expiry = clock.GetUtcNow().Add(options.DeviceCodeLifetime).ToUnixTimeMilliseconds();
            batch.Add(new SsoGrantIssued(hash, user.UserId, origin.Issuer, origin.Session, expiry));
        }

        if (!(await writer.WriteAsync(batch, stop)).Refused) return null;
        return condition.Applied
            ? gone
            : new UserFailure(UserFailureKind.Outdated, "The account has changed since you signed in.");
    }

    private static byte[]? HashOf(string userCode)
    {
        var letters = string.Concat(userCode.ToUpperInvariant().Where(char.IsAsciiLetterUpper));
        return letters.Length == 2 * GroupLetters ? TokenHash.BytesOf(letters) : null;
    }
}
