using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.SlidingSync;

/// <summary>A client that applies every response to what it has, as clients do.</summary>
internal sealed class SlidingClient(TestUser user, bool isStable)
{
    private readonly Dictionary<string, ClientRoom> _rooms = [];
    private string? _pos;

    public IReadOnlyDictionary<string, ClientRoom> Rooms => _rooms;

    /// <summary>The rooms by the user's membership.</summary>
    public IEnumerable<string> Where(string membership) =>
        _rooms.Where(room => room.Value.Membership == membership).Select(room => room.Key).Order();

    /// <summary>Syncs with a window of this size, and applies the response.</summary>
    public async Task SyncAsync(int last, int timeline)
    {
        var reply = await AskAsync(last, timeline, _pos);
        foreach (var (roomId, room) in reply.Rooms) Apply(roomId, room!.AsObject());
        _pos = reply.Pos;
    }

    /// <summary>Syncs, and loses the response.</summary>
    public Task LosesAsync(int last, int timeline) => AskAsync(last, timeline, _pos);

    private Task<SlidingReply> AskAsync(int last, int timeline, string? pos)
    {
        if (!isStable)
        {
            return user.SlidesAsync(
                SlidingUsers.AllRooms(last, timeline, new JsonArray(new JsonArray("*", "*"))), pos);
        }

        var body = SlidingUsers.AllRoomsStable(timeline);
        body["lists"]!["all"]!["range"] = new JsonArray(0, last);
        return user.SlidesStablyAsync(body, pos);
    }

    private void Apply(string roomId, JsonObject room)
    {
        if ((bool?)room["initial"] == true || !_rooms.ContainsKey(roomId)) _rooms[roomId] = new ClientRoom();
        var known = _rooms[roomId];
        var stripped = (room["invite_state"] ?? room["stripped_state"]) as JsonArray;

        // The unstable form has no member for it: a room is joined unless the state has another membership.
        if (!isStable) known.Membership = stripped is null ? "join" : "invite";
        if (stripped is not null)
        {
            foreach (var each in stripped) known.Take(each!.AsObject(), user.UserId, isState: true);
        }

        foreach (var each in room["timeline"]?.AsArray() ?? [])
        {
            known.Timeline.Add((string)each!["event_id"]!);
            known.Take(each.AsObject(), user.UserId, isState: false);
        }

        foreach (var each in room["required_state"]?.AsArray() ?? [])
        {
            known.Take(each!.AsObject(), user.UserId, isState: true);
        }

        if (room.ContainsKey("name")) known.Name = (string?)room["name"];
        if (room.ContainsKey("joined_count")) known.Joined = (int)room["joined_count"]!;
        if (room.ContainsKey("invited_count")) known.Invited = (int)room["invited_count"]!;
        if (room.ContainsKey("notification_count")) known.Notifications = (int)room["notification_count"]!;
        if (room.ContainsKey("membership")) known.Membership = (string)room["membership"]!;
    }
}

/// <summary>What a client has of a room.</summary>
internal sealed class ClientRoom
{
    public string Membership { get; set; } = "";

    public string? Name { get; set; }

    public int Joined { get; set; }

    public int Invited { get; set; }

    public int Notifications { get; set; }

    public List<string> Timeline { get; } = [];

    public Dictionary<string, string> State { get; } = [];

    public void Take(JsonObject e, string self, bool isState)
    {
        if (!e.ContainsKey("state_key")) return;
        var key = $"{e["type"]}|{e["state_key"]}";
        if (!isState) return;
        if (key == $"m.room.member|{self}" && e.ContainsKey("content"))
        {
            Membership = (string)e["content"]!["membership"]!;
        }

        if (e.ContainsKey("content")) State[key] = (string?)e["event_id"] ?? "";
        else State.Remove(key);
    }
}
