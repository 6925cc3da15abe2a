using System.Security.Cryptography;
using System.Text;
using Matrix.Host.Api.Http;

namespace Matrix.Host.Api.Pages;

/// <summary>
/// Pages for browsers, in one style: light and dark, on phones and desktops, without external files. A page runs no
/// script but its own, cannot be framed, and is not kept by caches.
/// </summary>
internal static class HtmlPage
{
    private const string Style = """
        :root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; --line: #8888; --accent: #0b6bcb; }
        @media (prefers-color-scheme: dark) { :root { --accent: #6cb4ff; } }
        * { box-sizing: border-box; }
        body { max-width: 26rem; margin: 8vh auto; padding: 0 1rem; overflow-wrap: anywhere; }
        h1 { font-size: 1.5rem; line-height: 1.25; }
        h2 { font-size: 1.15rem; }
        form { margin: 1rem 0; }
        label { display: block; }
        input:not([type=checkbox]):not([type=radio]), select, textarea, button, a.button {
            display: block; width: 100%; font: inherit; padding: .6rem; margin: .25rem 0 .75rem;
            border: 1px solid var(--line); border-radius: .4rem; }
        input, select, textarea { background: Field; color: FieldText; }
        button, a.button { background: var(--accent); color: Canvas; border-color: transparent; text-align: center;
            text-decoration: none; cursor: pointer; }
        button.second, a.second { background: transparent; color: inherit; border-color: var(--line); }
        a { color: var(--accent); }
        :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
        table { width: 100%; border-collapse: collapse; }
        th, td { text-align: left; padding: .4rem .5rem .4rem 0; border-bottom: 1px solid var(--line); }
        dt { font-weight: 600; }
        dd { margin: 0 0 .5rem; }
        [role=alert]:not(:empty) { border-left: 4px solid #c62828; padding: .25rem .75rem; }
        [role=status]:not(:empty) { border-left: 4px solid #2e7d32; padding: .25rem .75rem; }
        .note { color: GrayText; font-size: .9rem; }
        """;

    private static readonly string _styleHash = HashOf(Style);

    /// <summary>Builds a page.</summary>
    /// <param name="title">Its title, which is also its heading.</param>
    /// <param name="body">What follows the heading.</param>
    /// <param name="script">Its script; empty for none.</param>
    /// <param name="formTargets">Origins or schemes to which the response of its forms may redirect.</param>
    /// <param name="status">The HTTP status.</param>
    internal static Answer Of(
        string title, Html body, string script = "", IReadOnlyList<string>? formTargets = null, int status = 200)
    {
        var html = Html.Of($"""
            <h1>{title}</h1>
            {body}
            """);

        // Of the source: neither the style nor a script has values in it.
        var page = $"""
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>{Html.Of($"{title}")}</title>
            <style>{Style}</style>
            </head>
            <body>
            <main>
            {html}
            </main>
            {(script.Length == 0 ? "" : $"<script>{script}</script>")}
            </body>
            </html>

            """;
        return Answer.Page(Encoding.UTF8.GetBytes(page), PolicyOf(script, formTargets ?? []), status);
    }

    private static string PolicyOf(string script, IReadOnlyList<string> formTargets)
    {
        var scripts = script.Length == 0 ? "" : $"script-src '{HashOf(script)}'; connect-src 'self'; ";
        var targets = string.Concat(formTargets.Select(static target => " " + target));
        return $"default-src 'none'; style-src '{_styleHash}'; {scripts}form-action 'self'{targets}; base-uri 'none'; "
            + "frame-ancestors 'none'";
    }

    /// <summary>The source by which the content security policy allows an element's text.</summary>
    private static string HashOf(string text) =>
        $"sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(text)))}";
}
