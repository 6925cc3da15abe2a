using System.Text.Json.Nodes;
using Matrix.Host.Tests.Support;

namespace Matrix.Host.Tests.Sync;

/// <summary>A response of sync.</summary>
internal sealed class SyncReply(JsonObject json)
{
    public JsonObject Json => json;

    public string Next => (string)json["next_batch"]!;

    public IReadOnlyList<string> Joined => Keys("join");

    public IReadOnlyList<string> Invited => Keys("invite");

    public IReadOnlyList<string> Left => Keys("leave");

    public IReadOnlyList<string> Knocked => Keys("knock");

    /// <summary>Whether it has only the token and the counts of keys.</summary>
    public bool IsEmpty =>
        json.All(m => m.Key is "next_batch" or "device_one_time_keys_count" or "device_unused_fallback_key_types");

    public JsonObject Room(string room) =>
        (json["rooms"]!["join"]![room] ?? json["rooms"]!["leave"]![room]!).AsObject();

    public IReadOnlyList<JsonObject> Timeline(string room) => Events(Room(room)["timeline"]);

    public IReadOnlyList<JsonObject> State(string room) => Events(Room(room)["state"]);

    public IReadOnlyList<JsonObject> StateAfter(string room) => Events(Room(room)["state_after"]);

    public IReadOnlyList<JsonObject> Ephemeral(string room) => Events(Room(room)["ephemeral"]);

    public IReadOnlyList<JsonObject> RoomAccountData(string room) => Events(Room(room)["account_data"]);

    public IReadOnlyList<JsonObject> AccountData => Events(json["account_data"]);

    public IReadOnlyList<JsonObject> ToDevice => Events(json["to_device"]);

    public IReadOnlyList<JsonObject> Presence => Events(json["presence"]);

    public IReadOnlyList<JsonObject> KnockState(string room) =>
        Events(json["rooms"]!["knock"]![room]!["knock_state"]);

    public IReadOnlyList<JsonObject> InviteState(string room) =>
        Events(json["rooms"]!["invite"]![room]!["invite_state"]);

    public IReadOnlyList<string> Bodies(string room) =>
        [.. Timeline(room).Select(e => (string?)e["content"]!["body"]).OfType<string>()];

    public bool IsLimited(string room) => (bool)Room(room)["timeline"]!["limited"]!;

    public string PrevBatch(string room) => (string)Room(room)["timeline"]!["prev_batch"]!;

    public (int Notifications, int Highlights) Unread(string room) => CountsOf(Room(room)["unread_notifications"]!);

    public (int Notifications, int Highlights) UnreadIn(string room, string thread) =>
        Room(room)["unread_thread_notifications"]?[thread] is { } counts ? CountsOf(counts) : (0, 0);

    public IReadOnlyList<string> DevicesChanged => Texts(json["device_lists"]?["changed"]);

    public IReadOnlyList<string> DevicesLeft => Texts(json["device_lists"]?["left"]);

    public static string KeyOf(JsonObject state) => $"{state["type"]}|{state["state_key"]}";

    private static (int Notifications, int Highlights) CountsOf(JsonNode counts) =>
        ((int)counts["notification_count"]!, (int)counts["highlight_count"]!);

    private static string[] Texts(JsonNode? array) => array is null ? [] : [.. array.AsArray().Select(n => (string)n!)];

    private static JsonObject[] Events(JsonNode? section) =>
        section is null ? [] : [.. section["events"]!.AsArray().Select(e => e!.AsObject())];

    private string[] Keys(string section) =>
        json["rooms"]?[section] is JsonObject rooms ? [.. rooms.Select(r => r.Key)] : [];
}

/// <summary>Requests of users in tests of sync.</summary>
internal static class SyncingUsers
{
    private static int _transactions;

    /// <summary>Syncs: from the beginning, or from a token.</summary>
    public static async Task<SyncReply> SyncsAsync(
        this TestUser user, string? since = null, string query = "", JsonObject? filter = null)
    {
        string path = "sync?" + query;
        if (since is not null) path += $"&since={since}";
        if (filter is not null) path += "&filter=" + Uri.EscapeDataString(filter.ToJsonString());
        var reply = await user.GetAsync(path);
        Assert.That(reply.Status, Is.EqualTo(200), reply.Text);
        return new SyncReply(reply.Json);
    }

    /// <summary>Syncs with a timeout.</summary>
    public static Task<SyncReply> WaitsAsync(
        this TestUser user, string since, int seconds = 20, JsonObject? filter = null) =>
        user.SyncsAsync(since, $"timeout={seconds * 1000}", filter);

    public static async Task<string> CreatesRoomAsync(
        this TestUser user, string preset = "public_chat", JsonObject? with = null)
    {
        var body = with ?? [];
        body["preset"] = preset;
        var reply = await user.PostAsync("createRoom", body);
        Assert.That(reply.Status, Is.EqualTo(200), reply.Text);
        return reply.Member("room_id");
    }

    public static Task InvitesAsync(this TestUser user, string room, TestUser other) =>
        DoesAsync(user.PostAsync($"rooms/{Esc(room)}/invite", new JsonObject { ["user_id"] = other.UserId }));

    public static Task JoinsAsync(this TestUser user, string room) =>
        DoesAsync(user.PostAsync($"rooms/{Esc(room)}/join"));

    public static Task LeavesAsync(this TestUser user, string room) =>
        DoesAsync(user.PostAsync($"rooms/{Esc(room)}/leave"));

    public static Task KicksAsync(this TestUser user, string room, TestUser other) =>
        DoesAsync(user.PostAsync($"rooms/{Esc(room)}/kick", new JsonObject { ["user_id"] = other.UserId }));

    public static Task BansAsync(this TestUser user, string room, TestUser other) =>
        DoesAsync(user.PostAsync($"rooms/{Esc(room)}/ban", new JsonObject { ["user_id"] = other.UserId }));

    public static async Task<string> SaysAsync(
        this TestUser user, string room, string text, Action<JsonObject>? with = null, string? transaction = null)
    {
        var content = new JsonObject { ["msgtype"] = "m.text", ["body"] = text };
        with?.Invoke(content);
        return await user.SendsAsync(room, "m.room.message", content, transaction);
    }

    public static async Task<string> SendsAsync(
        this TestUser user, string room, string type, JsonObject content, string? transaction = null)
    {
        transaction ??= $"t{Interlocked.Increment(ref _transactions)}";
        var reply = await DoesAsync(user.PutAsync($"rooms/{Esc(room)}/send/{type}/{transaction}", content));
        return reply.Member("event_id");
    }

    public static async Task<string> SetsAsync(
        this TestUser user, string room, string type, JsonObject content, string key = "")
    {
        var reply = await DoesAsync(user.PutAsync($"rooms/{Esc(room)}/state/{type}/{Esc(key)}", content));
        return reply.Member("event_id");
    }

    public static Task ReadsAsync(
        this TestUser user, string room, string eventId, string? thread = null, string type = "m.read") =>
        DoesAsync(user.PostAsync(
            $"rooms/{Esc(room)}/receipt/{type}/{Esc(eventId)}",
            thread is null ? [] : new JsonObject { ["thread_id"] = thread }));

    public static Task TypesAsync(this TestUser user, string room, bool typing = true, int timeout = 30_000) =>
        DoesAsync(user.PutAsync(
            $"rooms/{Esc(room)}/typing/{Esc(user.UserId)}",
            new JsonObject { ["typing"] = typing, ["timeout"] = timeout }));

    public static Task SetsAccountDataAsync(
        this TestUser user, string type, JsonObject content, string? room = null) =>
        DoesAsync(user.PutAsync(
            room is null
                ? $"user/{Esc(user.UserId)}/account_data/{type}"
                : $"user/{Esc(user.UserId)}/rooms/{Esc(room)}/account_data/{type}",
            content));

    public static string Esc(string text) => Uri.EscapeDataString(text);

    private static async Task<Reply> DoesAsync(Task<Reply> request)
    {
        var reply = await request;
        Assert.That(reply.Status, Is.EqualTo(200), reply.Text);
        return reply;
    }
}
