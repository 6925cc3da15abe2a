using System.Buffers.Text;
using System.Net;
using System.Security.Cryptography;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;
using Matrix.Host.Storage.Ownership;

namespace Matrix.Host.Api.AdminPages.Frame;

/// <summary>
/// The sessions of browsers on the admin page. The cookie needs TLS, except on loopback: the page is reached through a
/// proxy with TLS, or through a tunnel.
/// </summary>
internal static class AdminSessions
{
    private const string Name = "matrix-admin";
    private const int IdBytes = 32;
    private const int Longest = 64;

    private static readonly PageCookie _byTls = new(Name, isSecure: true, isStrict: true);
    private static readonly PageCookie _onLoopback = new(Name, isSecure: false, isStrict: true);

    /// <summary>The session of a request; a new one if it has none.</summary>
    internal static PageSession Of(Call call, ShardGates gates) =>
        CookieOf(call).Read(call) is { Length: > 0 and <= Longest } id ? new PageSession(id, null) : Begin(call, gates);

    /// <summary>
    /// A new session, in place of the browser's: after a sign-in, so that nobody who knew the old one has the new one.
    /// </summary>
    internal static PageSession Begin(Call call, ShardGates gates)
    {
        var id = MintedIds.Draw(
            gates, static () => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(IdBytes)));
        return new PageSession(id, CookieOf(call).Write(id));
    }

    private static PageCookie CookieOf(Call call)
    {
        var request = call.Http.Request;
        var host = request.Host.Host;
        var isLoopback = host == "localhost" || (IPAddress.TryParse(host, out var ip) && IPAddress.IsLoopback(ip));
        return isLoopback && request.Headers["X-Forwarded-Proto"] != "https" ? _onLoopback : _byTls;
    }
}
