using System.Buffers;
using Matrix.Host.Users.OAuth;

namespace Matrix.Host.Api.Client.OAuth;

/// <summary>
/// The URLs of the OAuth 2.0 API and its pages. Browsers get paths, which begin with the path of the public URL.
/// </summary>
internal sealed class OAuthPaths
{
    /// <summary>The prefix of the endpoints and pages.</summary>
    internal const string Root = "/_matrix/oauth2/";

    internal const string AuthorizePage = "authorize";
    internal const string TokenEndpoint = "token";
    internal const string RevocationEndpoint = "revoke";
    internal const string ClientsEndpoint = "clients";
    internal const string DeviceEndpoint = "device";
    internal const string LinkPage = "link";
    internal const string SignInPage = "sign-in";
    internal const string SignUpPage = "sign-up";
    internal const string SignOutPage = "sign-out";
    internal const string AccountPage = "account";
    internal const string LoginTokenPage = "login-token";
    internal const string SsoStart = "sso/start";
    internal const string SsoCallback = "sso/callback";
    internal const string SsoNamePage = "sso/name";
    internal const string SsoLogout = "sso/logout";

    /// <summary>The parameter of <see cref="LoginTokenPage"/> that says where the browser goes.</summary>
    internal const string RedirectUrl = "redirectUrl";

    /// <summary>The page for clients that know no login type. v1.19 client-server-api#login-fallback</summary>
    internal const string LoginFallback = "/_matrix/static/client/login/";

    /// <summary>The page for a new password. It needs no client of OAuth.</summary>
    internal const string ForgottenPage = "/_matrix/static/client/password";

    private const int LongestContinue = 8192;

    private static readonly SearchValues<char> _inPaths = SearchValues.Create(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,;=:@%/?[]");

    private readonly string _base;
    private readonly string _pathOfBase;

    /// <summary>Paths below the public URL.</summary>
    public OAuthPaths(OAuthOptions options)
    {
        _base = options.PublicBaseUrl.TrimEnd('/');
        _pathOfBase = Uri.TryCreate(_base, UriKind.Absolute, out var url) ? url.AbsolutePath.TrimEnd('/') : "";
    }

    /// <summary>The issuer identifier. RFC 8414.</summary>
    internal string Issuer => _base + "/";

    /// <summary>The URL of an endpoint or page.</summary>
    internal string UrlOf(string name) => _base + Root + name;

    /// <summary>The path of a page, for a browser that is on another one.</summary>
    internal string PathOf(string name) => _pathOfBase + Root + name;

    /// <summary>The path of a page that leads to another one when it is done.</summary>
    internal string PathOf(string name, string next) => $"{PathOf(name)}?continue={Uri.EscapeDataString(next)}";

    /// <summary>The path of the page that leads to a client with a login token.</summary>
    internal string LoginTokenPathOf(string redirectUrl) =>
        $"{PathOf(LoginTokenPage)}?{RedirectUrl}={Uri.EscapeDataString(redirectUrl)}";

    /// <summary>The path of the login fallback, for a browser that is on another page.</summary>
    internal string LoginFallbackPath => _pathOfBase + LoginFallback;

    /// <summary>The path of the page for a new password, which leads to another one when it is done.</summary>
    internal string ForgottenPathOf(string next) =>
        $"{_pathOfBase}{ForgottenPage}?continue={Uri.EscapeDataString(next)}";

    /// <summary>
    /// The origins to which a form leads that goes on to a page of this server, since browsers look at all redirects.
    /// </summary>
    internal IReadOnlyList<string> TargetsOf(string next)
    {
        var start = LoginTokenPathOf("");
        return next.StartsWith(start, StringComparison.Ordinal)
            && RedirectUris.TargetOf(Uri.UnescapeDataString(next[start.Length..])) is { Length: > 0 } target
            ? [target]
            : [];
    }

    /// <summary>
    /// Where a browser goes on. Only pages of this API: a link must not lead elsewhere through this server. Anything
    /// else is the account page.
    /// </summary>
    internal string NextOf(string? wanted) =>
        wanted is { Length: <= LongestContinue }
        && (wanted.StartsWith(_pathOfBase + Root, StringComparison.Ordinal)
            || wanted.StartsWith(LoginFallbackPath, StringComparison.Ordinal))
        && wanted.AsSpan().IndexOfAnyExcept(_inPaths) < 0
        && !wanted.AsSpan(0, EndOfPath(wanted)).Contains("..", StringComparison.Ordinal)

        // Browsers take escaped dots for dots.
        && !wanted.AsSpan(_pathOfBase.Length..EndOfPath(wanted)).Contains('%')
            ? wanted
            : PathOf(AccountPage);

    private static int EndOfPath(string text) =>
        text.IndexOf('?', StringComparison.Ordinal) is >= 0 and var at ? at : text.Length;
}
