using Matrix.Core.Event;
using Matrix.Core.Ident;
using Matrix.Core.Json;

namespace Matrix.Host.Api.Client.Legacy;

/// <summary>
/// Today's events in the shape of 2014: `user_id` beside `sender`, `age` and what is in `unsigned` at the top, and
/// several events for one whose content was divided then. The 2014 specification, "Events".
/// </summary>
internal static class LegacyEvents
{
    /// <summary>Events of a timeline. Parts of power levels that did not change are left out.</summary>
    internal static IEnumerable<Json> Timeline(IEnumerable<Json> events, RoomPowers rooms) =>
        events.SelectMany(each => Of(each, rooms, isState: false));

    /// <summary>The events of a room's state.</summary>
    internal static IEnumerable<Json> State(IEnumerable<Json> events, RoomPowers rooms) => events
        .Where(static each => each is Json.Object json && LegacyPowerLevels.PartOf(TypeOf(json.Item)) is null)
        .SelectMany(each => Of(each, rooms, isState: true));

    /// <summary>One event in the old shape, without those that are divided from it.</summary>
    internal static JsonObject One(JsonObject today, RoomPower? room)
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
        if (type == EventTypes.Member) return old.WithDefault("membership", content.Find("membership"));
        if (type == EventTypes.Redaction) return old.WithDefault("redacts", content.Find("redacts"));
        if (!today.Has("state_key")) return old;
        if (room?.PowerLevels is { } levels)
        {
            old = old.WithDefault("required_power_level", Json.Of(LegacyPowerLevels.Required(type, levels)));
        }

        return type switch
        {
            EventTypes.Create =>
                old.With(("content", Json.Of(content.WithDefault("creator", old.Find("sender"))))),
            LegacyPowerLevels.Type => ContentsBy(old, levels => LegacyPowerLevels.Flat(levels, room?.Creators ?? [])),
            _ => old,
        };
    }

    /// <summary>A part of a power levels event, in the old shape.</summary>
    internal static JsonObject Part(JsonObject today, string part, RoomPower? room)
    {
        var old = One(today.With(("type", Json.Of(part))), room);
        var id = old.Text("event_id") ?? "";
        return ContentsBy(old, levels => LegacyPowerLevels.PartContent(part, levels))
            .With(("event_id", Json.Of(LegacyIds.Of(id, part))));
    }

    private static IEnumerable<Json> Of(Json each, RoomPowers rooms, bool isState)
    {
        if (each is not Json.Object { Item: var today })
        {
            yield return each;
            yield break;
        }

        var type = TypeOf(today);
        if (type == EventTypes.Presence)
        {
            yield return Json.Of(Presence(today));
            yield break;
        }

        if (type == EventTypes.Receipt && !today.Has("event_id"))
        {
            foreach (var feedback in LegacyFeedback.Of(today)) yield return Json.Of(feedback);
            yield break;
        }

        var room = rooms.Find(today.Text("room_id"));
        yield return Json.Of(One(today, room));
        if (today.Text("state_key") != "") yield break;
        if (type == LegacyPowerLevels.Type)
        {
            foreach (var part in LegacyPowerLevels.Parts)
            {
                var old = Part(today, part, room);
                if (isState || !Equals(old.Find("content"), old.Find("prev_content"))) yield return Json.Of(old);
            }
        }
        else if (type == EventTypes.CanonicalAlias)
        {
            foreach (var old in AliasesOf(today, room)) yield return Json.Of(old);
        }
    }

    /// <summary>The presence of a user, who was named in the content.</summary>
    private static JsonObject Presence(JsonObject today) => today.With((
        "content",
        Json.Of((today.Inner("content") ?? JsonObject.Empty).WithDefault("user_id", today.Find("sender")))));

    /// <summary>The lists of a room's aliases, by which clients of that age name it, one for each server.</summary>
    private static IEnumerable<JsonObject> AliasesOf(JsonObject today, RoomPower? room)
    {
        var content = today.Inner("content") ?? JsonObject.Empty;
        var all = content.Items("alt_aliases").Select(static each => (each as Json.String)?.Item)
            .Prepend(content.Text("alias"))
            .Where(static alias => alias is not null && RoomAlias.IsValid(alias)).Select(static alias => alias!);
        var old = One(today.With(("type", Json.Of(EventTypes.Aliases))), room).Without("prev_content");
        foreach (var ofServer in all.Distinct().GroupBy(static alias => RoomAlias.Server(alias)))
        {
            yield return old.With(
                ("event_id", Json.Of(LegacyIds.Of(old.Text("event_id") ?? "", $"{EventTypes.Aliases}.{ofServer.Key}"))),
                ("state_key", Json.Of(ofServer.Key)),
                ("content", Json.Of(LegacyJson.Of(
                    ("aliases", Json.Of([.. ofServer.Select(Json.Of)]))))));
        }
    }

    private static Json? Because(JsonObject unsigned, RoomPower? room) =>
        unsigned.Inner("redacted_because") is { } because ? Json.Of(One(because, room)) : null;

    private static JsonObject ContentsBy(JsonObject old, Func<JsonObject, JsonObject> change)
    {
        foreach (var name in (string[])["content", "prev_content"])
        {
            if (old.Inner(name) is { } content) old = old.With((name, Json.Of(change(content))));
        }

        return old;
    }

    private static string TypeOf(JsonObject today) => today.Text("type") ?? "";
}
