using System.Text.Json.Nodes;

namespace Matrix.TestWorld;

/// <summary>A response of sync.</summary>
public sealed class SyncReply(JsonObject json)
{
    public JsonObject Json => json;

    /// <summary>A part of it.</summary>
    public JsonNode? this[string part] => json[part];

    public override string ToString() => json.ToJsonString();

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
