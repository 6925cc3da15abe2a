using System.Text;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Network.Urls;

namespace Matrix.Host.Users.SingleSignOn;

/// <summary>A provider did not answer as it should. The message is for the operator's log.</summary>
public sealed class ProviderException(string message) : Exception(message);

/// <summary>Requests to identity providers, within their bounds, to addresses that the configuration allows.</summary>
public sealed class ProviderHttp(UrlSender http, SsoOptions options) : IDisposable
{
    /// <summary>The response's JSON object and text.</summary>
    /// <exception cref="ProviderException">There is none.</exception>
    internal async ValueTask<(JsonObject Json, byte[] Text)> GetAsync(
        Uri url, string? authorization, CancellationToken stop) =>
        await SendAsync(
            new UrlCall(url, "GET")
            {
                Authorization = authorization,
                MaxBytes = options.ResponseBytes,
                Time = options.RequestTime,
            },
            stop);

    /// <summary>Sends a form; the response's JSON object.</summary>
    /// <exception cref="ProviderException">There is none.</exception>
    internal async ValueTask<JsonObject> PostFormAsync(
        Uri url,
        IEnumerable<KeyValuePair<string, string>> fields,
        string? authorization,
        CancellationToken stop)
    {
        var call = new UrlCall(url, "POST")
        {
            Authorization = authorization,
            Body = Encoding.UTF8.GetBytes(FormOf(fields)),
            ContentType = "application/x-www-form-urlencoded",
            MaxBytes = options.ResponseBytes,
            Time = options.RequestTime,
        };
        return (await SendAsync(call, stop)).Json;
    }

    /// <summary>Fields as the text of a form, or a query.</summary>
    internal static string FormOf(IEnumerable<KeyValuePair<string, string>> fields) => string.Join(
        '&', fields.Select(static f => $"{Uri.EscapeDataString(f.Key)}={Uri.EscapeDataString(f.Value)}"));

    /// <inheritdoc/>
    public void Dispose() => http.Dispose();

    private async ValueTask<(JsonObject Json, byte[] Text)> SendAsync(UrlCall call, CancellationToken stop)
    {
        var where = call.Url.GetLeftPart(UriPartial.Path);
        var asked = call with { MayBePlain = true, Headers = [("Accept", "application/json")] };
        var outcome = await http.SendAsync(asked, stop);
        if (outcome.Reply is not { } reply)
        {
            throw new ProviderException($"{where}: {outcome.Failure!.Message}");
        }

        if (!JsonText.TryParseObject(reply.Body, Reading.Client, JsonText.FederationBodyLimits, out var json, out _))
        {
            throw new ProviderException($"{where}: status {reply.Status} without a JSON object");
        }

        return reply.Status is >= 200 and < 300
            ? (json, reply.Body)
            : throw new ProviderException($"{where}: status {reply.Status}, error {json.Text("error") ?? "unknown"}");
    }
}
