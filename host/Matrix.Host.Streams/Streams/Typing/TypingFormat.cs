using System.Formats.Cbor;
using System.Text.Json;
using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Host.Storage;

namespace Matrix.Host.Streams.Streams.Typing;

/// <summary>
/// Writes typing users as events, and writes and reads them as nodes tell each other.
/// v1.19 client-server-api#typing-notifications
/// </summary>
internal static class TypingFormat
{
    /// <summary>The longest time, in milliseconds, that is read of what nodes tell.</summary>
    private const long LongestTold = 24 * 60 * 60 * 1000;

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

    /// <summary>Writes the typing users of a room, with the time that each has left.</summary>
    public static void Write(CborWriter told, string roomId, IReadOnlyList<(string UserId, TimeSpan Left)> users)
    {
        told.WriteStartArray(1 + (2 * users.Count));
        told.WriteTextString(roomId);
        foreach (var (userId, left) in users)
        {
            told.WriteTextString(userId);
            told.WriteInt64(Math.Max(0, (long)left.TotalMilliseconds));
        }

        told.WriteEndArray();
    }

    /// <summary>Reads them.</summary>
    /// <exception cref="InvalidOperationException">They are malformed, as for <see cref="CborContentException"/> and
    /// <see cref="OverflowException"/>.</exception>
    public static (string RoomId, IReadOnlyList<(string UserId, TimeSpan Left)> Users) Read(CborReader told, int most)
    {
        if (told.ReadStartArray() is not { } length || length % 2 == 0) throw new CborContentException("users");
        var roomId = told.ReadTextString();
        var users = new List<(string, TimeSpan)>();
        for (var left = length / 2; left > 0; left--)
        {
            var userId = told.ReadTextString();
            var milliseconds = told.ReadInt64();
            var time = TimeSpan.FromMilliseconds(Math.Clamp(milliseconds, 0, LongestTold));
            if (users.Count < most) users.Add((userId, time));
        }

        told.ReadEndArray();
        return (roomId, users);
    }
}
