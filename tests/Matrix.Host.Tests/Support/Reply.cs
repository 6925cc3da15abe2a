using System.Net.Http.Headers;
using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Support;

/// <summary>A response of the server.</summary>
public sealed class Reply(int status, string text, HttpResponseMessage response)
{
    /// <summary>The HTTP status.</summary>
    public int Status { get; } = status;

    /// <summary>The body.</summary>
    public string Text { get; } = text;

    /// <summary>The headers.</summary>
    public HttpResponseHeaders Headers { get; } = response.Headers;

    /// <summary>The headers of the body.</summary>
    public HttpContentHeaders ContentHeaders { get; } = response.Content.Headers;

    /// <summary>The body as an object.</summary>
    public JsonObject Json => JsonNode.Parse(Text)!.AsObject();

    /// <summary>The error code; null for a success.</summary>
    public string? Errcode => Text.StartsWith('{') ? (string?)Json["errcode"] : null;

    /// <summary>A member that is a string.</summary>
    public string Member(string name) =>
        (string?)Json[name] ?? throw new AssertionException($"There is no string `{name}` in {Text}");

    /// <summary>Fails unless the response has this status and error code.</summary>
    public Reply Is(int status, string? errcode = null)
    {
        Assert.That((Status, Errcode), NUnit.Framework.Is.EqualTo((status, errcode)), Text);
        return this;
    }
}
