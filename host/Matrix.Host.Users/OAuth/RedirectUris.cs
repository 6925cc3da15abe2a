namespace Matrix.Host.Users.OAuth;

/// <summary>
/// Which redirect URIs a client may register, and which of them an authorization may name.
/// v1.19 client-server-api#redirect-uri-validation; RFC 8252.
/// </summary>
public static class RedirectUris
{
    /// <summary>Why a client may not register a redirect URI; null if it may.</summary>
    /// <param name="uri">The URI.</param>
    /// <param name="clientHost">The host of the client URI.</param>
    /// <param name="isNative">Whether the client is a native application.</param>
    internal static string? Judge(string uri, string clientHost, bool isNative)
    {
        if (WebAddress.TryParse(uri) is not { } address) return "A redirect URI is not valid.";
        if (address.HasFragment) return "A redirect URI must not have a fragment.";
        if (address.Scheme == "https")
        {
            return address.UserInfo is not null ? "A redirect URI must not have a user."
                : address.IsWithin(clientHost) ? null
                : "The host of a redirect URI must be that of client_uri or a subdomain of it.";
        }

        if (!isNative) return "A redirect URI of a web client must use https.";
        if (address.Scheme == "http")
        {
            return address.UserInfo is not null || !IsLoopback(address.Host)
                ? "A redirect URI with http must be on localhost, 127.0.0.1 or [::1]."
                : address.Port is not null ? "A redirect URI on the loopback interface must not have a port."
                : null;
        }

        if (address.Host is not null) return "A redirect URI with a private scheme must not have an authority.";
        var prefix = string.Join('.', clientHost.Split('.').Reverse());
        return prefix.Contains('.', StringComparison.Ordinal)
            && (address.Scheme == prefix || address.Scheme.StartsWith(prefix + ".", StringComparison.Ordinal))
            ? null
            : "A private scheme must begin with the host of client_uri in reverse order.";
    }

    /// <summary>
    /// Whether the redirect URI of an authorization is a registered one: the same text, but on the loopback interface
    /// with any port.
    /// </summary>
    public static bool Matches(IReadOnlyList<string> registered, string uri)
    {
        if (registered.Contains(uri, StringComparer.Ordinal)) return true;
        return WebAddress.TryParse(uri) is { Scheme: "http", UserInfo: null, HasFragment: false } address
            && address.Port is not null
            && IsLoopback(address.Host)
            && registered.Contains($"http://{address.Host}{address.Rest}", StringComparer.Ordinal);
    }

    /// <summary>
    /// The origin or scheme of a redirect URI, as a content security policy names what a form's response may open.
    /// </summary>
    public static string TargetOf(string uri) => WebAddress.TryParse(uri) switch
    {
        { Host: { } host, Port: { } port } address => $"{address.Scheme}://{host}:{port}",
        { Host: { } host } address => $"{address.Scheme}://{host}",
        { } address => address.Scheme + ":",
        null => "",
    };

    /// <summary>
    /// The scheme of a URI, in lower case; null if it is none. One of http or https without `//` is none: browsers find
    /// a host in it all the same.
    /// </summary>
    public static string? SchemeOf(string uri) => WebAddress.TryParse(uri) switch
    {
        { Scheme: "http" or "https", Host: null } => null,
        { } address => address.Scheme,
        null => null,
    };

    /// <summary>
    /// The place to which a redirect URI leads, for people: a host, or an application of this device.
    /// </summary>
    public static (string Place, bool IsApplication) PlaceOf(string uri) => WebAddress.TryParse(uri) switch
    {
        { Scheme: "http", Host: { } host } when IsLoopback(host) => (host, true),
        { Scheme: "http" or "https", Host: { } host } address =>
            (address.Port is { } port ? $"{host}:{port}" : host, false),
        { Host: { } host } => (host, true),
        { } address => (address.Scheme, true),
        null => ("", true),
    };

    /// <summary>A redirect URI with the parameters of a response, in the query or in the fragment.</summary>
    public static string With(string uri, bool inFragment, IEnumerable<KeyValuePair<string, string>> parameters)
    {
        var text = string.Join(
            '&', parameters.Select(static p => $"{Uri.EscapeDataString(p.Key)}={Uri.EscapeDataString(p.Value)}"));
        var separator = inFragment ? '#' : uri.Contains('?', StringComparison.Ordinal) ? '&' : '?';
        return $"{uri}{separator}{text}";
    }

    private static bool IsLoopback(string? host) => host is "localhost" or "127.0.0.1" or "[::1]";
}
