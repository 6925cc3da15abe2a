using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Matrix.Host.Users.Voip;

/// <summary>Credentials of TURN servers.</summary>
/// <param name="Lifetime">The seconds for which they are valid.</param>
public sealed record TurnCredential(string UserName, string Password, IReadOnlyList<string> Uris, long Lifetime);

/// <summary>
/// Makes the credentials by which TURN servers know users: a name with the end of its validity, and as password that
/// name's HMAC with the shared secret. v1.19 client-server-api#voice-over-ip; draft-uberti-behave-turn-rest.
/// </summary>
public sealed class TurnCredentials(TurnOptions options, TimeProvider clock)
{
    /// <summary>Whether guests get credentials.</summary>
    public bool ServesGuests => options.Guests;

    /// <summary>A user's credentials from now on; null if no TURN server is configured.</summary>
    [SuppressMessage("Security", "CA5350", Justification = "TURN servers expect HMAC-SHA1.")]
    public TurnCredential? Of(string userId)
    {
        if (options.Uris.Count == 0) return null;
        var seconds = (long)options.Lifetime.TotalSeconds;
        if (options.SharedSecret.Length == 0)
        {
            return new TurnCredential(options.UserName, options.Password, options.Uris, seconds);
        }

        var end = clock.GetUtcNow().ToUnixTimeSeconds() + seconds;
        var name = string.Create(CultureInfo.InvariantCulture, $"{end}:{userId}");
        var mac = HMACSHA1.HashData(Encoding.UTF8.GetBytes(options.SharedSecret), Encoding.UTF8.GetBytes(name));
        return new TurnCredential(name, Convert.ToBase64String(mac), options.Uris, seconds);
    }
}
