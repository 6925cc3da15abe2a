namespace Matrix.Host.Api.Pages;

/// <summary>Options of the pages for browsers.</summary>
/// <param name="IsSecure">Whether browsers reach this server by TLS, so that cookies need it.</param>
/// <param name="ServerName">The name of this server.</param>
/// <param name="PublicBaseUrl">The URL at which browsers reach it; empty if that is not configured.</param>
/// <param name="HasAdminPage">Whether the admin page is where the other pages are.</param>
public sealed record PageOptions(bool IsSecure, string ServerName, string PublicBaseUrl, bool HasAdminPage)
{
    /// <summary>The path of a page, which begins with the path of the public URL.</summary>
    internal string PathOf(string page) =>
        (Uri.TryCreate(PublicBaseUrl, UriKind.Absolute, out var url) ? url.AbsolutePath.TrimEnd('/') : "") + page;
}
