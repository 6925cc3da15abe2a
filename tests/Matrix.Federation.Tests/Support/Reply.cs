using System.Net.Http.Headers;
using System.Text.Json.Nodes;

namespace Matrix.Federation.Tests.Support;

/// <summary>A response.</summary>
public sealed class Reply(int status, string text, HttpResponseHeaders headers, HttpContentHeaders contentHeaders)
{
    public int Status { get; } = status;

    public string Text { get; } = text;

    public HttpResponseHeaders Headers { get; } = headers;

    public HttpContentHeaders ContentHeaders { get; } = contentHeaders;

    /// <summary>The body as an object.</summary>
    public JsonObject Json => JsonNode.Parse(Text)!.AsObject();

    /// <summary>The error code; null if there is none.</summary>
    public string? Errcode => Text.StartsWith('{') ? (string?)Json["errcode"] : null;

    internal static async Task<Reply> SendAsync(HttpClient http, HttpRequestMessage request)
    {
        using var response = await http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        return new Reply((int)response.StatusCode, text, response.Headers, response.Content.Headers);
    }

    /// <summary>Fails unless it has this status and error code.</summary>
    public Reply Is(int status, string? errcode = null)
    {
        Assert.That((Status, Errcode), NUnit.Framework.Is.EqualTo((status, errcode)), Text);
        Assert.That(ContentHeaders.ContentType!.ToString(), NUnit.Framework.Is.EqualTo("application/json"));
        return this;
    }
}
