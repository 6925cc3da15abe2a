using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;

namespace Matrix.TestWorld;

/// <summary>A response of a server.</summary>
public sealed class Reply(int status, string text, HttpResponseHeaders headers, HttpContentHeaders contentHeaders)
{
    /// <summary>The HTTP status.</summary>
    public int Status { get; } = status;

    /// <summary>The body.</summary>
    public string Text { get; } = text;

    /// <summary>The headers.</summary>
    public HttpResponseHeaders Headers { get; } = headers;

    /// <summary>The headers of the body.</summary>
    public HttpContentHeaders ContentHeaders { get; } = contentHeaders;

    /// <summary>The body as an object.</summary>
    public JsonObject Json => JsonNode.Parse(Text)!.AsObject();

    /// <summary>The error code; null for a success.</summary>
    public string? Errcode => Text.StartsWith('{') ? (string?)Json["errcode"] : null;

    /// <summary>A member that is a string.</summary>
    public string Member(string name) =>
        (string?)Json[name] ?? throw new AssertionException($"There is no string `{name}` in {Text}");

    /// <summary>A header as it was sent; null for none.</summary>
    public string? Header(string name) =>
        Headers.TryGetValues(name, out var values) || ContentHeaders.TryGetValues(name, out values)
            ? string.Join(", ", values)
            : null;

    /// <summary>Fails unless the response is JSON with this status and error code.</summary>
    public Reply Is(int status, string? errcode = null)
    {
        Assert.That((Status, Errcode), NUnit.Framework.Is.EqualTo((status, errcode)), Text);
        Assert.That(ContentHeaders.ContentType?.ToString(), NUnit.Framework.Is.EqualTo("application/json"));
        return this;
    }

    /// <summary>Fails unless the response has this status. Its body may be anything.</summary>
    public Reply HasStatus(int status)
    {
        Assert.That(Status, NUnit.Framework.Is.EqualTo(status), Text);
        return this;
    }

    /// <summary>Sends a request.</summary>
    public static async Task<Reply> SendAsync(HttpClient http, HttpRequestMessage request)
    {
        using var response = await http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        SeenRequests.Received(request.Method.Method, request.RequestUri!.PathAndQuery, (int)response.StatusCode);
        return new Reply((int)response.StatusCode, text, response.Headers, response.Content.Headers);
    }

    /// <summary>Reads a response as it came over a connection.</summary>
    public static Reply Parse(string text)
    {
        var end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        Assert.That(end, NUnit.Framework.Is.Positive, $"This is no response: {text}");
        var lines = text[..end].Split("\r\n");
        using var response = new HttpResponseMessage { Content = new ByteArrayContent([]) };
        foreach (var line in lines.Skip(1).Select(line => line.Split(": ", 2)))
        {
            if (!response.Headers.TryAddWithoutValidation(line[0], line[1]))
            {
                response.Content.Headers.TryAddWithoutValidation(line[0], line[1]);
            }
        }

        var status = int.Parse(lines[0].Split(' ')[1], CultureInfo.InvariantCulture);
        return new Reply(status, text[(end + 4)..], response.Headers, response.Content.Headers);
    }
}
