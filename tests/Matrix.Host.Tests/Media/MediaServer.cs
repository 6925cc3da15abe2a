using System.Net.Http.Headers;
using System.Text;
using Matrix.Host.Media.Store;
using Matrix.Host.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Media;

/// <summary>Uploads and downloads of tests.</summary>
internal static class MediaServer
{
    private const string Authenticated = "/_matrix/client/v1/media/";

    /// <summary>Uploads a text. Returns the URI without its scheme: `server/id`.</summary>
    internal static async Task<string> UploadsAsync(
        this TestClient user, string content, string? type = "text/plain", string? name = null) =>
        UriOf(await user.TryUploadAsync(content, type, name));

    internal static Task<Reply> TryUploadAsync(
        this TestClient user, string content, string? type = "text/plain", string? name = null) =>
        user.SendAsync(
            HttpMethod.Post,
            "/_matrix/media/v3/upload" + (name is null ? "" : $"?filename={Uri.EscapeDataString(name)}"),
            Body(content, type));

    internal static async Task<string> CreatesUriAsync(this TestClient user) =>
        UriOf(await user.PostAsync("/_matrix/media/v1/create"));

    internal static Task<Reply> FillsAsync(this TestClient user, string uri, string content) =>
        user.SendAsync(HttpMethod.Put, $"/_matrix/media/v3/upload/{uri}", Body(content, "text/plain"));

    internal static Task<Reply> DownloadsAsync(
        this TestClient user, string uri, params (string Name, string Value)[] headers) =>
        user.SendAsync(HttpMethod.Get, $"{Authenticated}download/{uri}", null, headers);

    /// <summary>The files that a server keeps, without those that show whose folder it is.</summary>
    internal static string[] FilesOf(HomeserverFixture server)
    {
        var folder = Path.Combine(server.Folder, "media");
        return
        [
            .. Directory.GetFiles(folder, "*", SearchOption.AllDirectories)
                .Except([Path.Combine(folder, "lock"), Path.Combine(folder, "owner")]),
        ];
    }

    /// <summary>Deletes media that is no longer kept.</summary>
    internal static ValueTask CleansMediaAsync(this HomeserverFixture server) =>
        server.Services.GetRequiredService<MediaCleaner>().CleanAsync(CancellationToken.None);

    /// <summary>Deletes contents without a URI.</summary>
    internal static ValueTask SweepsMediaAsync(this HomeserverFixture server) =>
        server.Services.GetRequiredService<MediaCleaner>().SweepAsync(CancellationToken.None);

    internal static string UriOf(Reply reply)
    {
        var uri = reply.Is(200).Member("content_uri");
        Assert.That(uri, Does.StartWith("mxc://"));
        return uri["mxc://".Length..];
    }

    internal static HttpContent Body(string content, string? type)
    {
        var body = new ByteArrayContent(Encoding.UTF8.GetBytes(content));
        if (type is not null) body.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
        return body;
    }
}
