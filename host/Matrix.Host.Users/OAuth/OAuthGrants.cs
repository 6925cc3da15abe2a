using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.OAuth;
using Matrix.Host.Storage.Tables.SingleSignOn;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Users.OAuth;

/// <summary>The tokens of a grant.</summary>
/// <param name="AccessToken">The access token.</param>
/// <param name="RefreshToken">The refresh token.</param>
/// <param name="ExpiresIn">The lifetime of the access token.</param>
/// <param name="Scope">What was granted.</param>
public sealed record GrantedTokens(string AccessToken, string RefreshToken, TimeSpan ExpiresIn, string Scope)
{
    /// <summary>Leaves out the tokens.</summary>
    public override string ToString() => nameof(GrantedTokens);
}

/// <summary>Exchanges codes and refresh tokens for tokens. v1.19 client-server-api#grant-types</summary>
public sealed class OAuthGrants(
    IAccountsTable accountsTable,
    OAuthTable oAuthTable,
    IStorageWriter writer,
    OAuthClients clients,
    OAuthSessions sessions,
    Logins logins,
    AccountLocks locks,
    DeviceCodePolls polls,
    TimeProvider clock)
{
    private static readonly OAuthError _badCode = new(OAuthError.InvalidGrant, "The code is not valid.");

    /// <summary>
    /// Exchanges an authorization code. A code that is used twice ends the session that came from it.
    /// </summary>
    /// <param name="clientId">The client that asks.</param>
    /// <param name="code">The code.</param>
    /// <param name="redirectUri">The redirect URI of the authorization request.</param>
    /// <param name="verifier">The code verifier.</param>
    public async ValueTask<OAuthResult<GrantedTokens>> ByCodeAsync(
        string? clientId, string code, string redirectUri, string verifier, CancellationToken stop)
    {
        var found = await ClientAsync(clientId, ClientMetadata.CodeGrant, stop);
        if (found.Value is not { } client) return found.Error!;
        if (!TokenHash.TryOf(code, out var text)) return _badCode;
        var hash = text.ToBytes();
        if (await oAuthTable.FindCodeAsync(hash, stop) is not { } row)
        {
            await sessions.EndMadeByAsync(hash, stop);
            return _badCode;
        }

        if (row.ClientId != client.Id || row.ExpiresAt <= Now) return _badCode;
        if (row.RedirectUri != redirectUri)
        {
            return new OAuthError(
                OAuthError.InvalidGrant, "The redirect_uri is not that of the authorization request.");
        }

        if (!AuthorizationCodes.IsVerifier(verifier, row.Challenge))
        {
            return new OAuthError(OAuthError.InvalidGrant, "The code_verifier is not that of the code_challenge.");
        }

        return await BeginAsync(
            client, new OAuthCodeRedeemed(hash), hash, hash, new UserDevice(row.UserId, row.DeviceId), row.Scope, stop);
    }

    /// <summary>Exchanges a device code, once the user has allowed it. RFC 8628.</summary>
    public async ValueTask<OAuthResult<GrantedTokens>> ByDeviceCodeAsync(
        string? clientId, string deviceCode, CancellationToken stop)
    {
        var found = await ClientAsync(clientId, ClientMetadata.DeviceGrant, stop);
        if (found.Value is not { } client) return found.Error!;
        if (!TokenHash.TryOf(deviceCode, out var text)) return _badCode;
        var hash = text.ToBytes();
        if (await oAuthTable.FindDeviceCodeAsync(hash, stop) is not { } row)
        {
            await sessions.EndMadeByAsync(hash, stop);
            return _badCode;
        }

        if (row.ClientId != client.Id) return _badCode;
        if (row.ExpiresAt <= Now) return new OAuthError(OAuthError.ExpiredToken, "The device code has expired.");
        if (!polls.Take(deviceCode, text))
        {
            return new OAuthError(OAuthError.SlowDown, "Wait longer between two requests.");
        }

        return row.Decision switch
        {
            OAuthDecision.Pending => new OAuthError(
                OAuthError.AuthorizationPending, "The user has not decided yet."),
            OAuthDecision.Denied => new OAuthError(OAuthError.AccessDenied, "The user does not allow it."),
            _ => await BeginAsync(
                client,
                new OAuthDeviceCodeRedeemed(hash),
                hash,
                row.UserCode,
                new UserDevice(row.UserId!, row.DeviceId),
                row.Scope,
                stop),
        };
    }

    /// <summary>
    /// Uses a refresh token. The one before it works until a token of the new pair is used. A spent one ends the
    /// session.
    /// </summary>
    public async ValueTask<OAuthResult<GrantedTokens>> ByRefreshTokenAsync(
        string? clientId, string refreshToken, CancellationToken stop)
    {
        var found = await ClientAsync(clientId, ClientMetadata.RefreshGrant, stop);
        if (found.Value is not { } client) return found.Error!;
        var invalid = new OAuthError(OAuthError.InvalidGrant, "The refresh token is not valid.");
        if (!TokenHash.TryOf(refreshToken, out var hash)) return invalid;
        var row = await accountsTable.FindTokenAsync(hash.ToBytes(), stop);
        if (row is not null && (row.ClientId != client.Id || row.Kind != TokenKind.Refresh))
        {
            return invalid;
        }

        // The session outlives a lock, and a client ends it after any 4xx. Decision 99.
        if (row is not null && await locks.OfUserAsync(row.UserId, stop) is not null)
        {
            return new OAuthError(OAuthError.TemporarilyUnavailable, "The account has been locked.");
        }

        if (row is { IsDeactivated: false }
            && await logins.RefreshAsync(refreshToken, stop) is { } fresh)
        {
            return new GrantedTokens(fresh.AccessToken, fresh.RefreshToken, fresh.ExpiresIn, row.Scope!);
        }

        await sessions.EndNamedByAsync(refreshToken, stop);
        return invalid;
    }

    private long Now => clock.GetUtcNow().ToUnixTimeMilliseconds();

    private async ValueTask<OAuthResult<OAuthClient>> ClientAsync(
        string? clientId, string grant, CancellationToken stop)
    {
        if (await clients.FindAsync(clientId, stop) is not { } client)
        {
            return OAuthError.UnknownClient;
        }

        return client.Metadata.GrantTypes.Contains(grant)
            ? client
            : new OAuthError(OAuthError.UnauthorizedClient, "The client did not register this grant.");
    }

    /// <summary>Begins a session. Sessions that the device had before end.</summary>
    /// <param name="client">The client.</param>
    /// <param name="redemption">Uses the code up.</param>
    /// <param name="code">The hash of the code.</param>
    /// <param name="allowed">The hash of what the user allowed: the code, or the user code of a device.</param>
    /// <param name="device">The user and the device.</param>
    /// <param name="scope">What is granted.</param>
    private async ValueTask<OAuthResult<GrantedTokens>> BeginAsync(
        OAuthClient client,
        ConditionalChange redemption,
        ReadOnlyMemory<byte> code,
        ReadOnlyMemory<byte> allowed,
        UserDevice device,
        string scope,
        CancellationToken stop)
    {
        if (await locks.OfUserAsync(device.UserId, stop) is not null)
        {
            return new OAuthError(OAuthError.InvalidGrant, "The account has been locked.");
        }

        if (await logins.RefuseDeviceAsync(device.UserId, device.DeviceId, stop) is { } refused)
        {
            return new OAuthError(OAuthError.InvalidGrant, refused.Message);
        }

        var secret = RefreshToken.NewSession();
        var batch = new WriteBatch(Authority.Nobody, 6).Require(redemption).Require(new UserIsActive(device.UserId));
        var wish = new LoginWish(device.DeviceId, client.ShownName, Refreshes: true);
        var login = logins.Add(batch, device.UserId, wish, secret);
        batch.Add(new OAuthSessionBegun(new OAuthSessionRow(
            device.UserId, device.DeviceId, client.Id, TokenHash.BytesOf(secret), code, scope)));
        batch.Add(new SsoGrantUsed(allowed, device.UserId, device.DeviceId));
        if (!(await writer.WriteAsync(batch, stop)).Refused)
        {
            return new GrantedTokens(login.AccessToken, login.RefreshToken!, login.ExpiresIn!.Value, scope);
        }

        // Of two uses at once, the second one ends what the first one began.
        if (!redemption.Applied) await sessions.EndMadeByAsync(code, stop);
        return _badCode;
    }
}
