using System.Buffers.Text;
using System.Security.Cryptography;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Host.Storage.Tables.SingleSignOn;

namespace Matrix.Host.Users.Sessions;

/// <summary>The device and tokens of a login.</summary>
/// <param name="UserId">The user.</param>
/// <param name="DeviceId">The device.</param>
/// <param name="AccessToken">The access token.</param>
/// <param name="RefreshToken">The refresh token, if the client asked for one.</param>
/// <param name="ExpiresIn">The lifetime of the access token; null for unlimited.</param>
public sealed record IssuedLogin(
    string UserId, string DeviceId, string AccessToken, string? RefreshToken, TimeSpan? ExpiresIn)
{
    /// <summary>Leaves out the tokens.</summary>
    public override string ToString() => $"{UserId} {DeviceId}";
}

/// <summary>The device that a client wants to log in.</summary>
/// <param name="DeviceId">The device; null for a new one.</param>
/// <param name="DisplayName">The display name of a new device.</param>
/// <param name="Refreshes">Whether the client refreshes tokens.</param>
public sealed record LoginWish(string? DeviceId, string? DisplayName, bool Refreshes);

/// <summary>A user who has proved who they are.</summary>
/// <param name="UserId">The user.</param>
/// <param name="Conditions">Must hold when the login is written.</param>
public sealed record LoginProof(string UserId, IReadOnlyList<ConditionalChange> Conditions)
{
    /// <summary>The hash of the login token; null for another proof.</summary>
    internal ReadOnlyMemory<byte>? LoginToken { get; init; }

    /// <summary>Whether the token of an application service proved it.</summary>
    internal bool IsByService { get; init; }

    /// <summary>The provider that proved it to a page of this server; null for another proof.</summary>
    internal SsoOrigin? Origin { get; init; }
}

/// <summary>
/// Creates devices and tokens. v1.19 client-server-api#relationship-between-access-tokens-and-devices
/// </summary>
public sealed class Logins(
    IAccountsTable accountsTable,
    KeysTable keysTable,
    IStorageWriter writer,
    AccountLocks locks,
    UsersOptions options,
    TimeProvider clock)
{
    private const int TokenBytes = 32;
    private const int DeviceIdLetters = 10;
    private const string DeviceIdAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

    /// <summary>
    /// Logs a user in. If the proof's conditions do not hold when the login is written, the failure is Outdated.
    /// </summary>
    public async ValueTask<UserResult<IssuedLogin>> LogInAsync(LoginProof proof, LoginWish wish, CancellationToken stop)
    {
        if (await locks.OfUserAsync(proof.UserId, stop) is { } locked) return locked;
        if (await RefuseDeviceAsync(proof.UserId, wish.DeviceId, stop) is { } refused)
        {
            return refused;
        }

        var batch = new WriteBatch(Authority.Nobody, 2);
        foreach (var condition in proof.Conditions) batch.Require(condition);
        var login = Add(batch, proof.UserId, wish, byService: proof.IsByService);
        if (proof.LoginToken is { } token) batch.Add(new SsoGrantUsed(token, login.UserId, login.DeviceId));
        if (proof.Origin is { } origin)
        {
            batch.Add(new SsoSessionBegun(
                new SsoSessionRow(login.UserId, login.DeviceId, origin.Issuer, origin.Session)));
        }

        return (await writer.WriteAsync(batch, stop)).Refused
            ? new UserFailure(UserFailureKind.Outdated, "The account is being changed at the same time.")
            : login;
    }

    /// <summary>Adds a device and its tokens to a batch. Tokens that the device had before end.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="userId">The user.</param>
    /// <param name="wish">The device.</param>
    /// <param name="session">What the refresh tokens of an OAuth session begin with; null for the legacy API.</param>
    /// <param name="byService">Whether an application service logs in.</param>
    internal IssuedLogin Add(
        WriteBatch batch, string userId, LoginWish wish, string? session = null, bool byService = false)
    {
        var deviceId = wish.DeviceId ?? RandomNumberGenerator.GetString(DeviceIdAlphabet, DeviceIdLetters);
        var access = NewAccessToken();
        var refresh = wish.Refreshes ? RefreshToken.New(session) : null;
        TimeSpan? lifetime = wish.Refreshes ? options.AccessTokenLifetime : null;

        batch.Add(new DeviceAdded(userId, deviceId, wish.DisplayName));
        batch.Add(new TokensIssued(
            userId,
            deviceId,
            TokenHash.BytesOf(access),
            ExpiryOf(lifetime),
            refresh is null ? null : (ReadOnlyMemory<byte>?)TokenHash.BytesOf(refresh),
            RefreshExpiresAt: null)
        { ByService = byService });
        return new IssuedLogin(userId, deviceId, access, refresh, lifetime);
    }

    /// <summary>Why a user may not have that device; null if they may.</summary>
    /// <param name="replaced">A device that ends when this one begins.</param>
    internal async ValueTask<UserFailure?> RefuseDeviceAsync(
        string userId, string? deviceId, CancellationToken stop, string? replaced = null)
    {
        var devices = await accountsTable.DevicesAsync(userId, stop);
        if (devices.Count >= options.Devices
            && !devices.Any(device => device.DeviceId == deviceId || device.DeviceId == replaced))
        {
            return new UserFailure(UserFailureKind.LimitReached, "This account has too many devices: log out of some.");
        }

        if (deviceId is null) return null;
        var keys = await keysTable.CrossSigningKeysAsync([userId], stop);
        return keys.Any(key => key.PublicKey == deviceId)
            ? new UserFailure(UserFailureKind.Forbidden, "A device cannot have the id of a cross-signing key.")
            : null;
    }

    /// <summary>
    /// The failure of a refresh token whose owner's account is locked; null for others. The token stays valid.
    /// </summary>
    public async ValueTask<UserFailure?> LockedAsync(string refreshToken, CancellationToken stop) =>
        TokenHash.TryOf(refreshToken, out var hash)
        && await accountsTable.FindTokenAsync(hash.ToBytes(), stop)
            is { Kind: TokenKind.Refresh } token
            ? await locks.OfUserAsync(token.UserId, stop)
            : null;

    /// <summary>Uses a refresh token of the legacy API; null if it is not valid.</summary>
    public async ValueTask<(string AccessToken, string RefreshToken, TimeSpan ExpiresIn)?> RefreshLegacyAsync(
        string refreshToken, CancellationToken stop) =>
        RefreshToken.SessionOf(refreshToken) is null
            ? await RefreshAsync(refreshToken, stop)
            : null;

    /// <summary>Uses a refresh token; null if it is not valid. The new one belongs to the same session.</summary>
    internal async ValueTask<(string AccessToken, string RefreshToken, TimeSpan ExpiresIn)?> RefreshAsync(
        string refreshToken, CancellationToken stop)
    {
        if (!TokenHash.TryOf(refreshToken, out var old)) return null;

        var (access, refresh) = (NewAccessToken(), RefreshToken.New(RefreshToken.SessionOf(refreshToken)));
        var expiry = ExpiryOf(options.AccessTokenLifetime);
        var rotation = new TokensRotated(
            old.ToBytes(),
            TokenHash.BytesOf(access),
            expiry,
            TokenHash.BytesOf(refresh),
            RefreshExpiresAt: null);
        await writer.WriteAsync(new WriteBatch(Authority.Nobody, 1).Add(rotation), stop);
        if (!rotation.Applied) return null;

        // A session may have an end, which a refresh does not move.
        var earlier = rotation.AccessEndsAt < expiry ? expiry - rotation.AccessEndsAt : null;
        return (access, refresh, options.AccessTokenLifetime - TimeSpan.FromMilliseconds(earlier ?? 0));
    }

    /// <summary>
    /// A token that logs in another device, and its lifetime; null if the condition did not hold.
    /// </summary>
    public async ValueTask<(string Token, TimeSpan ExpiresIn)?> NewLoginTokenAsync(
        string userId, ConditionalChange condition, CancellationToken stop)
    {
        var token = await NewLoginTokenAsync(userId, condition, options.LoginTokenLifetime, origin: null, stop);
        return token is null ? null : (token, options.LoginTokenLifetime);
    }

    /// <summary>A login token with its own lifetime; null if the condition did not hold.</summary>
    /// <param name="userId">The user.</param>
    /// <param name="condition">Must hold when it is written.</param>
    /// <param name="lifetime">Its lifetime.</param>
    /// <param name="origin">The provider that the user signed in at; null for none.</param>
    public async ValueTask<string?> NewLoginTokenAsync(
        string userId, ConditionalChange condition, TimeSpan lifetime, SsoOrigin? origin, CancellationToken stop)
    {
        var token = "mlt_" + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(TokenBytes));
        var hash = TokenHash.BytesOf(token);
        var expiry = clock.GetUtcNow().Add(lifetime).ToUnixTimeMilliseconds();
        var batch = new WriteBatch(Authority.Nobody, 2)
            .Require(condition)
            .Add(new LoginTokenIssued(hash, userId, expiry));
        if (origin is not null) batch.Add(new SsoGrantIssued(hash, userId, origin.Issuer, origin.Session, expiry));
        return (await writer.WriteAsync(batch, stop)).Refused ? null : token;
    }

    /// <summary>The proof that a login token gives; the login uses the token up.</summary>
    public async ValueTask<UserResult<LoginProof>> ProveByTokenAsync(string token, CancellationToken stop)
    {
        var invalid = new UserFailure(UserFailureKind.Forbidden, "The login token is not valid.");
        if (!TokenHash.TryOf(token, out var hash)) return invalid;
        var bytes = hash.ToBytes();
        var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
        var userId = await accountsTable.FindLoginTokenAsync(bytes, now, stop);
        var user = userId is null ? null : await accountsTable.FindUserAsync(userId, stop);
        return user switch
        {
            null => invalid,
            { DeactivatedAt: not null } =>
                new UserFailure(UserFailureKind.Deactivated, "This account has been deactivated."),
            _ => new LoginProof(user.UserId, [new LoginTokenRedeemed(bytes), new UserIsActive(user.UserId)])
            {
                LoginToken = bytes,
            },
        };
    }

    /// <summary>The proof that the token of an application service gives for a user of its namespaces.</summary>
    public async ValueTask<UserResult<LoginProof>> ProveByServiceAsync(string userId, CancellationToken stop) =>
        await accountsTable.FindUserAsync(userId, stop) switch
        {
            null => new UserFailure(UserFailureKind.Forbidden, "The user is not registered."),
            { DeactivatedAt: not null } =>
                new UserFailure(UserFailureKind.Deactivated, "This account has been deactivated."),
            var user => new LoginProof(user.UserId, [new UserIsActive(user.UserId)]) { IsByService = true },
        };

    private static string NewAccessToken() =>
        "mat_" + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(TokenBytes));

    private long? ExpiryOf(TimeSpan? lifetime) =>
        lifetime is { } time ? clock.GetUtcNow().Add(time).ToUnixTimeMilliseconds() : null;
}
