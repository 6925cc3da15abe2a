using System.Text.Json;
using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Core.Push;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Pushers;

namespace Matrix.Host.Outbound.Push;

/// <summary>The content of a push about an event.</summary>
/// <param name="Tweaks">The tweaks of the user's rule.</param>
/// <param name="SenderName">The sender's display name in the room.</param>
internal sealed record PushedContent(
    StoredEvent Event, JsonObject Tweaks, string? SenderName, string? RoomName, string? RoomAlias)
{
    /// <summary>
    /// Whether a device should wake for it: what makes a sound or highlights, and what is encrypted, since only the
    /// device knows.
    /// </summary>
    internal bool IsUrgent =>
        Event.Pdu.Type == EventTypes.Encrypted
        || Tweaks.Has("sound")
        || (Tweaks.IndexOf("highlight") is var at and >= 0 && Tweaks.Value(at) is Json.Bool { Item: true });
}

/// <summary>Bodies of requests to push gateways. v1.19 push-gateway-api#post_matrixpushv1notify</summary>
internal static class GatewayRequest
{
    private const string EventIdOnly = "event_id_only";

    /// <summary>The URL of a pusher; null if its data has none.</summary>
    internal static Uri? UrlOf(JsonObject data) =>
        data.Text("url") is { } url && Uri.TryCreate(url, UriKind.Absolute, out var parsed) ? parsed : null;

    /// <summary>The `data` of a pusher.</summary>
    internal static JsonObject DataOf(PusherRow pusher) =>
        JsonText.TryParseStored(pusher.Data.Span, out var data) ? data : JsonObject.Empty;

    /// <summary>A body.</summary>
    /// <param name="pusher">The pusher.</param>
    /// <param name="data">Its `data`.</param>
    /// <param name="content">The event; null for the counts alone.</param>
    /// <param name="unread">The count of unread.</param>
    internal static ReadOnlyMemory<byte> Body(
        PusherRow pusher, JsonObject data, PushedContent? content, int unread)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>(1024);
        using var json = new Utf8JsonWriter(buffer);
        json.WriteStartObject();
        json.WriteStartObject("notification");
        if (content is not null) WriteEvent(json, pusher, data, content);
        json.WriteString("prio", content is { IsUrgent: true } ? "high" : "low");
        json.WriteStartObject("counts");

        // A count of zero is left out with an event. Alone it says that everything is read.
        if (unread > 0 || content is null) json.WriteNumber("unread", unread);
        json.WriteEndObject();
        json.WriteStartArray("devices");
        json.WriteStartObject();
        json.WriteString("app_id", pusher.AppId);
        json.WriteString("pushkey", pusher.PushKey);
        json.WriteNumber("pushkey_ts", pusher.SetAt / 1000);
        json.WritePropertyName("data");
        using var without = new ByteBuffer(256);
        CanonicalJson.WriteWithout(without, data, ["url"]);
        json.WriteRawValue(without.WrittenMemory.Span, skipInputValidation: true);
        if (content is not null)
        {
            json.WritePropertyName("tweaks");
            json.WriteRawValue(CanonicalJson.Bytes(Json.Of(content.Tweaks)), skipInputValidation: true);
        }

        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenMemory;
    }

    /// <summary>Whether a response rejects a pushkey.</summary>
    internal static bool Rejects(ReadOnlySpan<byte> response, string pushKey)
    {
        if (!JsonText.TryParseStored(response, out var body)) return false;
        return body.IndexOf("rejected") is var at and >= 0
            && body.Value(at) is Json.Array rejected
            && rejected.Item.Any(key => key is Json.String { Item: var text } && text == pushKey);
    }

    private static void WriteEvent(Utf8JsonWriter json, PusherRow pusher, JsonObject data, PushedContent content)
    {
        var pdu = content.Event.Pdu;
        json.WriteString("event_id", content.Event.EventId);
        json.WriteString("room_id", content.Event.Room.RoomId);
        if (data.Text("format") == EventIdOnly) return;
        json.WriteString("type", pdu.Type);
        json.WriteString("sender", pdu.Sender);
        if (content.SenderName is { } sender) json.WriteString("sender_display_name", sender);
        if (content.RoomName is { } name) json.WriteString("room_name", name);
        if (content.RoomAlias is { } alias) json.WriteString("room_alias", alias);
        if (pdu.Type == EventTypes.Member) json.WriteBoolean("user_is_target", pdu.StateKey == pusher.UserId);
        json.WritePropertyName("content");
        json.WriteRawValue(CanonicalJson.Bytes(Json.Of(pdu.Content)), skipInputValidation: true);
    }
}
