using Matrix.Host.Users.OAuth;

namespace Matrix.Host.Api.Client.SingleSignOn;

/// <summary>The `redirectUrl` of clients. v1.19 client-server-api#client-login-via-sso</summary>
internal static class ClientUrls
{
    private const string Parameter = "loginToken";

    /// <summary>Schemes by which a URL would run as a script, or show a page, in this server's place.</summary>
    private static readonly HashSet<string> _refused = new(StringComparer.Ordinal)
    {
        "javascript", "data", "blob", "vbscript", "file", "about", "view-source", "filesystem",
    };

    /// <summary>Whether a browser may be led to a URL, after a question.</summary>
    internal static bool IsAllowed(string url) =>
        RedirectUris.SchemeOf(url) is { } scheme && !_refused.Contains(scheme);

    /// <summary>A URL with a login token in its query, in place of any that it has.</summary>
    internal static string With(string url, string token)
    {
        var hash = url.IndexOf('#', StringComparison.Ordinal);
        var (before, fragment) = hash < 0 ? (url, "") : (url[..hash], url[hash..]);
        var mark = before.IndexOf('?', StringComparison.Ordinal);
        var place = mark < 0 ? before : before[..mark];
        var parameters = (mark < 0 ? "" : before[(mark + 1)..])
            .Split('&', StringSplitOptions.RemoveEmptyEntries)
            .Where(static part => part.Split('=')[0] != Parameter)
            .Append($"{Parameter}={Uri.EscapeDataString(token)}");
        return $"{place}?{string.Join('&', parameters)}{fragment}";
    }
}
