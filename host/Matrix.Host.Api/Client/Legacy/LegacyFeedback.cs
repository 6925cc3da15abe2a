using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Host.Api.Http;

namespace Matrix.Host.Api.Client.Legacy;

/// <summary>
/// Feedback on messages. That a message was read is a receipt today; that it was delivered has no other form today, and
/// stays an event. The 2014 specification, `m.room.message.feedback`.
/// </summary>
internal static class LegacyFeedback
{
    internal const string Type = "m.room.message.feedback";
    private const string Read = "read";

    /// <summary>The message that a feedback says was read; null if it says something else.</summary>
    internal static string? ReadTarget(BodyReader body)
    {
        var type = body.RequiredText("type");
        var target = body.RequiredText("target_event_id");
        if (body.Problem is not null) return null;
        if (type is not (Read or "delivered"))
        {
            body.Refuse(MatrixError.BadJson, "Bad feedback type: `type` must be `delivered` or `read`.");
        }

        if (!EventId.IsValid(target))
        {
            body.Refuse(MatrixError.InvalidParam, "`target_event_id` is not a valid event id.");
        }

        return type == Read && body.Problem is null ? target : null;
    }

    /// <summary>The id of the feedback that a user has read a message.</summary>
    internal static string IdOf(string target, string userId) => LegacyIds.Of(target, $"{Read}.{userId}");

    /// <summary>The feedback of a room's receipts.</summary>
    internal static IEnumerable<JsonObject> Of(JsonObject receipts)
    {
        foreach (var (target, types) in (receipts.Inner("content") ?? JsonObject.Empty).Members)
        {
            if ((types as Json.Object)?.Item.Inner("m.read") is not { } readers) continue;
            foreach (var (userId, receipt) in readers.Members)
            {
                var old = LegacyJson.Of(
                    ("type", Json.Of(Type)),
                    ("event_id", Json.Of(IdOf(target, userId))),
                    ("room_id", receipts.Find("room_id") ?? Json.Null),
                    ("user_id", Json.Of(userId)),
                    ("content", Json.Of(LegacyJson.Of(
                        ("type", Json.Of(Read)), ("target_event_id", Json.Of(target))))));
                yield return old.WithDefault("ts", (receipt as Json.Object)?.Item.Find("ts"));
            }
        }
    }
}
