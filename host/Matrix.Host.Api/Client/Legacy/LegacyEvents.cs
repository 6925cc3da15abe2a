using Matrix.Core.Ident;
using Matrix.Core.Json;

namespace Matrix.Host.Api.Client.Legacy;

/// <summary>
/// Today's events in the shape of 2014: `user_id` beside `sender`, `age` and what is in `unsigned` at the top, and
/// several events for one whose content was divided then. The 2014 specification, "Events".
/// </summary>
internal static class LegacyEvents
{
    private const string Aliases = "m.room.aliases";

    /// <summary>Events of a timeline. Parts of power levels that did not change are left out.</summary>
    internal static IEnumerable<Json> Timeline(IEnumerable<Json> events, LegacyRoomFacts rooms) =>
        events.SelectMany(each => Of(each, rooms, isState: false));

    /// <summary>The events of a room's state.</summary>
    internal static IEnumerable<Json> State(IEnumerable<Json> events, LegacyRoomFacts rooms) => events
        .Where(static each => each is Json.Object json && LegacyPowerLevels.PartOf(TypeOf(json.Item)) is null)
        .SelectMany(each => Of(each, rooms, isState: true));

    /// <summary>One event in the old shape, without those that are divided from it.</summary>
    internal static JsonObject One(JsonObject today, RoomFacts? room)
    {
        var unsigned = today.Inner("unsigned") ?? JsonObject.Empty;
        var content = today.Inner("content") ?? JsonObject.Empty;
        var type = TypeOf(today);
        var old = today.Without("unsigned")
            .WithDefault("user_id", today.Find("sender"))
            .WithDefault("ts", today.Find("origin_server_ts"))
            .WithDefault("age", unsigned.Find("age"))
            .WithDefault("prev_content", unsigned.Find("prev_content"))
            .WithDefault("redacted_because", Because(unsigned, room));
        if (type == "m.room.member") return old.WithDefault("membership", content.Find("membership"));
        if (type == "m.room.redaction") return old.WithDefault("redacts", content.Find("redacts"));
        if (!today.Has("state_key")) return old;
        if (room?.PowerLevels is { } levels)
        {
            old = old.WithDefault("required_power_level", Json.NewInt(LegacyPowerLevels.Required(type, levels)));
        }

        return type switch
        {
            "m.room.create" =>
                old.With(("content", Json.NewObject(content.WithDefault("creator", old.Find("sender"))))),
            LegacyPowerLevels.Type => ContentsBy(old, levels => LegacyPowerLevels.Flat(levels, room?.Creators ?? [])),
            _ => old,
        };
    }

    /// <summary>A part of a power levels event, in the old shape.</summary>
    internal static JsonObject Part(JsonObject today, string part, RoomFacts? room)
    {
        var old = One(today.With(("type", Json.NewString(part))), room);
        var id = old.Text("event_id") ?? "";
        return ContentsBy(old, levels => LegacyPowerLevels.PartContent(part, levels))
            .With(("event_id", Json.NewString(LegacyIds.Of(id, part))));
    }

    private static IEnumerable<Json> Of(Json each, LegacyRoomFacts rooms, bool isState)
    {
        if (each is not Json.Object { Item: var today })
        {
            yield return each;
            yield break;
        }

        var type = TypeOf(today);
        if (type == "m.presence")
        {
            yield return Json.NewObject(Presence(today));
            yield break;
        }

        if (type == "m.receipt" && !today.Has("event_id"))
        {
            foreach (var feedback in LegacyFeedback.Of(today)) yield return Json.NewObject(feedback);
            yield break;
        }

        var room = rooms.Find(today.Text("room_id"));
        yield return Json.NewObject(One(today, room));
        if (today.Text("state_key") != "") yield break;
        if (type == LegacyPowerLevels.Type)
        {
            foreach (var part in LegacyPowerLevels.Parts)
            {
                var old = Part(today, part, room);
                if (isState || !Equals(old.Find("content"), old.Find("prev_content"))) yield return Json.NewObject(old);
            }
        }
        else if (type == "m.room.canonical_alias")
        {
            foreach (var old in AliasesOf(today, room)) yield return Json.NewObject(old);
        }
    }

    /// <summary>The presence of a user, who was named in the content.</summary>
    private static JsonObject Presence(JsonObject today) => today.With((
        "content",
        Json.NewObject((today.Inner("content") ?? JsonObject.Empty).WithDefault("user_id", today.Find("sender")))));

    /// <summary>The lists of a room's aliases, by which clients of that age name it, one for each server.</summary>
    private static IEnumerable<JsonObject> AliasesOf(JsonObject today, RoomFacts? room)
    {
        var content = today.Inner("content") ?? JsonObject.Empty;
        var all = content.Items("alt_aliases").Select(static each => (each as Json.String)?.Item)
            .Prepend(content.Text("alias"))
            .Where(static alias => alias is not null && RoomAlias.isValid(alias)).Select(static alias => alias!);
        var old = One(today.With(("type", Json.NewString(Aliases))), room).Without("prev_content");
        foreach (var ofServer in all.Distinct().GroupBy(static alias => RoomAlias.server(alias)))
        {
            yield return old.With(
                ("event_id", Json.NewString(LegacyIds.Of(old.Text("event_id") ?? "", $"{Aliases}.{ofServer.Key}"))),
                ("state_key", Json.NewString(ofServer.Key)),
                ("content", Json.NewObject(LegacyJson.Of(
                    ("aliases", Json.NewArray([.. ofServer.Select(Json.NewString)]))))));
        }
    }

    private static Json? Because(JsonObject unsigned, RoomFacts? room) =>
        unsigned.Inner("redacted_because") is { } because ? Json.NewObject(One(because, room)) : null;

    private static JsonObject ContentsBy(JsonObject old, Func<JsonObject, JsonObject> change)
    {
        foreach (var name in (string[])["content", "prev_content"])
        {
            if (old.Inner(name) is { } content) old = old.With((name, Json.NewObject(change(content))));
        }

        return old;
    }

    private static string TypeOf(JsonObject today) => today.Text("type") ?? "";
}
