using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Text;
using Matrix.Host.Crypto;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Users.AppServices;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Users.OpenId;

/// <summary>
/// Tokens by which a user proves to another service who they are. v1.19 client-server-api#openid;
/// v1.19 server-server-api#openid. A token names the user, the session that asked for it and its end, and is signed by
/// this server, so that none is stored. It ends with the session.
/// </summary>
public sealed class OpenIdTokens(
    SigningKeyRing keys,
    IAccountsTable accountsTable,
    AccountLocks locks,
    AppServiceDirectory services,
    UsersOptions options,
    TimeProvider time)
{
    /// <summary>Separates what is signed here from events, requests and keys: no JSON begins so.</summary>
    private const string Prefix = "openid token\n";

    private const int MostLength = 2048;

    /// <summary>How long a token is valid.</summary>
    public TimeSpan Lifetime => options.OpenIdTokenLifetime;

    /// <summary>A token of a user.</summary>
    public string Create(Caller caller)
    {
        var end = (time.GetUtcNow() + Lifetime).ToUnixTimeMilliseconds();
        var origin = caller.Service is { } service
            ? $"\n{service.Id}"
            : string.Create(CultureInfo.InvariantCulture, $"{caller.Session}\n{caller.DeviceId}");
        var payload = string.Create(
            CultureInfo.InvariantCulture, $"{end}\n{Guid.NewGuid():N}\n{caller.UserId}\n{origin}");
        var signature = keys.InUse.Key.Sign(Encoding.UTF8.GetBytes(Prefix + payload));
        return $"{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(payload))}.{Base64Url.EncodeToString(signature)}";
    }

    /// <summary>
    /// The user of a token; null if it is not one of this server, has ended, its session has ended, or its user is
    /// deactivated or locked.
    /// </summary>
    public async ValueTask<string?> FindAsync(string token, CancellationToken stop)
    {
        if (Read(token) is not { } read) return null;
        var user = await accountsTable.FindUserAsync(read.UserId, stop);
        return user is { DeactivatedAt: null }
            && await GoesOnAsync(read, stop)
            && await locks.OfUserAsync(user, stop) is null
                ? user.UserId
                : null;
    }

    private async ValueTask<bool> GoesOnAsync(Payload read, CancellationToken stop)
    {
        if (read.Session is not { } session) return services.Find(read.Origin)?.HasUser(read.UserId) == true;
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        return await accountsTable.HasSessionAsync(read.UserId, read.Origin, session, now, stop);
    }

    private Payload? Read(string token)
    {
        var dot = token.IndexOf('.', StringComparison.Ordinal);
        if (token.Length > MostLength || dot < 0) return null;
        if (Decode(token[..dot]) is not { } bytes || Decode(token[(dot + 1)..]) is not { } signature) return null;
        var payload = Encoding.UTF8.GetString(bytes);
        var parts = payload.Split('\n', 5);
        return parts.Length == 5
            && long.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var end)
            && time.GetUtcNow().ToUnixTimeMilliseconds() < end
            && IsSigned(Encoding.UTF8.GetBytes(Prefix + payload), signature, end)
                ? new Payload(
                    parts[2],
                    parts[3].Length == 0 ? null : long.Parse(parts[3], CultureInfo.InvariantCulture),
                    parts[4])
                : null;
    }

    /// <summary>Whether the key in use has signed, or a former one before its end.</summary>
    private bool IsSigned(byte[] bytes, byte[] signature, long end)
    {
        var (key, former) = keys.Keys;
        if (Ed25519.Verify(key.Key.PublicKey, bytes, signature)) return true;
        var created = end - (long)Lifetime.TotalMilliseconds;
        return former.Any(each =>
            !(each.ExpiredAt < created) && Ed25519.Verify(each.PublicKey.Span, bytes, signature));
    }

    private static byte[]? Decode(string text)
    {
        var bytes = new byte[text.Length];
        return Base64Url.DecodeFromChars(text, bytes, out _, out var length) == OperationStatus.Done
            ? bytes[..length]
            : null;
    }

    /// <param name="Session">The session that asked for it; null for an application service.</param>
    /// <param name="Origin">The session's device, or the service.</param>
    private sealed record Payload(string UserId, long? Session, string Origin);
}
