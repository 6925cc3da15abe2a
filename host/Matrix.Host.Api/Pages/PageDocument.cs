using System.Security.Cryptography;
using System.Text;
using Matrix.Host.Api.Http;

namespace Matrix.Host.Api.Pages;

/// <summary>A style sheet of the source.</summary>
internal sealed class PageStyle(string css)
{
    /// <summary>The style sheet.</summary>
    internal string Css { get; } = css;

    /// <summary>The source by which a content security policy allows it.</summary>
    internal string Source { get; } = PageDocument.SourceOf(css);
}

/// <summary>A part of another site in a page, such as a captcha. The only external file that a page may have.</summary>
/// <param name="Script">The URL of its script.</param>
/// <param name="Origins">The origins that its scripts and frames come from.</param>
internal sealed record PageEmbed(string Script, IReadOnlyList<string> Origins);

/// <summary>
/// An HTML document. It runs no script but its own and that of an embedded part, loads nothing else, cannot be framed,
/// and is not kept by caches.
/// </summary>
/// <param name="Title">The title.</param>
/// <param name="Body">What is in its body.</param>
internal sealed record PageDocument(string Title, Html Body)
{
    /// <summary>More of its head.</summary>
    internal Html Head { get; init; }

    /// <summary>Its script, of the source: no value is in it. Empty for none.</summary>
    internal string Script { get; init; } = "";

    /// <summary>A part of another site in it; null for none.</summary>
    internal PageEmbed? Embed { get; init; }

    /// <summary>Origins or schemes to which the response of its forms may redirect.</summary>
    internal IReadOnlyList<string> FormTargets { get; init; } = [];

    /// <summary>Whether its title and first line name the server, with a link to its first page.</summary>
    internal bool NamesServer { get; init; }

    /// <summary>The HTTP status.</summary>
    internal int Status { get; init; } = 200;

    /// <summary>The response, in a style.</summary>
    internal Answer In(PageStyle style) => Answer.Page(server => TextIn(style, server), PolicyIn(style), Status);

    private ReadOnlyMemory<byte> TextIn(PageStyle style, PageServer server)
    {
        var isNamed = NamesServer && server.Name.Length > 0;
        var title = isNamed ? $"{Title} – {server.Name}" : Title;
        var header = isNamed
            ? Html.Of($"""<header><a href="{server.Home}">{server.Name}</a></header>""")
            : Html.Empty;

        // Of the source: neither the style nor the script has values in it.
        return Encoding.UTF8.GetBytes($"""
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>{Html.Of($"{title}")}</title>
            <style>{style.Css}</style>
            {Head}
            </head>
            <body>
            {header}
            {Body}
            {(Script.Length == 0 ? "" : $"<script>{Script}</script>")}
            {(Embed is null ? Html.Empty : Html.Of($"<script src=\"{Embed.Script}\" async defer></script>"))}
            </body>
            </html>

            """);
    }

    /// <summary>The source by which a content security policy allows an element's text.</summary>
    internal static string SourceOf(string text) =>
        $"sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(text)))}";

    private string PolicyIn(PageStyle style)
    {
        var others = Embed is null ? "" : string.Concat(Embed.Origins.Select(static origin => " " + origin));
        var own = Script.Length == 0 ? "" : $" '{SourceOf(Script)}'";
        var scripts = own.Length + others.Length == 0 ? "" : $"script-src{own}{others}; connect-src 'self'{others}; ";
        if (others.Length > 0) scripts += $"frame-src{others}; img-src{others}; ";
        var targets = string.Concat(FormTargets.Select(static target => " " + target));
        return $"default-src 'none'; style-src '{style.Source}'; {scripts}form-action 'self'{targets}; "
            + "base-uri 'none'; frame-ancestors 'none'";
    }
}
