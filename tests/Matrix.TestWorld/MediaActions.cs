using System.Net.Http.Headers;
using System.Text;

namespace Matrix.TestWorld;

/// <summary>Uploads and downloads of users.</summary>
public static class MediaActions
{
    private const string Authenticated = "/_matrix/client/v1/media/";

    /// <summary>Uploads a text. Returns the URI without its scheme: `server/id`.</summary>
    public static async Task<string> UploadsAsync(
        this TestClient user, string content, string? type = "text/plain", string? name = null) =>
        UriOf(await user.TryUploadAsync(content, type, name));

    public static Task<Reply> TryUploadAsync(
        this TestClient user, string content, string? type = "text/plain", string? name = null) =>
        user.SendAsync(
            HttpMethod.Post,
            "/_matrix/media/v3/upload" + (name is null ? "" : $"?filename={Uri.EscapeDataString(name)}"),
            Body(content, type));

    /// <summary>Creates a URI without content.</summary>
    public static async Task<string> CreatesUriAsync(this TestClient user) =>
        UriOf(await user.PostAsync("/_matrix/media/v1/create"));

    public static Task<Reply> FillsAsync(this TestClient user, string uri, string content) =>
        user.SendAsync(HttpMethod.Put, $"/_matrix/media/v3/upload/{uri}", Body(content, "text/plain"));

    /// <summary>Downloads a content, with its URI as above.</summary>
    public static Task<Reply> DownloadsAsync(
        this TestClient user, string uri, params (string Name, string Value)[] headers) =>
        user.SendAsync(HttpMethod.Get, $"{Authenticated}download/{uri}", null, headers);

    public static string UriOf(Reply reply)
    {
        var uri = reply.Is(200).Member("content_uri");
        Assert.That(uri, Does.StartWith("mxc://"));
        return uri["mxc://".Length..];
    }

    public static HttpContent Body(string content, string? type)
    {
        var body = new ByteArrayContent(Encoding.UTF8.GetBytes(content));
        if (type is not null) body.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
        return body;
    }
}
