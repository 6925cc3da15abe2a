using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Rooms.Snapshots;

namespace Matrix.Host.Rooms.Summaries;

/// <summary>
/// What those see of a room who look for rooms. v1.19 client-server-api#published-room-directory,
/// v1.19 client-server-api#spaces (`RoomSummary`).
/// </summary>
public sealed record RoomSummary
{
    /// <summary>The room's id.</summary>
    public required string RoomId { get; init; }

    /// <summary>The number of joined members.</summary>
    public required long JoinedCount { get; init; }

    /// <summary>About the bytes that it takes in a response.</summary>
    public long Bytes => 200L + RoomId.Length + (Name?.Length ?? 0) + (Topic?.Length ?? 0)
        + (CanonicalAlias?.Length ?? 0) + (AvatarUrl?.Length ?? 0) + (RoomType?.Length ?? 0)
        + AllowedRooms.Sum(static room => (long)room.Length);

    /// <summary>The room's version; null if the server that returned the summary did not say.</summary>
    public string? Version { get; init; }

    /// <summary>The name.</summary>
    public string? Name { get; init; }

    /// <summary>The topic.</summary>
    public string? Topic { get; init; }

    /// <summary>The canonical alias.</summary>
    public string? CanonicalAlias { get; init; }

    /// <summary>The avatar's `mxc:` URI.</summary>
    public string? AvatarUrl { get; init; }

    /// <summary>
    /// The join rule; `public` where a summary of another server has none, `invite` for a rule that the room's version
    /// does not have.
    /// </summary>
    public required string JoinRule { get; init; }

    /// <summary>The rooms whose members may join a restricted room.</summary>
    public IReadOnlyList<string> AllowedRooms { get; init; } = [];

    /// <summary>The type of the room; null for none.</summary>
    public string? RoomType { get; init; }

    /// <summary>The encryption algorithm; null for none.</summary>
    public string? Encryption { get; init; }

    /// <summary>Whether everyone may read the room.</summary>
    public required bool IsWorldReadable { get; init; }

    /// <summary>Whether guests may join.</summary>
    public required bool GuestsMayJoin { get; init; }

    /// <summary>Whether a room of this type restricts joins to members of others.</summary>
    public bool IsRestricted => JoinRule is "restricted" or "knock_restricted";

    /// <summary>Whether everyone may see the summary: they may join, knock or read.</summary>
    public bool IsOpen => IsWorldReadable || JoinRule is "public" or "knock" or "knock_restricted";

    /// <summary>What the stripped state of a room says about it.</summary>
    /// <param name="events">The stripped state events.</param>
    public static RoomSummary OfStripped(string roomId, string version, IReadOnlyList<JsonObject> events)
    {
        var rules = Content(EventTypes.JoinRules);
        var rule = RuleIn(RoomRules.FindUnstable(version), rules?.Text("join_rule") ?? "invite");
        return new RoomSummary
        {
            RoomId = roomId,
            JoinedCount = events.Count(static each =>
                each.Text("type") == EventTypes.Member && each.Child("content")?.Text("membership") == "join"),
            Version = version,
            Name = Content(EventTypes.Name)?.Text("name"),
            Topic = Content(EventTypes.Topic)?.Text("topic"),
            CanonicalAlias = Content(EventTypes.CanonicalAlias)?.Text("alias"),
            AvatarUrl = Content(EventTypes.Avatar)?.Text("url"),
            JoinRule = rule,
            AllowedRooms = [.. AllowedBy(rule, rules)],
            RoomType = Content(EventTypes.Create)?.Text("type"),
            Encryption = Content(EventTypes.Encryption)?.Text("algorithm"),
            IsWorldReadable = false,
            GuestsMayJoin = false,
        };

        JsonObject? Content(string type) => events
            .FirstOrDefault(each => each.Text("type") == type && each.Text("state_key") is { Length: 0 })
            ?.Child("content");
    }

    /// <summary>
    /// What a join rule means in a version: without the rule, the room is open to nobody new.
    /// v1.19 rooms/v12#authorisation-rules, `m.room.join_rules`.
    /// </summary>
    /// <param name="version">The version; null if it is not known.</param>
    internal static string RuleIn(RoomRules? version, string rule) =>
        version?.HasJoinRule(rule) == false ? "invite" : rule;

    /// <summary>The rooms whose members may join, by a rule that is restricted; none by others.</summary>
    internal static IEnumerable<string> AllowedBy(string rule, JsonObject? rules) =>
        rules is not null && rule is "restricted" or "knock_restricted"
            ? rules.Children("allow")
                .Where(static condition => condition.Text("type") == "m.room_membership")
                .Select(static condition => condition.Text("room_id"))
                .OfType<string>()
                .Distinct()
            : [];

    /// <summary>A summary that another server returned; null if it is malformed.</summary>
    public static RoomSummary? Of(JsonObject json)
    {
        var version = json.Text("room_version");
        var rules = version is null ? null : RoomRules.FindUnstable(version);
        return json.Text("room_id") is { } roomId && Core.Ident.RoomId.IsValid(roomId)
            ? new RoomSummary
            {
                RoomId = roomId,
                JoinedCount = Math.Max(0, json.Number("num_joined_members") ?? 0),
                Version = version,
                Name = json.Text("name"),
                Topic = json.Text("topic"),
                CanonicalAlias = json.Text("canonical_alias"),
                AvatarUrl = json.Text("avatar_url"),
                JoinRule = RuleIn(rules, json.Text("join_rule") ?? "public"),
                AllowedRooms = json.Texts("allowed_room_ids"),
                RoomType = json.Text("room_type"),
                Encryption = json.Text("encryption"),
                IsWorldReadable = json.IsTrue("world_readable"),
                GuestsMayJoin = json.IsTrue("guest_can_join"),
            }
            : null;
    }
}

/// <summary>Makes the summaries of rooms that are known here.</summary>
public sealed class RoomSummaries(StateReader state)
{
    private static readonly string[] _types =
    [
        EventTypes.JoinRules, EventTypes.Create, EventTypes.Name, EventTypes.Topic, EventTypes.CanonicalAlias,
        EventTypes.Avatar,
        EventTypes.Encryption, EventTypes.HistoryVisibility, EventTypes.GuestAccess,
    ];

    /// <summary>Reads what the summaries of these rooms are made of, with one query.</summary>
    internal ValueTask LoadAsync(IEnumerable<RoomSnapshot> snapshots, CancellationToken stop) =>
        state.LoadAsync(snapshots, _types, stop);

    /// <summary>The summary of a room.</summary>
    public async ValueTask<RoomSummary> OfAsync(RoomSnapshot snapshot, CancellationToken stop)
    {
        var rules = await ReadAsync(EventTypes.JoinRules);
        var create = await ReadAsync(EventTypes.Create);
        var rule = RoomSummary.RuleIn(snapshot.Room.Rules, rules?.Text("join_rule") ?? "invite");
        return new RoomSummary
        {
            RoomId = snapshot.Room.RoomId,
            JoinedCount = snapshot.JoinedCount,
            Version = snapshot.Room.Rules.Id,
            Name = await TextAsync(EventTypes.Name, "name"),
            Topic = await TextAsync(EventTypes.Topic, "topic"),
            CanonicalAlias = await TextAsync(EventTypes.CanonicalAlias, "alias"),
            AvatarUrl = await TextAsync(EventTypes.Avatar, "url"),
            JoinRule = rule,
            AllowedRooms = [.. RoomSummary.AllowedBy(rule, rules)],
            RoomType = create?.Text("type"),
            Encryption = await TextAsync(EventTypes.Encryption, "algorithm"),
            IsWorldReadable = await TextAsync(EventTypes.HistoryVisibility, "history_visibility")
                == "world_readable",
            GuestsMayJoin =
                await TextAsync(EventTypes.GuestAccess, "guest_access") == "can_join",
        };

        ValueTask<JsonObject?> ReadAsync(string type) => state.ContentAsync(snapshot, type, "", stop);

        async ValueTask<string?> TextAsync(string type, string member) =>
            (await ReadAsync(type))?.Text(member) is { Length: > 0 } text ? text : null;
    }
}
