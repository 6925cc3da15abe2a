using System.Text.Json;
using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Core.Presence;
using Matrix.Host.Users.Presence;

namespace Matrix.Host.Streams.Streams.Presence;

/// <summary>Writes presence as events. v1.19 client-server-api#presence.</summary>
internal static class PresenceFormat
{
    /// <summary>Writes an event.</summary>
    public static void Write(Utf8JsonWriter json, SeenPresence seen)
    {
        json.WriteStartObject();
        json.WriteStartObject("content"u8);
        seen.WriteContent(json);
        json.WriteEndObject();
        json.WriteString("sender"u8, seen.UserId);
        json.WriteString("type"u8, EventTypes.Presence);
        json.WriteEndObject();
    }

    /// <summary>An event.</summary>
    /// <param name="withActivity">Whether it has `currently_active` of a user who is online.</param>
    public static Json EventOf(SeenPresence seen, bool withActivity)
    {
        var content = new List<(string, Json)> { ("presence", Json.Of(PresenceStates.Name(seen.State))) };
        if (seen.LastActiveAgo is { } ago) content.Add(("last_active_ago", Json.Of(ago)));
        if (withActivity && seen.State == PresenceState.Online)
        {
            content.Add(("currently_active", Json.Of(seen.IsCurrentlyActive)));
        }

        if (seen.StatusMessage is { } message) content.Add(("status_msg", Json.Of(message)));
        return Json.Of(JsonObject.OfSeq(
        [
            ("content", Json.Of(JsonObject.OfSeq(content))),
            ("sender", Json.Of(seen.UserId)),
            ("type", Json.Of(EventTypes.Presence)),
        ]));
    }
}
