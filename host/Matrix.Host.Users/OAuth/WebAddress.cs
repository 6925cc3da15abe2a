using System.Buffers;
using System.Globalization;

namespace Matrix.Host.Users.OAuth;

/// <summary>
/// A URI split into its parts as written, so that what is compared is what a browser gets. RFC 3986; only printable
/// ASCII without the characters that URIs exclude, because those are read in several ways.
/// </summary>
/// <param name="Scheme">In lower case.</param>
/// <param name="UserInfo">What stands before `@`; null for none.</param>
/// <param name="Host">In lower case, an IPv6 address with its brackets; null without an authority.</param>
/// <param name="Port">The port as written; null for none.</param>
/// <param name="Rest">Path and query as written.</param>
/// <param name="HasFragment">Whether it has a fragment, empty or not.</param>
internal sealed record WebAddress(
    string Scheme, string? UserInfo, string? Host, string? Port, string Rest, bool HasFragment)
{
    private const int Longest = 2048;

    private static readonly SearchValues<char> _excluded = SearchValues.Create("\"<>\\^`{|}");
    private static readonly SearchValues<char> _afterAuthority = SearchValues.Create("/?#");
    private static readonly SearchValues<char> _schemeLetters =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");

    private static readonly SearchValues<char> _nameLetters =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789.-");

    /// <summary>Splits a URI; null if it is none.</summary>
    internal static WebAddress? TryParse(string text)
    {
        if (text.Length > Longest
            || text.Any(static c => c is <= ' ' or >= '\x7F')
            || text.AsSpan().ContainsAny(_excluded))
        {
            return null;
        }

        var colon = text.IndexOf(':', StringComparison.Ordinal);
        if (colon <= 0 || !IsScheme(text.AsSpan(0, colon))) return null;
        var scheme = text[..colon].ToLowerInvariant();
        var rest = text[(colon + 1)..];
        var fragment = rest.IndexOf('#', StringComparison.Ordinal);
        var hasFragment = fragment >= 0;
        if (hasFragment) rest = rest[..fragment];
        if (!rest.StartsWith("//", StringComparison.Ordinal))
        {
            return rest.Length == 0 ? null : new WebAddress(scheme, null, null, null, rest, hasFragment);
        }

        var authority = rest[2..];
        var end = authority.AsSpan().IndexOfAny(_afterAuthority);
        rest = end < 0 ? "" : authority[end..];
        if (end >= 0) authority = authority[..end];
        var at = authority.LastIndexOf('@');
        var user = at < 0 ? null : authority[..at];
        var place = at < 0 ? authority : authority[(at + 1)..];
        var portAt = place.LastIndexOf(':');
        if (portAt < place.LastIndexOf(']')) portAt = -1;
        var port = portAt < 0 ? null : place[(portAt + 1)..];
        var host = (portAt < 0 ? place : place[..portAt]).ToLowerInvariant();
        return IsHost(host) && IsPort(port) ? new WebAddress(scheme, user, host, port, rest, hasFragment) : null;
    }

    /// <summary>Whether it is https without a user: a page that may be shown or opened.</summary>
    internal bool IsPlainHttps => Scheme == "https" && Host is not null && UserInfo is null;

    /// <summary>Whether its host is that host or a subdomain of it.</summary>
    internal bool IsWithin(string host) =>
        Host is { } own && (own == host || (own.EndsWith("." + host, StringComparison.Ordinal) && host[0] != '['));

    private static bool IsScheme(ReadOnlySpan<char> text) =>
        char.IsAsciiLetter(text[0])
        && text.IndexOfAnyExcept(_schemeLetters) < 0;

    private static bool IsHost(string host) => host.Length > 0
        && (host[0] == '['
            ? host[^1] == ']' && System.Net.IPAddress.TryParse(host, out _)
            : host.AsSpan().IndexOfAnyExcept(_nameLetters) < 0);

    private static bool IsPort(string? port) => port is null
        || (port.Length is > 0 and <= 5
            && int.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            && number is > 0 and <= 65535);
}
