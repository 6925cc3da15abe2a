using System.Text.Json;
using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Host.Storage;

namespace Matrix.Host.Streams.Streams.Typing;

/// <summary>Reads and writes typing users as events. v1.19 client-server-api#typing-notifications.</summary>
internal static class TypingFormat
{
    /// <summary>The typing users of a room whom the reader does not ignore.</summary>
    public static List<string> Shown(this ITypingBoard board, RoomNid room, IReadOnlySet<string> ignored) =>
        board.In(room).Where(user => !ignored.Contains(user)).ToList();

    /// <summary>Writes the members of an event.</summary>
    public static void Write(Utf8JsonWriter json, IReadOnlyList<string> users)
    {
        json.WriteStartObject("content"u8);
        json.WriteStrings("user_ids"u8, users);
        json.WriteEndObject();
        json.WriteString("type"u8, EventTypes.Typing);
    }

    /// <summary>An event, with its room's id.</summary>
    public static Json EventOf(string roomId, IEnumerable<string> users) => SyncJson.EventOf(
        EventTypes.Typing,
        roomId,
        Json.Of(JsonObject.OfSeq([("user_ids", Json.Of([.. users.Select(Json.Of)]))])));
}
