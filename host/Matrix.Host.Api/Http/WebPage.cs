using System.Net;
using System.Security.Cryptography;
using System.Text;

namespace Matrix.Host.Api.Http;

/// <summary>
/// Pages for browsers: a form, and one script that sends its values. No other script can run in them.
/// </summary>
internal static class WebPage
{
    private const string Style = """
        :root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
        body { max-width: 22rem; margin: 10vh auto; padding: 0 1rem; }
        h1 { font-size: 1.5rem; }
        label, input, button { display: block; width: 100%; box-sizing: border-box; }
        input, button { font: inherit; padding: .5rem; margin-top: .25rem; }
        """;

    private const string Helpers = """
        const form = document.querySelector("form");
        const say = text => { document.querySelector("[role=alert]").textContent = text; };
        const query = new URLSearchParams(location.search);
        async function send(path, body) {
            try {
                const headers = { "Content-Type": "application/json" };
                const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
                const json = await answer.json();
                if (answer.ok) return json;
                say(json.error);
            } catch {
                say("The server does not respond.");
            }
        }
        function whenSubmitted(action) {
            form.addEventListener("submit", event => {
                event.preventDefault();
                action(Object.fromEntries(new FormData(form)));
            });
        }
        function done(text) {
            form.remove();
            say(text);
        }

        """;

    /// <summary>Builds a page.</summary>
    /// <param name="title">Its title as text.</param>
    /// <param name="fields">The fields of its form as HTML.</param>
    /// <param name="script">The script. `whenSubmitted(action)` calls the action with the values, `send(path, body)`
    /// returns the JSON of a success and shows an error's text, `done(text)` replaces the form by a text, `query` is
    /// the page's query.</param>
    internal static Answer Of(string title, string fields, string script)
    {
        var whole = Helpers + script;
        var named = WebUtility.HtmlEncode(title);
        var html = $"""
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>{named}</title>
            <style>{Style}</style>
            </head>
            <body>
            <h1>{named}</h1>
            <form>{fields}<p><button>Continue</button></p></form>
            <p role="alert"></p>
            <noscript><p>This page needs JavaScript.</p></noscript>
            <script>{whole}</script>
            </body>
            </html>

            """;
        return Answer.Page(
            Encoding.UTF8.GetBytes(html),
            $"default-src 'none'; script-src '{HashOf(whole)}'; style-src '{HashOf(Style)}'; connect-src 'self'; "
            + "form-action 'none'; base-uri 'none'; frame-ancestors 'none'");
    }

    /// <summary>The source by which the content security policy allows an element's text.</summary>
    private static string HashOf(string text) =>
        $"sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(text)))}";
}
