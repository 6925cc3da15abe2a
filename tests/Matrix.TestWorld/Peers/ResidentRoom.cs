using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Matrix.Host.Crypto;

namespace Matrix.TestWorld.Peers;

/// <summary>
/// A room on a peer, of real events: hashed and signed by the specification's text and not by the server's code. The
/// peer decides nothing: what it is sent, it takes.
/// </summary>
public sealed class ResidentRoom
{
    private const string AuthorisingUser = "join_authorised_via_users_server";

    private readonly Peer _peer;
    private readonly List<JsonObject> _timeline = [];
    private readonly Dictionary<(string Type, string Key), JsonObject> _state = [];
    private readonly Dictionary<string, JsonObject> _events = [];
    private readonly Lock _lock = new();
    private long _now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() - 3_600_000;

    /// <summary>Creates a public room, with its creator joined.</summary>
    public ResidentRoom(Peer peer, string version, JsonObject? joinRules = null)
    {
        _peer = peer;
        Version = version;
        Creator = $"@creator:{peer.Name}";
        RoomId = IsHash ? "" : $"!{Guid.NewGuid():N}:{peer.Name}";
        var create = new JsonObject { ["room_version"] = version };
        if (Number < 11) create["creator"] = Creator;
        var created = Adds(Creator, "m.room.create", "", create);
        if (IsHash) RoomId = string.Concat("!", IdOf(created).AsSpan(1));
        Joins(Creator);
        var levels = new JsonObject
        {
            ["users"] = IsHash ? new JsonObject() : new JsonObject { [Creator] = 100 },
            ["invite"] = 0,
        };
        Adds(Creator, "m.room.power_levels", "", levels);
        Adds(Creator, "m.room.join_rules", "", joinRules ?? new JsonObject { ["join_rule"] = "public" });
        Adds(Creator, "m.room.history_visibility", "", new JsonObject { ["history_visibility"] = "shared" });
    }

    public string Version { get; }

    public string RoomId { get; }

    public string Creator { get; }

    private int Number => int.Parse(Version, System.Globalization.CultureInfo.InvariantCulture);

    private bool IsHash => Number >= 12;

    private bool HasHashesInReferences => Number <= 2;

    /// <summary>The ids of the current state's events, by type and state key.</summary>
    public IReadOnlyDictionary<(string Type, string Key), string> StateIds
    {
        get
        {
            lock (_lock) return _state.ToDictionary(each => each.Key, each => IdOf(each.Value));
        }
    }

    /// <summary>The latest event.</summary>
    public JsonObject Last
    {
        get
        {
            lock (_lock) return _timeline[^1];
        }
    }

    /// <summary>A user of the peer, or of another one, joins.</summary>
    public JsonObject Joins(string userId, Peer? of = null) => Adds(
        userId,
        "m.room.member",
        userId,
        new JsonObject { ["membership"] = "join", ["displayname"] = userId[1..] },
        of);

    /// <summary>Adds an event of a user of the peer, or of another one.</summary>
    public JsonObject Adds(string sender, string type, string? stateKey, JsonObject content, Peer? of = null)
    {
        lock (_lock)
        {
            var made = Draft(sender, type, stateKey, content);
            Seal(made, of);
            Take(made);
            return made;
        }
    }

    /// <summary>The response to `make_join`.</summary>
    public JsonObject MakeJoin(string userId)
    {
        lock (_lock)
        {
            var content = new JsonObject { ["membership"] = "join" };
            var rules = (string?)_state[("m.room.join_rules", "")]["content"]!["join_rule"];
            if (rules == "restricted") content[AuthorisingUser] = Creator;
            var draft = Draft(userId, "m.room.member", userId, content);
            draft.Remove("event_id");
            return new JsonObject { ["room_version"] = Version, ["event"] = draft };
        }
    }

    /// <summary>The response to `make_leave`.</summary>
    public JsonObject MakeLeave(string userId)
    {
        lock (_lock)
        {
            var draft = Draft(userId, "m.room.member", userId, new JsonObject { ["membership"] = "leave" });
            draft.Remove("event_id");
            return new JsonObject { ["room_version"] = Version, ["event"] = draft };
        }
    }

    /// <summary>Takes a signed leave of another server.</summary>
    public void SendLeave(JsonObject leave)
    {
        lock (_lock) Take(leave.DeepClone().AsObject());
    }

    /// <summary>Takes a signed event of another server, and returns the response to `send_join` (version 2).</summary>
    public JsonObject SendJoin(JsonObject join, bool signs = false)
    {
        lock (_lock)
        {
            var taken = join.DeepClone().AsObject();
            if (signs) AddSignature(taken);
            var state = _state.Values.ToArray();
            var response = new JsonObject
            {
                ["event"] = taken.DeepClone(),
                ["members_omitted"] = false,
                ["origin"] = _peer.Name,
                ["state"] = new JsonArray([.. state.Select(pdu => pdu.DeepClone())]),
                ["auth_chain"] = new JsonArray([.. AuthChainOf(state.Append(taken)).Select(pdu => pdu.DeepClone())]),
            };
            Take(taken);
            return response;
        }
    }

    /// <summary>
    /// Hashes and signs an event. Server-Server API, "Adding hashes and signatures to outgoing events".
    /// </summary>
    public void Seal(JsonObject pdu, Peer? by = null)
    {
        pdu.Remove("signatures");
        pdu.Remove("hashes");
        pdu["hashes"] = new JsonObject { ["sha256"] = Base64Text.Encode(SHA256.HashData(Peer.Canonical(pdu))) };
        AddSignature(pdu, by);
    }

    /// <summary>An event's id: assigned in versions 1 and 2, its reference hash since.</summary>
    public string IdOf(JsonObject pdu)
    {
        if (Number <= 2) return (string)pdu["event_id"]!;
        var hash = Base64Text.Encode(ReferenceHash(pdu));
        return "$" + (Number == 3 ? hash : hash.Replace('+', '-').Replace('/', '_'));
    }

    private JsonObject Draft(string sender, string type, string? stateKey, JsonObject content)
    {
        var last = _timeline.Count > 0 ? _timeline[^1] : null;
        var draft = new JsonObject
        {
            ["type"] = type,
            ["sender"] = sender,
            ["content"] = content.DeepClone(),
            ["origin_server_ts"] = ++_now,
            ["depth"] = _timeline.Count + 1,
            ["prev_events"] = References(last is null ? [] : [last]),
            ["auth_events"] = References(last is null ? [] : AuthEvents(sender, type, stateKey, content)),
        };
        if (stateKey is not null) draft["state_key"] = stateKey;
        if (RoomId.Length > 0) draft["room_id"] = RoomId;
        if (Number <= 2) draft["event_id"] = $"${Guid.NewGuid():N}:{_peer.Name}";
        return draft;
    }

    /// <summary>Server-Server API, "Auth events selection".</summary>
    private IEnumerable<JsonObject> AuthEvents(string sender, string type, string? stateKey, JsonObject content)
    {
        var keys = new List<(string, string)> { ("m.room.power_levels", ""), ("m.room.member", sender) };
        if (!IsHash) keys.Add(("m.room.create", ""));
        if (type == "m.room.member")
        {
            keys.Add(("m.room.join_rules", ""));
            keys.Add(("m.room.member", stateKey!));
            if (content[AuthorisingUser] is { } by) keys.Add(("m.room.member", (string)by!));
        }

        return keys.Distinct().Where(_state.ContainsKey).Select(key => _state[key]);
    }

    private JsonArray References(IEnumerable<JsonObject> events) => new([.. events.Select(pdu =>
        HasHashesInReferences
            ? (JsonNode)new JsonArray(
                IdOf(pdu), new JsonObject { ["sha256"] = Base64Text.Encode(ReferenceHash(pdu)) })
            : IdOf(pdu))]);

    private IEnumerable<string> Referenced(JsonObject pdu, string key) => pdu[key]!.AsArray().Select(
        each => HasHashesInReferences ? (string)each![0]! : (string)each!);

    private List<JsonObject> AuthChainOf(IEnumerable<JsonObject> of)
    {
        var chain = new Dictionary<string, JsonObject>();
        var next = new Stack<string>(of.SelectMany(pdu => Referenced(pdu, "auth_events")));
        while (next.TryPop(out var id))
        {
            if (!_events.TryGetValue(id, out var pdu) || !chain.TryAdd(id, pdu)) continue;
            foreach (var auth in Referenced(pdu, "auth_events")) next.Push(auth);
        }

        return [.. chain.Values];
    }

    private void Take(JsonObject pdu)
    {
        _timeline.Add(pdu);
        _events[IdOf(pdu)] = pdu;
        if (pdu["state_key"] is { } key) _state[((string)pdu["type"]!, (string)key!)] = pdu;
    }

    private void AddSignature(JsonObject pdu, Peer? by = null)
    {
        var peer = by ?? _peer;
        var signed = Redacted(pdu);
        signed.Remove("signatures");
        var signature = Base64Text.Encode(peer.Current.Key.Key.Sign(Peer.Canonical(signed)));
        var signatures = pdu["signatures"] as JsonObject ?? [];
        pdu["signatures"] = signatures;
        signatures[peer.Name] = new JsonObject { [peer.Current.Key.Id] = signature };
    }

    private byte[] ReferenceHash(JsonObject pdu)
    {
        var redacted = Redacted(pdu);
        redacted.Remove("signatures");
        return SHA256.HashData(Peer.Canonical(redacted));
    }

    /// <summary>A redacted copy. Room versions, "Redactions".</summary>
    private JsonObject Redacted(JsonObject pdu)
    {
        List<string> top =
        [
            "event_id", "type", "room_id", "sender", "state_key", "content", "hashes", "signatures", "depth",
            "prev_events", "auth_events", "origin_server_ts",
        ];
        if (Number < 11) top.AddRange(["prev_state", "origin", "membership"]);
        var type = (string)pdu["type"]!;
        string[] kept = type switch
        {
            "m.room.member" => Number >= 9 ? ["membership", AuthorisingUser] : ["membership"],
            "m.room.create" => ["creator"],
            "m.room.join_rules" => Number >= 8 ? ["join_rule", "allow"] : ["join_rule"],
            "m.room.history_visibility" => ["history_visibility"],
            "m.room.power_levels" =>
            [
                "ban", "events", "events_default", "kick", "redact", "state_default", "users", "users_default",
                .. Number >= 11 ? (string[])["invite"] : [],
            ],
            _ => [],
        };
        var isWhole = Number >= 11 && type == "m.room.create";
        var redacted = new JsonObject();
        foreach (var (name, value) in pdu)
        {
            if (!top.Contains(name)) continue;
            redacted[name] = name == "content"
                ? new JsonObject(value!.AsObject()
                    .Where(member => isWhole || kept.Contains(member.Key))
                    .Select(member => KeyValuePair.Create(member.Key, member.Value?.DeepClone())))
                : value?.DeepClone();
        }

        return redacted;
    }
}
