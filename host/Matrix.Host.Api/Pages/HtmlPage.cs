using Matrix.Host.Api.Http;

namespace Matrix.Host.Api.Pages;

/// <summary>
/// Pages for browsers with one column, in one style: light and dark, on phones and desktops, without external files.
/// </summary>
internal static class HtmlPage
{
    private static readonly PageStyle _style = new("""
        :root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; --line: #8888;
            --accent: #0b6bcb; --edge: #767676; --note: #595959; --danger: #b3261e; }
        @media (prefers-color-scheme: dark) { :root { --accent: #6cb4ff; --edge: #8c8c8c; --note: #b5b5b5;
            --danger: #ff8a80; } }
        * { box-sizing: border-box; }
        [hidden] { display: none !important; }
        body { max-width: 26rem; margin: 8vh auto; padding: 0 1rem; overflow-wrap: anywhere; }
        header a { color: var(--note); text-decoration: none; }
        h1 { font-size: 1.5rem; line-height: 1.25; }
        h2 { font-size: 1.15rem; }
        form { margin: 1rem 0; }
        label { display: block; }
        input:not([type=checkbox]):not([type=radio]), select, textarea, button, a.button {
            display: block; width: 100%; font: inherit; padding: .6rem; margin: .25rem 0 .75rem;
            border: 1px solid var(--edge); border-radius: .4rem; }
        input, select, textarea { background: Field; color: FieldText; }
        button, a.button { background: var(--accent); color: Canvas; border-color: transparent; text-align: center;
            text-decoration: none; cursor: pointer; }
        button.second, a.second { background: transparent; color: inherit; border-color: var(--edge); }
        button.danger { background: var(--danger); }
        hr { border: 0; border-top: 1px solid var(--line); }
        a { color: var(--accent); }
        :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
        table { width: 100%; border-collapse: collapse; }
        th, td { text-align: left; padding: .4rem .5rem .4rem 0; border-bottom: 1px solid var(--line); }
        dt { font-weight: 600; }
        dd { margin: 0 0 .5rem; }
        [role=alert]:not(:empty) { border-left: 4px solid var(--danger); padding: .25rem .75rem; }
        [role=status]:not(:empty) { border-left: 4px solid #2e7d32; padding: .25rem .75rem; }
        code { font-size: .95em; }
        .note { color: var(--note); font-size: .9rem; }
        """);

    /// <summary>Builds a page.</summary>
    /// <param name="title">Its title, which is also its heading.</param>
    /// <param name="body">What follows the heading.</param>
    /// <param name="script">Its script; empty for none.</param>
    /// <param name="formTargets">Origins or schemes to which the response of its forms may redirect.</param>
    /// <param name="status">The HTTP status.</param>
    /// <param name="embed">A part of another site in it; null for none.</param>
    /// <param name="namesServer">Whether it names the server in its title and above its heading.</param>
    internal static Answer Of(
        string title,
        Html body,
        string script = "",
        IReadOnlyList<string>? formTargets = null,
        int status = 200,
        PageEmbed? embed = null,
        bool namesServer = true) =>
        new PageDocument(title, Html.Of($"""
            <main>
            <h1>{title}</h1>
            {body}
            </main>
            """))
        {
            Script = script,
            Embed = embed,
            FormTargets = formTargets ?? [],
            Status = status,
            NamesServer = namesServer,
        }.In(_style);
}
