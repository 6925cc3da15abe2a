using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Room;
using Matrix.Import.Tests.Sources;
using Json = Matrix.Core.Json.JsonObject;

namespace Matrix.Import.Tests.Rooms;

/// <summary>
/// A room as Synapse has it, with true event ids: events come, and <see cref="SaveAsync"/> writes the rows that Synapse
/// would have.
/// </summary>
internal sealed class SynapseRoom(string version, string roomId)
{
    private const int PerText = 100;

    private static readonly byte[] _signature = new byte[64];

    private readonly RoomRules _rules = RoomRules.FindUnstable(version)!;
    private readonly List<string> _sql = [];
    private readonly Dictionary<string, SynapseEvent> _events = [];
    private readonly Dictionary<(string Type, string Key), SynapseEvent> _current = [];
    private readonly Dictionary<long, Dictionary<(string Type, string Key), SynapseEvent>> _groups = [];
    private List<SynapseEvent> _extremities = [];
    private long _lastGroup;

    /// <summary>The next stream position, shared by the rooms of a source.</summary>
    public static long Stream { get; set; } = 100;

    public string RoomId => roomId;

    /// <summary>The events, in the order in which they were made.</summary>
    public IReadOnlyCollection<SynapseEvent> Events => _events.Values;

    /// <summary>Whether Synapse records how the current state changes.</summary>
    public bool HasDeltas { get; init; } = true;

    /// <summary>A room with a creator, who is joined, power levels and public join rules.</summary>
    public static SynapseRoom Of(string creator, string version = "10", string? roomId = null)
    {
        var room = new SynapseRoom(version, roomId ?? $"!r{Stream}:test.example");
        room.Sends(creator, "m.room.create", new JsonObject { ["room_version"] = version, ["creator"] = creator }, "");
        room.Joins(creator);
        room.Sends(
            creator,
            "m.room.power_levels",
            new JsonObject { ["users"] = new JsonObject { [creator] = 100 }, ["invite"] = 0 },
            "");
        room.Sends(creator, "m.room.join_rules", new JsonObject { ["join_rule"] = "public" }, "");
        return room;
    }

    public SynapseEvent Joins(string user) => Changes(user, user, "join");

    public SynapseEvent Leaves(string user) => Changes(user, user, "leave");

    public SynapseEvent Changes(string sender, string user, string membership, SynapseFate? fate = null) =>
        Sends(sender, "m.room.member", new JsonObject { ["membership"] = membership }, user, fate);

    public SynapseEvent Says(string user, string text, SynapseFate? fate = null) =>
        Sends(user, "m.room.message", new JsonObject { ["msgtype"] = "m.text", ["body"] = text }, null, fate);

    public SynapseEvent Redacts(string user, string eventId, SynapseFate? fate = null)
    {
        var made = Sends(user, "m.room.redaction", [], null, (fate ?? new()) with { Redacts = eventId });
        Row("redactions", ("event_id", made.Id), ("redacts", eventId));
        return made;
    }

    /// <summary>
    /// A local user is back in a room that all had left: Synapse makes the whole state current again, which the other
    /// server's answer to the join has.
    /// </summary>
    /// <param name="user">The user.</param>
    /// <param name="missing">The event of the other server that the join is on.</param>
    public SynapseEvent ComesBack(string user, string missing)
    {
        var last = _extremities;
        var join = Changes(user, user, "join", new SynapseFate { On = last, Missing = [missing] });
        Whole(join);
        foreach (var (at, each) in _groups[join.Group])
        {
            if (each != join) Becomes(each, at, join.Position);
        }

        return join;
    }

    /// <summary>
    /// What Synapse's purge of history does to the events before one: messages are deleted, and state becomes outliers.
    /// </summary>
    public void PurgesBefore(SynapseEvent first)
    {
        foreach (var each in Events.Where(each => each.Position < first.Position))
        {
            Then($"DELETE FROM event_to_state_groups WHERE event_id = '{each.Id}'");
            Then($"DELETE FROM event_edges WHERE event_id = '{each.Id}'");
            if (each.Pdu.IsState)
            {
                Then($"UPDATE events SET outlier = TRUE WHERE event_id = '{each.Id}'");
                continue;
            }

            Then($"DELETE FROM events WHERE event_id = '{each.Id}'");
            Then($"DELETE FROM event_json WHERE event_id = '{each.Id}'");
        }

        // Groups that only purged events had are deleted; the first that stays becomes whole.
        var kept = Events.Where(each => each.Position >= first.Position).Select(static each => each.Group).ToHashSet();
        Whole(first);
        foreach (var group in _groups.Keys.Where(group => !kept.Contains(group)))
        {
            Then($"DELETE FROM state_groups_state WHERE state_group = {group}");
            Then($"DELETE FROM state_group_edges WHERE state_group = {group}");
            Then($"DELETE FROM state_groups WHERE id = {group}");
        }

        foreach (var id in first.Pdu.PrevEvents)
        {
            Row("event_backward_extremities", ("event_id", id), ("room_id", roomId));
        }
    }

    /// <summary>Makes an event on the extremities, or on other events.</summary>
    public SynapseEvent Sends(
        string sender, string type, JsonObject content, string? key = null, SynapseFate? fate = null)
    {
        fate ??= new SynapseFate();
        var previous = fate.On ?? _extremities;
        var before = previous.Count == 0 ? [] : _groups[previous[^1].Group];
        var draft = new Draft(type, key, sender, Content(content), fate.Redacts);
        var auth = _rules.AuthKeys(draft)
            .Where(each => before.ContainsKey((each.Type, each.Key)))
            .Select(each => before[(each.Type, each.Key)])
            .ToList();
        var depth = previous.Count == 0 ? 0 : previous.Max(static each => each.Pdu.Depth);
        var unsigned = _rules.Compose(
            roomId, draft, [.. previous.Select(static each => each.Id), .. fate.Missing],
            [.. auth.Select(static each => each.Id)], depth, 1_700_000_000_000 + Stream);
        var pdu = _rules.Sign(unsigned.Value, sender.Split(':', 2)[1], "ed25519:1", _signature).Value;
        var stream = Stream++;
        var made = new SynapseEvent(pdu, fate.IsBackfilled ? -stream : stream);
        _events.Add(made.Id, made);
        Written(made, previous, auth, fate);
        if (fate.IsOutlier) return made;

        var isApplied = key is not null && fate.Rejection is null;
        var isNew = isApplied || fate.Resets.Count > 0;
        made.Group = isNew ? ++_lastGroup + (Stream * 1_000) : previous.Count > 0 ? previous[^1].Group : 0;
        if (fate.Resets.Count > 0) ResetGroup(made, before, fate.Resets);
        else if (isApplied) NewGroup(made, before, previous.Count == 0 ? 0 : previous[^1].Group, (type, key!));
        if (!fate.HasNoGroup)
        {
            Row("event_to_state_groups", ("event_id", made.Id), ("state_group", made.Group));
        }

        if (fate.Rejection is not null || fate.IsSoftFailed || fate.IsBackfilled) return made;
        _extremities = [.. _extremities.Except(previous), made];
        if (isApplied) Becomes(made, (type, key!), made.Position);
        foreach (var (at, to) in fate.Resets) Becomes(to, at, made.Position);
        return made;
    }

    /// <summary>Adds a row of any table.</summary>
    public void Row(string table, params (string Column, object? Value)[] cells) => Then(
        $"INSERT INTO {table} ({string.Join(", ", cells.Select(static cell => cell.Column))}) "
        + $"VALUES ({string.Join(", ", cells.Select(static cell => Literal(cell.Value)))})");

    /// <summary>Adds a statement that runs after the rows.</summary>
    public void Then(string sql) => _sql.Add(sql);

    /// <summary>What Synapse does when the last local user leaves: the current state becomes empty.</summary>
    public void IsLeftByAll()
    {
        var at = Stream - 1;
        foreach (var ((type, key), of) in _current)
        {
            Row(
                "current_state_delta_stream", ("stream_id", at), ("room_id", roomId), ("type", type),
                ("state_key", key), ("event_id", null), ("prev_event_id", of.Id));
        }

        _current.Clear();
    }

    /// <summary>Writes the room.</summary>
    public async Task SaveAsync(SmallSynapse source)
    {
        Row("rooms", ("room_id", roomId), ("is_public", true), ("room_version", version));
        foreach (var ((type, key), of) in _current)
        {
            Row(
                "current_state_events", ("event_id", of.Id), ("room_id", roomId), ("type", type), ("state_key", key),
                ("membership", type == "m.room.member" ? of.Pdu.Content.Text("membership") : null));
        }

        foreach (var each in _extremities)
        {
            Row("event_forward_extremities", ("event_id", each.Id), ("room_id", roomId));
        }

        // A text of many statements takes PostgreSQL's driver minutes.
        foreach (var chunk in _sql.Chunk(PerText))
        {
            await source.ExecuteAsync($"BEGIN;\n{string.Join(";\n", chunk)};\nCOMMIT;");
        }

        _sql.Clear();
    }

    private void Written(
        SynapseEvent made, IReadOnlyList<SynapseEvent> previous, List<SynapseEvent> auth, SynapseFate fate)
    {
        var pdu = made.Pdu;
        Row(
            "events", ("stream_ordering", made.Position), ("topological_ordering", pdu.Depth), ("event_id", made.Id),
            ("type", pdu.Type), ("room_id", roomId), ("outlier", fate.IsOutlier), ("depth", pdu.Depth),
            ("origin_server_ts", pdu.OriginServerTs), ("received_ts", pdu.OriginServerTs), ("sender", pdu.Sender),
            ("state_key", pdu.StateKey), ("rejection_reason", fate.Rejection));
        var json = JsonNode.Parse(pdu.Canonical.Span)!.AsObject();
        json["unsigned"] = JsonNode.Parse(fate.Unsigned);
        var metadata = JsonNode.Parse(fate.Metadata)!.AsObject();
        if (fate.IsSoftFailed) metadata["soft_failed"] = true;
        if (!fate.HasNoJson)
        {
            Row(
                "event_json", ("event_id", made.Id), ("room_id", roomId),
                ("internal_metadata", metadata.ToJsonString()), ("json", fate.Json ?? json.ToJsonString()));
        }

        foreach (var id in previous.Select(static each => each.Id).Concat(fate.Missing))
        {
            Row("event_edges", ("event_id", made.Id), ("prev_event_id", id));
        }

        if (fate.Rejection is { } reason)
        {
            Row("rejections", ("event_id", made.Id), ("reason", reason), ("last_check", "0"));
        }

        foreach (var each in auth)
        {
            Row("event_auth", ("event_id", made.Id), ("auth_id", each.Id), ("room_id", roomId));
        }

        if (pdu.Type == "m.room.member")
        {
            Row(
                "room_memberships", ("event_id", made.Id), ("user_id", pdu.StateKey), ("sender", pdu.Sender),
                ("room_id", roomId), ("membership", pdu.Content.Text("membership")),
                ("event_stream_ordering", made.Position));
        }
    }

    private void NewGroup(
        SynapseEvent made,
        Dictionary<(string Type, string Key), SynapseEvent> before,
        long parent,
        (string Type, string Key) at)
    {
        _groups[made.Group] = new(before) { [at] = made };
        Row("state_groups", ("id", made.Group), ("room_id", roomId), ("event_id", made.Id));
        if (parent != 0) Row("state_group_edges", ("state_group", made.Group), ("prev_state_group", parent));
        Entry(made.Group, at, made);
    }

    /// <summary>Writes a group of the state after an event as a compressor does: whole.</summary>
    public void Whole(SynapseEvent of)
    {
        Then($"DELETE FROM state_group_edges WHERE state_group = {of.Group}");
        Then($"DELETE FROM state_groups_state WHERE state_group = {of.Group}");
        foreach (var (at, each) in _groups[of.Group]) Entry(of.Group, at, each);
    }

    private void Entry(long group, (string Type, string Key) at, SynapseEvent of) => Row(
        "state_groups_state", ("state_group", group), ("room_id", roomId), ("type", at.Type), ("state_key", at.Key),
        ("event_id", of.Id));

    /// <summary>A group of its own after an event without a place in the state, as state resolution gave it.</summary>
    private void ResetGroup(
        SynapseEvent made,
        Dictionary<(string Type, string Key), SynapseEvent> before,
        IReadOnlyDictionary<(string Type, string Key), SynapseEvent?> resets)
    {
        var state = _groups[made.Group] = new(before);
        foreach (var (at, to) in resets)
        {
            if (to is null) state.Remove(at);
            else state[at] = to;
        }

        Row("state_groups", ("id", made.Group), ("room_id", roomId), ("event_id", made.Id));
        foreach (var (at, each) in state) Entry(made.Group, at, each);
    }

    /// <param name="made">The event that becomes current; null if none is.</param>
    /// <param name="at">Its place in the state.</param>
    /// <param name="position">Where.</param>
    private void Becomes(SynapseEvent? made, (string Type, string Key) at, long position)
    {
        if (HasDeltas)
        {
            Row(
                "current_state_delta_stream", ("stream_id", position), ("room_id", roomId), ("type", at.Type),
                ("state_key", at.Key), ("event_id", made?.Id), ("prev_event_id", _current.GetValueOrDefault(at)?.Id));
        }

        if (made is null) _current.Remove(at);
        else _current[at] = made;
        if (at.Type != "m.room.member" || !at.Key.EndsWith(":test.example", StringComparison.Ordinal)) return;
        Then($"DELETE FROM local_current_membership WHERE room_id = '{roomId}' AND user_id = '{at.Key}'");
        if (made is null) return;
        Row(
            "local_current_membership", ("room_id", roomId), ("user_id", at.Key), ("event_id", made.Id),
            ("membership", made.Pdu.Content.Text("membership")));
    }

    private static Json Content(JsonObject content) =>
        JsonText.TryParseStored(Encoding.UTF8.GetBytes(content.ToJsonString()), out var parsed)
            ? parsed
            : throw new ArgumentException("No JSON.");

    private static string Literal(object? value) => value switch
    {
        null => "NULL",
        bool flag => flag ? "TRUE" : "FALSE",
        string text => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => throw new ArgumentException(value.GetType().Name),
    };
}

/// <summary>An event of a room of Synapse's.</summary>
/// <param name="Position">Its `stream_ordering`.</param>
internal sealed record SynapseEvent(Pdu Pdu, long Position)
{
    public string Id => Pdu.EventId;

    /// <summary>The group of the state after it.</summary>
    public long Group { get; set; }
}

/// <summary>What became of an event.</summary>
internal sealed record SynapseFate
{
    /// <summary>The events that it is on; null for the extremities.</summary>
    public IReadOnlyList<SynapseEvent>? On { get; init; }

    /// <summary>Previous events that are not here.</summary>
    public IReadOnlyList<string> Missing { get; init; } = [];

    public string? Redacts { get; init; }

    public string? Rejection { get; init; }

    public bool IsSoftFailed { get; init; }

    public bool IsOutlier { get; init; }

    public bool IsBackfilled { get; init; }

    public bool HasNoJson { get; init; }

    public bool HasNoGroup { get; init; }

    /// <summary>Other JSON than its own; null for its own.</summary>
    public string? Json { get; init; }

    /// <summary>
    /// What state resolution made of the state with the event, which is no state event: null for gone.
    /// </summary>
    public IReadOnlyDictionary<(string Type, string Key), SynapseEvent?> Resets { get; init; } =
        new Dictionary<(string, string), SynapseEvent?>();

    public string Metadata { get; init; } = "{}";

    public string Unsigned { get; init; } = "{\"age_ts\":1}";
}
