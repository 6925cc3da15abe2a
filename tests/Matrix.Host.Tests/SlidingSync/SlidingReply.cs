using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.SlidingSync;

/// <summary>A response of sliding sync.</summary>
internal sealed class SlidingReply(JsonObject json)
{
    public JsonObject Json => json;

    public string Pos => (string)json["pos"]!;

    public JsonObject Rooms => json["rooms"]!.AsObject();

    public IReadOnlyList<string> RoomIds => [.. Rooms.Select(room => room.Key)];

    public JsonObject Extensions => json["extensions"]!.AsObject();

    public JsonObject Room(string room) => Rooms[room]!.AsObject();

    public int Count(string list) => (int)json["lists"]![list]!["count"]!;

    public IReadOnlyList<string> Bodies(string room) =>
        [.. Events(room, "timeline").Select(e => (string?)e["content"]!["body"]).OfType<string>()];

    public IReadOnlyList<string> State(string room) =>
        [.. Events(room, "required_state").Select(e => $"{e["type"]}|{e["state_key"]}").Order()];

    public IReadOnlyList<JsonObject> Events(string room, string member) =>
        Room(room)[member] is JsonArray events ? [.. events.Select(e => e!.AsObject())] : [];

    public JsonObject? Extension(string name) => Extensions[name]?.AsObject();
}

/// <summary>Requests of users in tests of sliding sync.</summary>
internal static class SlidingUsers
{
    public const string Unstable = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync";
    public const string Stable = "/_matrix/client/v4/sync";

    /// <summary>One list of all rooms, in the older format.</summary>
    public static JsonObject AllRooms(int last = 19, int timeline = 10, JsonArray? state = null) => new()
    {
        ["lists"] = new JsonObject
        {
            ["all"] = new JsonObject
            {
                ["ranges"] = new JsonArray(new JsonArray(0, last)),
                ["timeline_limit"] = timeline,
                ["required_state"] = state ?? new JsonArray(
                    new JsonArray("m.room.member", "$LAZY"), new JsonArray("m.room.name", "")),
            },
        },
    };

    /// <summary>One list of all rooms, in the merged format.</summary>
    public static JsonObject AllRoomsStable(int timeline = 10) => new()
    {
        ["lists"] = new JsonObject
        {
            ["all"] = new JsonObject
            {
                ["range"] = new JsonArray(0, 19),
                ["timeline_limit"] = timeline,
                ["required_state"] = new JsonObject { ["include"] = new JsonArray(new JsonObject()) },
            },
        },
    };

    public static JsonObject WithFilter(this JsonObject body, JsonObject filter)
    {
        body["lists"]!["all"]!["filters"] = filter;
        return body;
    }

    public static JsonObject WithSubscription(
        this JsonObject body, string room, int timeline = 10, JsonArray? state = null)
    {
        body["room_subscriptions"] ??= new JsonObject();
        body["room_subscriptions"]![room] = new JsonObject
        {
            ["timeline_limit"] = timeline,
            ["required_state"] = state ?? [],
        };
        return body;
    }

    public static JsonObject WithExtensions(this JsonObject body, params string[] names)
    {
        body["extensions"] = new JsonObject(names.Select(name =>
            KeyValuePair.Create(name, (JsonNode?)new JsonObject { ["enabled"] = true })));
        return body;
    }

    public static JsonObject Named(this JsonObject body, string connection)
    {
        body["conn_id"] = connection;
        return body;
    }

    /// <summary>Syncs in the older format.</summary>
    public static async Task<SlidingReply> SlidesAsync(
        this TestUser user, JsonObject body, string? pos = null, int timeout = 0)
    {
        var reply = await user.SlidingAsync(body, pos, timeout);
        Assert.That(reply.Status, Is.EqualTo(200), reply.Text);
        return new SlidingReply(reply.Json);
    }

    public static Task<Reply> SlidingAsync(this TestUser user, JsonNode body, string? pos = null, int timeout = 0)
    {
        var query = $"?timeout={timeout}" + (pos is null ? "" : $"&pos={pos}");
        return user.PostAsync(Unstable + query, body.DeepClone());
    }

    /// <summary>Syncs in the merged format.</summary>
    public static async Task<SlidingReply> SlidesStablyAsync(
        this TestUser user, JsonObject body, string? pos = null, int timeout = 0)
    {
        var whole = body.DeepClone().AsObject();
        if (pos is not null) whole["pos"] = pos;
        whole["timeout"] = timeout;
        var reply = await user.PostAsync(Stable, whole);
        Assert.That(reply.Status, Is.EqualTo(200), reply.Text);
        return new SlidingReply(reply.Json);
    }
}
