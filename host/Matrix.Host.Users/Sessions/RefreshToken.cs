using System.Buffers.Text;
using System.Security.Cryptography;

namespace Matrix.Host.Users.Sessions;

/// <summary>
/// The text of refresh tokens. Those of an OAuth session begin with a secret of the session, so that a spent one still
/// names the session that its reuse ends.
/// </summary>
internal static class RefreshToken
{
    private const string Prefix = "mrt_";
    private const char Separator = '.';
    private const int TokenBytes = 32;
    private const int SessionBytes = 18;

    /// <summary>A secret for a new session.</summary>
    internal static string NewSession() => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(SessionBytes));

    /// <summary>A new token of a session; of the legacy API if that is null.</summary>
    internal static string New(string? session) => session is null
        ? Prefix + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(TokenBytes))
        : Prefix + session + Separator + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(TokenBytes));

    /// <summary>The secret of the session that a token names; null if it is of the legacy API, or none.</summary>
    internal static string? SessionOf(string token)
    {
        if (!token.StartsWith(Prefix, StringComparison.Ordinal)) return null;
        var end = token.IndexOf(Separator, StringComparison.Ordinal);
        return end < 0 ? null : token[Prefix.Length..end];
    }
}
