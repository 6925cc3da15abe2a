using System.Diagnostics.CodeAnalysis;

namespace Matrix.Host.Network.Urls;

/// <summary>The hosts of URLs.</summary>
public static class UrlHosts
{
    /// <summary>
    /// The host of a URL in ASCII, an address without brackets, a name without the dot that may end it: with and
    /// without it is one host. False for a name that cannot be written so, which the framework finds out only then.
    /// </summary>
    public static bool TryGet(Uri url, [NotNullWhen(true)] out string? host)
    {
        try
        {
            host = url.HostNameType == UriHostNameType.IPv6 ? url.Host.Trim('[', ']') : url.IdnHost.TrimEnd('.');
            return host.Length > 0;
        }
        catch (UriFormatException)
        {
            host = null;
            return false;
        }
    }
}
