using System.Text;
using Matrix.Core.Facade;
using Matrix.Core.Json;

namespace Matrix.Host.Configuration;

/// <summary>The type of a list of transports of calls (MSC4143): JSON objects, each with its `type`.</summary>
internal sealed class RtcTransportsType() : ConfigType<IReadOnlyList<JsonObject>>(
    "a list of transports, each with a type, and with a livekit_service_url that starts with https:// or http:// if "
        + "its type is livekit, also as JSON")
{
    internal override bool TryParse(string text, out IReadOnlyList<JsonObject> value)
    {
        value = [];
        if (!JsonText.TryParse(
                Encoding.UTF8.GetBytes(text), Reading.Client, JsonText.ClientBodyLimits, out var json, out _)
            || json is not Json.Array { Item: var items })
        {
            return false;
        }

        JsonObject[] transports = [.. items.OfType<Json.Object>().Select(static item => item.Item)];
        value = transports;
        return transports.Length == items.Length && Array.TrueForAll(transports, IsTransport);
    }

    internal override string Show(IReadOnlyList<JsonObject> value) =>
        Encoding.UTF8.GetString(JsonText.Write(Json.Of([.. value.Select(Json.Of)])));

    private static bool IsTransport(JsonObject transport) =>
        transport.Text("type") is { Length: > 0 } type
        && (type != "livekit"
            || (Uri.TryCreate(transport.Text("livekit_service_url"), UriKind.Absolute, out var url)
                && url.Scheme is "https" or "http"));
}
