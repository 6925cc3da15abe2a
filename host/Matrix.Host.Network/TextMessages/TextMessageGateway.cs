using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Matrix.Host.Network.Urls;

namespace Matrix.Host.Network.TextMessages;

/// <summary>
/// Sends text messages by the operator's gateway: a POST with `to` (a number with its country code, only digits),
/// `text` and `language`. A status of 2xx means that the gateway took it.
/// </summary>
public sealed class TextMessageGateway(TextMessageOptions options, OperatorUrlClient client)
{
    /// <summary>Whether messages can be sent.</summary>
    public bool IsConfigured => options.IsConfigured;

    /// <summary>Sends a message; returns why it was not sent.</summary>
    /// <exception cref="OperationCanceledException">The caller stopped it.</exception>
    public async ValueTask<string?> SendAsync(string to, string text, string language, CancellationToken stop)
    {
        var url = new Uri(options.GatewayUrl);
        var request = new OperatorRequest(url, "POST", url.Query)
        {
            Authorization = options.GatewayToken.Length > 0 ? $"Bearer {options.GatewayToken}" : null,
            Body = Body(to, text, language),
            MaxBytes = options.MaxResponseBytes,
            Time = options.Time,
        };
        var outcome = await client.SendAsync(request, stop);
        return outcome.Reply switch
        {
            null => outcome.Failure!.Message,
            { Status: >= 200 and < 300 } => null,
            var reply => string.Create(CultureInfo.InvariantCulture, $"the gateway answered {reply.Status}"),
        };
    }

    private static ReadOnlyMemory<byte> Body(string to, string text, string language)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using var json = new Utf8JsonWriter(buffer);
        json.WriteStartObject();
        json.WriteString("to", to);
        json.WriteString("text", text);
        json.WriteString("language", language);
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenMemory;
    }
}
