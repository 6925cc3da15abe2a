using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Xml.Linq;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Matrix.TestWorld;

/// <summary>
/// A small S3 service: objects of one bucket in memory. Each request's signature is checked. AWS General Reference,
/// "Signature Version 4".
/// </summary>
internal sealed class S3Stub : IAsyncDisposable
{
    internal const string AccessKey = "AKIDTEST";
    internal const string SecretKey = "a secret+key/of the test";
    private const int PageSize = 2;

    private readonly WebApplication _app;

    private S3Stub(WebApplication app) => _app = app;

    internal string Url => _app.Urls.First();

    internal ConcurrentDictionary<string, (byte[] Content, DateTimeOffset At)> Objects { get; } =
        new(StringComparer.Ordinal);

    /// <summary>The customer's keys of encrypted objects, in Base64, by the object.</summary>
    internal ConcurrentDictionary<string, string> EncryptionKeys { get; } = new(StringComparer.Ordinal);

    /// <summary>The token that requests need besides their signature; null for none.</summary>
    internal string? SessionToken { get; set; }

    internal int Refused { get; private set; }

    internal bool IsDown { get; set; }

    internal static async Task<S3Stub> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var stub = new S3Stub(builder.Build());
        stub._app.Run(stub.AnswerAsync);
        await stub._app.StartAsync();
        return stub;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task AnswerAsync(HttpContext http)
    {
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body);
        if (IsDown)
        {
            http.Response.StatusCode = 503;
            return;
        }

        var token = (string?)http.Request.Headers["x-amz-security-token"];
        if (token != SessionToken || !IsSigned(http.Request, body.ToArray()))
        {
            Refused++;
            await FailAsync(http, 403, "SignatureDoesNotMatch");
            return;
        }

        var path = http.Request.Path.Value!;
        if (path is "/bucket" or "/bucket/")
        {
            await ListAsync(http);
        }
        else if (path.StartsWith("/bucket/", StringComparison.Ordinal))
        {
            await ObjectAsync(http, path["/bucket/".Length..], body.ToArray());
        }
        else
        {
            await FailAsync(http, 404, "NoSuchBucket");
        }
    }

    private async Task ObjectAsync(HttpContext http, string key, byte[] body)
    {
        switch (http.Request.Method)
        {
            case "PUT":
                Objects[key] = (body, DateTimeOffset.UtcNow);
                http.Response.Headers.ETag = "\"x\"";
                break;
            case "DELETE":
                Objects.TryRemove(key, out _);
                http.Response.StatusCode = 204;
                break;
            case "GET" or "HEAD" when !HasKey(http.Request, EncryptionKeys.GetValueOrDefault(key)):
                await FailAsync(http, 400, "InvalidRequest");
                break;
            case "GET" or "HEAD" when Objects.TryGetValue(key, out var found):
                await SendAsync(http, found.Content);
                break;
            default:
                await FailAsync(http, 404, "NoSuchKey");
                break;
        }
    }

    /// <summary>
    /// Whether the request has an object's key. S3 User Guide, "Server-side encryption with customer-provided keys".
    /// </summary>
    private static bool HasKey(HttpRequest request, string? key)
    {
        const string header = "x-amz-server-side-encryption-customer-";
        if (key is null) return !request.Headers.ContainsKey(header + "key");
        return request.Headers[header + "algorithm"] == "AES256"
            && request.Headers[header + "key"] == key
            && request.Headers.ContainsKey(header + "key-MD5");
    }

    private static async Task SendAsync(HttpContext http, byte[] content)
    {
        var part = content.AsMemory();
        if (http.Request.GetTypedHeaders().Range?.Ranges.Single() is { From: { } from, To: { } to })
        {
            part = part[(int)from..(int)(to + 1)];
            http.Response.StatusCode = 206;
        }

        http.Response.ContentLength = part.Length;
        if (HttpMethods.IsGet(http.Request.Method)) await http.Response.Body.WriteAsync(part);
    }

    private Task ListAsync(HttpContext http)
    {
        var prefix = http.Request.Query["prefix"].ToString();
        var after = http.Request.Query["continuation-token"].ToString();
        var keys = Objects.Keys.Where(key => key.StartsWith(prefix, StringComparison.Ordinal))
            .Order(StringComparer.Ordinal).Where(key => string.CompareOrdinal(key, after) > 0).ToList();
        var page = keys.Take(PageSize).ToList();
        XNamespace names = "http://s3.amazonaws.com/doc/2006-03-01/";
        var list = new XElement(
            names + "ListBucketResult",
            new XElement(names + "IsTruncated", keys.Count > PageSize),
            keys.Count > PageSize ? new XElement(names + "NextContinuationToken", page[^1]) : null,
            page.Select(key => new XElement(
                names + "Contents",
                new XElement(names + "Key", key),
                new XElement(
                    names + "LastModified",
                    Objects[key].At.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture)),
                new XElement(names + "Size", Objects[key].Content.Length))));
        http.Response.ContentType = "application/xml";
        return http.Response.WriteAsync(list.ToString());
    }

    private static Task FailAsync(HttpContext http, int status, string code)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/xml";
        return HttpMethods.IsHead(http.Request.Method)
            ? Task.CompletedTask
            : http.Response.WriteAsync($"<Error><Code>{code}</Code><Message>{code}</Message></Error>");
    }

    /// <summary>Whether the request carries the signature that its content, headers, path and query have.</summary>
    private static bool IsSigned(HttpRequest request, byte[] body)
    {
        var hash = Hex(SHA256.HashData(body));
        if (request.Headers["x-amz-content-sha256"] != hash) return false;
        var authorization = request.Headers.Authorization.ToString();
        if (!authorization.StartsWith("AWS4-HMAC-SHA256 ", StringComparison.Ordinal)) return false;
        var fields = authorization["AWS4-HMAC-SHA256 ".Length..].Split(',', StringSplitOptions.TrimEntries)
            .Select(field => field.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1]);
        var scope = fields["Credential"].Split('/');
        if (scope[0] != AccessKey) return false;
        var headers = string.Concat(fields["SignedHeaders"].Split(';').Select(
            name => $"{name}:{string.Join(',', request.Headers[name].Select(value => value!.Trim()))}\n"));
        var query = string.Join('&', request.Query
            .Select(pair => $"{Uri.EscapeDataString(pair.Key)}={Uri.EscapeDataString(pair.Value.ToString())}")
            .Order(StringComparer.Ordinal));
        var path = string.Join('/', request.Path.Value!.Split('/').Select(Uri.EscapeDataString));
        var canonical = string.Join('\n', request.Method, path, query, headers, fields["SignedHeaders"], hash);
        var signed = string.Join(
            '\n', "AWS4-HMAC-SHA256", request.Headers["x-amz-date"], string.Join('/', scope[1..]),
            Hex(SHA256.HashData(Encoding.UTF8.GetBytes(canonical))));
        var key = scope[1..].Aggregate(
            Encoding.UTF8.GetBytes("AWS4" + SecretKey),
            (key, part) => HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(part)));
        return Hex(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(signed))) == fields["Signature"];
    }

    private static string Hex(byte[] bytes) => Convert.ToHexStringLower(bytes);
}
