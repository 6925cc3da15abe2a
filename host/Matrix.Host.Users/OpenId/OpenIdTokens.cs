using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Text;
using Matrix.Host.Sodium;
using Matrix.Host.Storage;

namespace Matrix.Host.Users.OpenId;

/// <summary>
/// Tokens by which a user proves to another service who they are. Client-Server API, "OpenID"; Server-Server API,
/// "OpenID". A token names the user and its end, and is signed by this server, so that none is stored.
/// </summary>
public sealed class OpenIdTokens(SigningKeyRing keys, IStorage storage, UsersOptions options, TimeProvider time)
{
    /// <summary>Separates what is signed here from events, requests and keys: no JSON begins so.</summary>
    private const string Prefix = "openid token\n";

    private const int MostLength = 2048;

    /// <summary>How long a token is valid.</summary>
    public TimeSpan Lifetime => options.OpenIdTokenLifetime;

    /// <summary>A token of a user.</summary>
    public string Create(string userId)
    {
        var end = (time.GetUtcNow() + Lifetime).ToUnixTimeMilliseconds();
        var payload = string.Create(CultureInfo.InvariantCulture, $"{end}\n{Guid.NewGuid():N}\n{userId}");
        var signature = keys.InUse.Key.Sign(Encoding.UTF8.GetBytes(Prefix + payload));
        return $"{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(payload))}.{Base64Url.EncodeToString(signature)}";
    }

    /// <summary>The user of a token; null if it is not one of this server, has ended, or its user is
    /// deactivated.</summary>
    public async ValueTask<string?> FindAsync(string token, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(token);
        if (Read(token) is not { } userId) return null;
        var user = await storage.Accounts.FindUserAsync(userId, stop).ConfigureAwait(false);
        return user is { DeactivatedAt: null } ? userId : null;
    }

    private string? Read(string token)
    {
        var dot = token.IndexOf('.', StringComparison.Ordinal);
        if (token.Length > MostLength || dot < 0) return null;
        if (Decode(token[..dot]) is not { } bytes || Decode(token[(dot + 1)..]) is not { } signature) return null;
        var payload = Encoding.UTF8.GetString(bytes);
        var parts = payload.Split('\n', 3);
        return parts.Length == 3
            && long.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var end)
            && time.GetUtcNow().ToUnixTimeMilliseconds() < end
            && IsSigned(Encoding.UTF8.GetBytes(Prefix + payload), signature, end)
                ? parts[2]
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
}
