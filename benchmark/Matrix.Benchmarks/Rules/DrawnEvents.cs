using Matrix.Core.Auth;
using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Core.StateRes;

namespace Matrix.Benchmarks.Rules;

/// <summary>Events for measures, with the fields that authorization and resolution read, without bytes.</summary>
internal static class DrawnEvents
{
    public const string Alice = "@alice:one.example";

    public static JsonObject Content(params (string Key, Json Value)[] members) =>
        JsonObject.OfSeq(members.Select(m => (m.Key, m.Value)));

    public static Json Text(string text) => Json.Of(text);

    public static Pdu State(
        string version, string id, string sender, string type, string key, JsonObject content, string[] auth,
        long moment, string room) =>
        new(version, id, room, sender, type, key, moment, moment, content, ["$before"], auth, null, []);

    /// <summary>A room's first events: the create event, the creator's join, power levels, join rules.</summary>
    public static IReadOnlyList<Pdu> Opening(string version)
    {
        var authEventsIncludeCreate = version != "12";
        var room = Room(version);
        string[] Auth(params string[] ids) => authEventsIncludeCreate ? ["$create", .. ids] : ids;
        return
        [
            new Pdu(version, "$create", room, Alice, "m.room.create", "", 1, 1,
            Content(("creator", Text(Alice)), ("room_version", Text(version))), [], [], null, []),
            State(version, "$alice", Alice, "m.room.member", Alice, Content(("membership", Text("join"))), Auth(), 2,
            room),
            State(version, "$levels", Alice, "m.room.power_levels", "", Levels(version, 0), Auth("$alice"), 3, room),
            State(version, "$rules", Alice, "m.room.join_rules", "", Content(("join_rule", Text("public"))),
            Auth("$alice", "$levels"), 4, room),
        ];
    }

    public static string Room(string version) => version == "12" ? "!create" : "!room:one.example";

    public static string[] Citing(string version, params string[] ids) => version == "12" ? ids : ["$create", .. ids];

    /// <summary>Power levels with fifty users; `change` makes them differ.</summary>
    public static JsonObject Levels(string version, int change)
    {
        var users = Enumerable.Range(0, 50).Select(i => ($"@moderator{i}:one.example", Json.Of(50)));
        if (version != "12") users = users.Append((Alice, Json.Of(100)));
        return Content(
            ("users", Json.Of(JsonObject.OfSeq(users.Select(u => (u.Item1, u.Item2))))),
            ("notifications", Json.Of(Content(("room", Json.Of(change % 100))))));
    }

    public static Pdu Join(
        string version, string id, string user, string name, string levels, long moment, params string[] more) => State(
        version,
        id,
        user,
        "m.room.member",
        user,
        Content(("membership", Text("join")), ("displayname", Text(name))),
        Citing(version, [levels, "$rules", .. more]),
        moment,
        Room(version));

    public static void Add(EventGraph graph, IEnumerable<Pdu> events)
    {
        foreach (var pdu in events)
        {
            if (graph.Add(pdu, false).IsError)
            {
                throw new InvalidOperationException($"An auth event of {pdu.EventId} is missing.");
            }
        }
    }
}
