using Matrix.Host.Sodium;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;

namespace Matrix.Host.Users.Sessions;

/// <summary>What a client is given when it has logged in.</summary>
/// <param name="UserId">The user.</param>
/// <param name="DeviceId">The device.</param>
/// <param name="AccessToken">The access token.</param>
/// <param name="RefreshToken">The refresh token, if the client asked for one.</param>
/// <param name="ExpiresIn">How long the access token is good for; null for ever.</param>
public sealed record IssuedLogin(string UserId, string DeviceId, string AccessToken, string? RefreshToken, TimeSpan? ExpiresIn)
{
    /// <summary>Not the tokens.</summary>
    public override string ToString() => $"{UserId} {DeviceId}";
}

/// <summary>What a client asks for when it logs in.</summary>
/// <param name="DeviceId">The device that it is, or null for a new one.</param>
/// <param name="DisplayName">What a new device is called.</param>
/// <param name="Refreshes">Whether it refreshes its tokens.</param>
public sealed record LoginWish(string? DeviceId, string? DisplayName, bool Refreshes);

/// <summary>Makes devices and tokens. Client-Server API, "Relationship between access tokens and devices".</summary>
public sealed class Logins(IStorage storage, UsersOptions options, TimeProvider clock)
{
    private const int TokenBytes = 32;
    private const int DeviceIdLetters = 10;
    private const string DeviceIdAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

    /// <summary>A device and its tokens are added to what is written. Tokens that the device had before end.</summary>
    public IssuedLogin Add(WriteBatch batch, string userId, LoginWish wish)
    {
        var deviceId = wish.DeviceId ?? SecretBytes.RandomText(DeviceIdLetters, DeviceIdAlphabet);
        var access = NewAccessToken();
        var refresh = wish.Refreshes ? NewRefreshToken() : null;
        TimeSpan? lifetime = wish.Refreshes ? options.AccessTokenLifetime : null;

        batch.Add(new DeviceAdded(userId, deviceId, wish.DisplayName));
        batch.Add(new TokensIssued(
            userId,
            deviceId,
            TokenHash.BytesOf(access),
            ExpiryOf(lifetime),
            refresh is null ? null : (ReadOnlyMemory<byte>?)TokenHash.BytesOf(refresh),
            RefreshExpiresAt: null));
        return new IssuedLogin(userId, deviceId, access, refresh, lifetime);
    }

    /// <summary>Whether a user with that many devices may log in from a new one.</summary>
    public async ValueTask<bool> MayAddDeviceAsync(string userId, string? deviceId, CancellationToken stop)
    {
        var devices = await storage.Accounts.DevicesAsync(userId, stop).ConfigureAwait(false);
        return devices.Count < options.Devices || devices.Any(d => d.DeviceId == deviceId);
    }

    /// <summary>Uses a refresh token; null if it is not valid.</summary>
    public async ValueTask<(string AccessToken, string RefreshToken, TimeSpan ExpiresIn)?> RefreshAsync(string refreshToken, CancellationToken stop)
    {
        if (!TokenHash.TryOf(refreshToken, out var old)) return null;

        var (access, refresh) = (NewAccessToken(), NewRefreshToken());
        var rotation = new TokensRotated(
            old.ToBytes(), TokenHash.BytesOf(access), ExpiryOf(options.AccessTokenLifetime), TokenHash.BytesOf(refresh), RefreshExpiresAt: null);
        await storage.Writer.WriteAsync(new WriteBatch(1).Add(rotation), stop).ConfigureAwait(false);
        return rotation.Applied ? (access, refresh, options.AccessTokenLifetime) : null;
    }

    /// <summary>
    /// A token for logging in another device, and how long it is good for; null if the condition did not hold.
    /// </summary>
    public async ValueTask<(string Token, TimeSpan ExpiresIn)?> NewLoginTokenAsync(
        string userId, ConditionalChange condition, CancellationToken stop)
    {
        var token = "mlt_" + SecretBytes.RandomText(TokenBytes);
        var expiry = clock.GetUtcNow().Add(options.LoginTokenLifetime).ToUnixTimeMilliseconds();
        var batch = new WriteBatch(1).Require(condition).Add(new LoginTokenIssued(TokenHash.BytesOf(token), userId, expiry));
        var receipt = await storage.Writer.WriteAsync(batch, stop).ConfigureAwait(false);
        return receipt.Refused ? null : (token, options.LoginTokenLifetime);
    }

    /// <summary>Whose a login token is, and its use, which the login requires; null if it is not valid.</summary>
    public async ValueTask<(string UserId, LoginTokenRedeemed Use)?> FindLoginTokenAsync(string token, CancellationToken stop)
    {
        if (!TokenHash.TryOf(token, out var hash)) return null;
        var bytes = hash.ToBytes();
        var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
        return await storage.Accounts.FindLoginTokenAsync(bytes, now, stop).ConfigureAwait(false) is { } userId
            ? (userId, new LoginTokenRedeemed(bytes))
            : null;
    }

    private static string NewAccessToken() => "mat_" + SecretBytes.RandomText(TokenBytes);

    private static string NewRefreshToken() => "mrt_" + SecretBytes.RandomText(TokenBytes);

    private long? ExpiryOf(TimeSpan? lifetime) => lifetime is { } time ? clock.GetUtcNow().Add(time).ToUnixTimeMilliseconds() : null;
}
