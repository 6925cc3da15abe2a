using System.Text.Json.Nodes;

namespace Matrix.TestWorld;

/// <summary>What users do in rooms, and their syncs.</summary>
public static class UserActions
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
        return new SyncReply(reply.Is(200).Json);
    }

    /// <summary>The position of an initial sync.</summary>
    public static async Task<string> SyncTokenAsync(this TestUser user) => (await user.SyncsAsync()).Next;

    /// <summary>Syncs with a timeout.</summary>
    public static Task<SyncReply> WaitsAsync(
        this TestUser user, string since, int seconds = 20, JsonObject? filter = null) =>
        user.SyncsAsync(since, $"timeout={seconds * 1000}", filter);

    public static async Task<string> CreatesRoomAsync(
        this TestUser user, string preset = "public_chat", JsonObject? with = null, string? version = null)
    {
        var body = with ?? [];
        body["preset"] = preset;
        if (version is not null) body["room_version"] = version;
        var reply = await user.PostAsync("createRoom", body);
        return reply.Is(200).Member("room_id");
    }

    public static Task InvitesAsync(this TestUser user, string room, TestUser other) =>
        user.InvitesAsync(room, other.UserId);

    /// <summary>Invites a user, who may be of another server.</summary>
    public static Task InvitesAsync(this TestUser user, string room, string userId) =>
        DoesAsync(user.PostAsync($"rooms/{Esc(room)}/invite", new JsonObject { ["user_id"] = userId }));

    /// <summary>Joins a room by its id or alias, through other servers if their names are given.</summary>
    public static Task JoinsAsync(this TestUser user, string room, params string[] via) =>
        DoesAsync(user.PostAsync(via.Length == 0 && room.StartsWith('!')
            ? $"rooms/{Esc(room)}/join"
            : $"join/{Esc(room)}?{string.Join('&', via.Select(server => "via=" + Esc(server)))}"));

    public static Task LeavesAsync(this TestUser user, string room) =>
        DoesAsync(user.PostAsync($"rooms/{Esc(room)}/leave"));

    public static Task KicksAsync(this TestUser user, string room, TestUser other) =>
        user.KicksAsync(room, other.UserId);

    /// <summary>Kicks a user, who may be of another server.</summary>
    public static Task KicksAsync(this TestUser user, string room, string userId) =>
        DoesAsync(user.PostAsync($"rooms/{Esc(room)}/kick", new JsonObject { ["user_id"] = userId }));

    public static Task BansAsync(this TestUser user, string room, TestUser other) =>
        user.BansAsync(room, other.UserId);

    /// <summary>Bans a user, who may be of another server.</summary>
    public static Task BansAsync(this TestUser user, string room, string userId) =>
        DoesAsync(user.PostAsync($"rooms/{Esc(room)}/ban", new JsonObject { ["user_id"] = userId }));

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

    private static async Task<Reply> DoesAsync(Task<Reply> request) => (await request).Is(200);
}
