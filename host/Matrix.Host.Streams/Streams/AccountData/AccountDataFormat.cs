using System.Text.Json;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Users.PushRules;

namespace Matrix.Host.Streams.Streams.AccountData;

/// <summary>Writes account data as events. Push rules are completed with the server's default rules.</summary>
internal static class AccountDataFormat
{
    /// <summary>Whether it is the user's push rules.</summary>
    public static bool IsPushRules(AccountDataRow row) => row.Room is null && row.Type == UserPushRules.Type;

    /// <summary>Writes an event.</summary>
    /// <param name="stored">The row's content as it is stored.</param>
    public static void Write(Utf8JsonWriter json, string userId, AccountDataRow row, ReadOnlyMemory<byte> stored)
    {
        if (IsPushRules(row)) WritePushRules(json, UserPushRules.ContentOf(userId, stored));
        else json.WriteTypedContent(row.Type, stored.Span);
    }

    /// <summary>Writes the push rules of a user who changed none.</summary>
    public static void WriteDefaultPushRules(Utf8JsonWriter json, string userId) =>
        WritePushRules(json, UserPushRules.DefaultContent(userId));

    /// <summary>Writes an event with a content that is complete.</summary>
    public static void Write(ByteBuffer output, string type, ReadOnlyMemory<byte> content)
    {
        output.Raw("{\"content\":"u8);
        output.Raw(content.Span);
        output.Raw(",\"type\":"u8);
        CanonicalJson.WriteString(output, type);
        output.Byte((byte)'}');
    }

    /// <summary>An event, with its room's id; null if the content is none.</summary>
    public static Json? EventOf(string userId, AccountDataRow row, string? roomId, ReadOnlyMemory<byte> stored)
    {
        JsonObject? content;
        if (IsPushRules(row)) content = UserPushRules.ContentOf(userId, stored);
        else if (!JsonText.TryParseStored(stored.Span, out content)) return null;
        var members = new List<(string, Json)>
        {
            ("content", Json.Of(content)),
            ("type", Json.Of(row.Type)),
        };
        if (roomId is not null) members.Add(("room_id", Json.Of(roomId)));
        return Json.Of(JsonObject.OfSeq(members));
    }

    private static void WritePushRules(Utf8JsonWriter json, JsonObject content)
    {
        using var rendered = new ByteBuffer(8192);
        CanonicalJson.WriteObject(rendered, content);
        json.WriteTypedContent(UserPushRules.Type, rendered.Written);
    }
}
