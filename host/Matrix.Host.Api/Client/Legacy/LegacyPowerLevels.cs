using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Host.Api.Http;

namespace Matrix.Host.Api.Client.Legacy;

/// <summary>
/// Power levels as the 2014 API has them: `m.room.power_levels` with users at the top and `default`, and other levels
/// in events of their own. Today's rooms have one event with all of them. The 2014 Client-Server API, "Permissions".
/// </summary>
internal static class LegacyPowerLevels
{
    internal const string Type = EventTypes.PowerLevels;

    /// <summary>The level that is shown for creators of rooms in which they have more power than any level.</summary>
    internal const long Infinite = 9007199254740991;

    private const string Default = "default";
    private const long UsualState = 50;

    private static readonly string[] _today =
    [
        "ban", "events", "events_default", "invite", "kick", "notifications", "redact", "state_default", "users",
        "users_default",
    ];

    /// <summary>
    /// The events that had some of the levels: each old name, today's, and the level without an entry.
    /// </summary>
    private static readonly Dictionary<string, (string Old, string Today, long Usual)[]> _parts = new(
        StringComparer.Ordinal)
    {
        ["m.room.add_state_level"] = [("level", "state_default", UsualState)],
        ["m.room.send_event_level"] = [("level", "events_default", 0)],
        ["m.room.ops_levels"] =
            [("ban_level", "ban", UsualState), ("kick_level", "kick", UsualState), ("redact_level", "redact", 50)],
    };

    /// <summary>The types that are parts of today's power levels.</summary>
    internal static IReadOnlyCollection<string> Parts => _parts.Keys;

    /// <summary>The part that a type names; null for other types. The document has two spellings of one.</summary>
    internal static string? PartOf(string type) =>
        type == "m.room.ops_level" ? "m.room.ops_levels" : _parts.ContainsKey(type) ? type : null;

    /// <summary>
    /// The content with the members of both shapes: clients of early 2014 read one, those of its end the other.
    /// </summary>
    internal static JsonObject Flat(JsonObject today, IReadOnlyList<string> creators) => today.With(
        [.. Levels(today).Concat(creators.Select(static user => (user, Infinite)))
            .Select(static level => (level.Item1, Json.Of(level.Item2)))]);

    /// <summary>The content of a part.</summary>
    internal static JsonObject PartContent(string part, JsonObject today) => LegacyJson.Of(
        [.. _parts[part].Select(level => (level.Old, Json.Of(today.Number(level.Today) ?? level.Usual)))]);

    /// <summary>The level that a state event of a type needs.</summary>
    internal static long Required(string type, JsonObject today) =>
        today.Inner("events")?.Number(type) ?? today.Number("state_default") ?? UsualState;

    /// <summary>Today's content after a client has written a part; null, and a mistake, if it is malformed.</summary>
    internal static JsonObject? WithPart(BodyReader written, string part, JsonObject today)
    {
        foreach (var (old, name, _) in _parts[part])
        {
            if (written.Number(old) is { } level) today = today.With((name, Json.Of(level)));
        }

        if (!_parts[part].Any(level => written.Has(level.Old)))
        {
            written.Refuse(MatrixError.BadJson, $"`{_parts[part][0].Old}` is missing.");
        }

        return written.Problem is null ? today : null;
    }

    /// <summary>
    /// Today's content after a client has written the event in the old shape, in today's, or in both, as it reads it.
    /// The members of today's shape count, and then what the old ones change of what the room has. Null, and a mistake,
    /// if it is malformed.
    /// </summary>
    internal static JsonObject? Merge(BodyReader written, JsonObject today, IReadOnlyList<string> creators)
    {
        var flat = new Dictionary<string, long>(StringComparer.Ordinal);
        var (isToday, isFlat) = (false, false);
        for (var i = 0; i < written.Whole.Count; i++)
        {
            var name = written.Whole.Key(i);
            if (name != Default && !name.StartsWith('@'))
            {
                isToday |= _today.Contains(name);
                continue;
            }

            isFlat = true;
            if (written.Number(name) is { } level && !creators.Contains(name)) flat[name] = level;
        }

        if (written.Problem is not null) return null;
        if (!isFlat) return written.Whole;
        var content = isToday ? written.Whole.Without([.. flat.Keys, .. creators, Default]) : today;
        if (!isToday) flat.TryAdd(Default, 0);
        var before = Levels(today).ToDictionary(static level => level.Name, static level => level.Level);
        if (written.Has("users") && written.Inner("users") is null) return null;
        var users = new Dictionary<string, Json>(StringComparer.Ordinal);
        foreach (var (name, value) in (content.Inner("users") ?? JsonObject.Empty).Members) users[name] = value;
        foreach (var (name, level) in flat)
        {
            if (before.TryGetValue(name, out var now) && now == level) continue;
            if (name == Default) content = content.With(("users_default", Json.Of(level)));
            else users[name] = Json.Of(level);
        }

        foreach (var name in before.Keys.Where(name => name != Default && !flat.ContainsKey(name))) users.Remove(name);
        return content.With(("users", Json.Of(JsonObject.OfSeq(users.Select(static u => (u.Key, u.Value))))));
    }

    /// <summary>The levels of the old event.</summary>
    private static IEnumerable<(string Name, long Level)> Levels(JsonObject today)
    {
        yield return (Default, today.Number("users_default") ?? 0);
        foreach (var (name, value) in (today.Inner("users") ?? JsonObject.Empty).Members)
        {
            if (value is Json.Int level) yield return (name, level.Item);
        }
    }
}
