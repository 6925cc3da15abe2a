using System.Text;

namespace Matrix.Host.Api.AdminPages.Frame;

/// <summary>
/// Links between the pages. They are relative, so that they work whatever the path is at which a proxy serves them.
/// </summary>
internal static class Link
{
    /// <summary>The link to a page with parameters; empty ones are left out.</summary>
    internal static string To(string page, params ReadOnlySpan<(string Name, string? Value)> parameters)
    {
        var link = new StringBuilder(page);
        var separator = '?';
        foreach (var (name, value) in parameters)
        {
            if (string.IsNullOrEmpty(value)) continue;
            link.Append(separator).Append(name).Append('=').Append(Uri.EscapeDataString(value));
            separator = '&';
        }

        return link.ToString();
    }

    /// <summary>
    /// Where a browser goes on after the sign-in: a page of these, and not elsewhere. Anything else is the first page.
    /// </summary>
    internal static string NextOf(string? wanted)
    {
        const int Longest = 4096;
        if (wanted is not { Length: > 0 and <= Longest }) return AdminFrame.FirstPage;
        var query = wanted.IndexOf('?', StringComparison.Ordinal);
        var page = query < 0 ? wanted : wanted[..query];
        return page.Length > 0
            && page.All(static c => char.IsAsciiLetterLower(c) || c == '-')
            && wanted.All(static c => c is > ' ' and < '\x7F' and not ('"' or '<' or '>' or '\\' or '#'))
                ? wanted
                : AdminFrame.FirstPage;
    }
}
