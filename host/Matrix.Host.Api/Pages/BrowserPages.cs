using Matrix.Host.Api.Http;

namespace Matrix.Host.Api.Pages;

/// <summary>What people see who open an address for apps in a browser.</summary>
internal sealed class BrowserPages(PageOptions options) : IBrowserPages
{
    public PageServer Server { get; } = new(options.ServerName, options.PathOf("/"));

    public Answer ElsewhereOnly { get; } = HtmlPage.Of(
        "This page is for this machine",
        Html.Of($"""
            <p>Until <code>public_base_url</code> is set in the server's configuration, its pages work only in a browser
            on the machine that it runs on, at an address such as <code>http://127.0.0.1:8008</code>.</p>
            """),
        status: 403);

    public Answer InWords(Answer error)
    {
        var page = HtmlPage.Of(
            "This address is for apps",
            Html.Of($"""
                <p>Matrix apps call it, and read its answers. There is nothing to see here in a browser. It says:</p>
                <p role="alert">{error.Message} <code>{error.Status} {error.Code}</code></p>
                <p><a class="button second" href="{Server.Home}">About this server</a></p>
                """),
            status: error.Status);
        return error.Header is { } header ? page.With(header) : page;
    }
}
