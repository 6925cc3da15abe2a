using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Tests.Network;

/// <summary>A web server of tests, without TLS, that counts its requests.</summary>
internal sealed class WebPages : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentQueue<string> _requests = [];

    private WebPages(WebApplication app) => _app = app;

    internal string Url => _app.Urls.First();

    internal IReadOnlyCollection<string> Requests => _requests;

    internal ConcurrentDictionary<string, RequestDelegate> Pages { get; } = new(StringComparer.Ordinal);

    internal static async Task<WebPages> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var pages = new WebPages(builder.Build());
        pages._app.Run(async http =>
        {
            pages._requests.Enqueue(http.Request.Path);
            if (pages.Pages.TryGetValue(http.Request.Path, out var page)) await page(http);
            else http.Response.StatusCode = 404;
        });
        await pages._app.StartAsync();
        return pages;
    }

    internal void Has(string path, string html, string type = "text/html; charset=utf-8") =>
        Pages[path] = http =>
        {
            http.Response.ContentType = type;
            return http.Response.WriteAsync(html);
        };

    internal void Has(string path, byte[] content, string type) => Pages[path] = async http =>
    {
        http.Response.ContentType = type;
        await http.Response.Body.WriteAsync(content);
    };

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
