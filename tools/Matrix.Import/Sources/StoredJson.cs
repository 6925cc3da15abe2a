using System.Text.Json;
using System.Text.Unicode;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Json = Matrix.Core.Json.Json;

namespace Matrix.Import.Sources;

/// <summary>JSON that Synapse stored for clients.</summary>
internal static class StoredJson
{
    private const int MostNested = 512;

    /// <summary>Reads an object; false if the text is none.</summary>
    public static bool TryRead(byte[] text, out JsonObject value) => JsonText.TryParseStored(text, out value);

    /// <summary>The bytes under which this server stores a key: in canonical form, without `unsigned`.</summary>
    public static byte[] KeyBytes(JsonObject key)
    {
        using var bytes = new ByteBuffer();
        CanonicalJson.WriteWithout(bytes, key, ["unsigned"]);
        return bytes.ToArray();
    }

    /// <summary>The canonical form of an object or a string, such as a one-time key; null for all else.</summary>
    public static byte[]? OneTimeKeyBytes(byte[] text)
    {
        if (TryRead(text, out var value)) return JsonText.Write(value);

        // A string is read as the only item of an array.
        return JsonText.TryParseArray([(byte)'[', .. text, (byte)']'], out var items)
            && items is [Json.String { Item: var key }]
                ? JsonText.Write(Json.Of(key))
                : null;
    }

    /// <summary>A member that is a string; null if there is none.</summary>
    public static string? TextOf(JsonObject json, string name) =>
        JsonText.TryGet(json, name, out var value) && value is Json.String text ? text.Item : null;

    /// <summary>A member that is an object; null if there is none.</summary>
    public static JsonObject? ObjectOf(JsonObject json, string name) =>
        JsonText.TryGet(json, name, out var value) && value is Json.Object child ? child.Item : null;

    /// <summary>
    /// Whether the bytes are an object that can be passed on as it is: well formed, in UTF-8.
    /// </summary>
    public static bool IsObject(byte[] text)
    {
        try
        {
            var reader = new Utf8JsonReader(text, new JsonReaderOptions { MaxDepth = MostNested });
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject) return false;
            reader.Skip();
            return !reader.Read() && Utf8.IsValid(text);
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
