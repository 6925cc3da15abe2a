using System.Text.Encodings.Web;
using System.Text.Json;
using Matrix.Core.Json;

namespace Matrix.Host.Streams.Streams;

/// <summary>Shapes that several streams share.</summary>
internal static class SyncJson
{
    // The JSON is never put into HTML, so JSON's own escapes suffice. The code fixes its shape, so it is not validated.
    private static readonly JsonWriterOptions _options = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        SkipValidation = true,
    };

    /// <summary>A writer to a buffer. Its output is in the buffer after a flush.</summary>
    public static Utf8JsonWriter WriterTo(ByteBuffer output) => new(output, _options);

    /// <summary>A member that is an array of strings.</summary>
    public static void WriteStrings(this Utf8JsonWriter json, ReadOnlySpan<byte> name, IEnumerable<string> values)
    {
        json.WriteStartArray(name);
        foreach (string value in values) json.WriteStringValue(value);
        json.WriteEndArray();
    }

    /// <summary>Opens a member with events.</summary>
    public static void WriteStartEvents(this Utf8JsonWriter json, ReadOnlySpan<byte> name)
    {
        json.WriteStartObject(name);
        json.WriteStartArray("events"u8);
    }

    /// <summary>Closes a member with events.</summary>
    public static void WriteEndEvents(this Utf8JsonWriter json)
    {
        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>JSON that was written or checked before.</summary>
    public static void WriteRaw(this Utf8JsonWriter json, ReadOnlySpan<byte> value) =>
        json.WriteRawValue(value, skipInputValidation: true);

    /// <summary>Writes an event that has only a type and a content.</summary>
    public static void WriteTypedContent(this Utf8JsonWriter json, string type, ReadOnlySpan<byte> content)
    {
        json.WriteStartObject();
        json.WritePropertyName("content"u8);
        json.WriteRaw(content);
        json.WriteString("type"u8, type);
        json.WriteEndObject();
    }

    /// <summary>An event of a room that is not stored as an event, with the room's id.</summary>
    public static Json EventOf(string type, string roomId, Json content) => Json.Of(JsonObject.OfSeq(
    [
        ("content", content),
        ("room_id", Json.Of(roomId)),
        ("type", Json.Of(type)),
    ]));
}
