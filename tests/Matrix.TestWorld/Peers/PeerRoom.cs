using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Host.Crypto;
using JsonObject = System.Text.Json.Nodes.JsonObject;

namespace Matrix.TestWorld.Peers;

/// <summary>A room as a peer knows it: the peer makes events on it as a server would.</summary>
public sealed class PeerRoom
{
    private readonly Dictionary<(string Type, string Key), Pdu> _state = [];
    private readonly Dictionary<string, Pdu> _events = [];
    private readonly Dictionary<string, Pdu[]> _stateBefore = [];
    private int _made;

    public PeerRoom(Peer peer, string version, string roomId)
    {
        Peer = peer;
        RoomId = roomId;
        Rules = RoomRules.Find(version)!;
    }

    public Peer Peer { get; }

    public RoomRules Rules { get; }

    public string RoomId { get; private set; }

    /// <summary>The events that the next event follows.</summary>
    public IReadOnlyList<Pdu> Latest { get; set; } = [];

    /// <summary>The depth of the events that the peer makes; null for the right one.</summary>
    public long? Depth { get; set; }

    /// <summary>The time of the events that the peer makes; null for now.</summary>
    public long? Time { get; set; }

    /// <summary>The events that the peer knows, by id.</summary>
    public IReadOnlyDictionary<string, Pdu> Events => _events;

    /// <summary>The state as the peer computes it: the last state event of each key.</summary>
    public IReadOnlyDictionary<(string Type, string Key), Pdu> State => _state;

    /// <summary>Whether the peer has the state before an event.</summary>
    public bool HasStateBefore(string eventId) => _stateBefore.ContainsKey(eventId);

    /// <summary>The state before an event that the peer made or took.</summary>
    public IReadOnlyList<Pdu> StateBefore(string eventId) => _stateBefore[eventId];

    /// <summary>The events of the auth chain of these events.</summary>
    public IReadOnlyList<Pdu> AuthChainOf(IEnumerable<Pdu> events)
    {
        var chain = new Dictionary<string, Pdu>();
        var next = new Queue<string>(events.SelectMany(pdu => pdu.AuthEvents));
        while (next.TryDequeue(out var id))
        {
            if (!chain.TryAdd(id, _events[id])) continue;
            foreach (var auth in _events[id].AuthEvents) next.Enqueue(auth);
        }

        return [.. chain.Values];
    }

    /// <summary>The user of the peer with this name.</summary>
    public string User(string name) => $"@{name}:{Peer.Name}";

    /// <summary>Joins through the server under test, by `make_join` and `send_join`.</summary>
    internal static async Task<PeerRoom> JoinAsync(ServerUnderTest server, Peer peer, string roomId, string user)
    {
        var (room, join) = await PrepareAsync(server, peer, roomId, user);
        var sent = await room.SendJoinAsync(server, join);
        var joined = sent.Is(200).Matches("joins-v2.yaml", "/send_join/{roomId}/{eventId}", "put").Json;
        foreach (var json in joined["auth_chain"]!.AsArray()) room.Knows(json!.AsObject());
        foreach (var json in joined["state"]!.AsArray()) room.Put(room.Knows(json!.AsObject()));
        var taken = room.Knows(joined["event"]!.AsObject());
        room.Put(taken);
        room.Latest = [taken];
        return room;
    }

    /// <summary>A join by `make_join`, completed and signed.</summary>
    public static async Task<(PeerRoom Room, Pdu Join)> PrepareAsync(
        ServerUnderTest server, Peer peer, string roomId, string user)
    {
        var made = (await MakeJoinAsync(server, peer, roomId, user))
            .Is(200).Matches("joins-v1.yaml", "/make_join/{roomId}/{userId}").Json;
        var room = new PeerRoom(peer, (string)made["room_version"]!, roomId);
        return (room, room.Completes(made["event"]!.AsObject()));
    }

    /// <summary>Requests a template of a join, with all room versions.</summary>
    public static Task<Reply> MakeJoinAsync(ServerUnderTest server, Peer peer, string roomId, string user)
    {
        var versions = string.Join("&", RoomRules.Known.Select(version => $"ver={version}"));
        var path = $"/_matrix/federation/v1/make_join/{Escape(roomId)}/{Escape($"@{user}:{peer.Name}")}";
        return peer.SendAsync(server, "GET", $"{path}?{versions}");
    }

    /// <summary>Sends a join.</summary>
    public Task<Reply> SendJoinAsync(ServerUnderTest server, Pdu join) => Peer.SendAsync(
        server, "PUT", $"/_matrix/federation/v2/send_join/{Escape(RoomId)}/{Escape(join.EventId)}", Json(join));

    /// <summary>Adds the time, the id, the hash and the signature of the peer to a template of an event.</summary>
    public Pdu Completes(JsonObject template, TimeSpan ago = default)
    {
        var json = template.DeepClone().AsObject();
        json["origin"] = Peer.Name;
        json["origin_server_ts"] = Now() - (long)ago.TotalMilliseconds;
        if (Rules.AssignsIds) json["event_id"] = $"$made{++_made}:{Peer.Name}";
        json["hashes"] = new JsonObject { ["sha256"] = Base64Text.Encode(SHA256.HashData(Peer.Canonical(json))) };
        json["signatures"] = new JsonObject();
        var unsigned = Rules.ReadHistory(Bytes(json));
        Assert.That(unsigned.Refusal?.Reason, Is.Null, json.ToJsonString());
        var read = unsigned.Value;
        var signature = Base64Text.Encode(Peer.Current.Key.Key.Sign(read.SignedBytes.Span));
        json["signatures"] = new JsonObject
        {
            [Peer.Name] = new JsonObject { [Peer.Current.Key.Id] = signature },
        };
        return Knows(json);
    }

    /// <summary>Makes an event of a user of the peer on the latest events, and knows it.</summary>
    public Pdu Makes(string user, string type, string? stateKey, JsonObject content, string? redacts = null)
    {
        var draft = new Draft(type, stateKey, User(user), Parse(content), redacts);
        var auth = Rules.AuthKeys(draft)
            .Where(key => Rules.AuthEventsIncludeCreate || key.Type != "m.room.create")
            .Select(key => _state.GetValueOrDefault((key.Type, key.Key)))
            .OfType<Pdu>()
            .ToArray();
        var depth = Depth is { } chosen ? chosen - 1
            : Latest.Count == 0 ? 0
            : Latest.Max(pdu => pdu.Depth);
        var pdu = Sign(Rules.AssignsIds
            ? Rules.ComposeNamed(RoomId, draft, $"made{++_made}", Peer.Name, Latest, auth, depth, Time ?? Now()).Value
            : Rules.Compose(
                RoomId,
                draft,
                [.. Latest.Select(each => each.EventId)],
                [.. auth.Select(each => each.EventId)],
                depth,
                Time ?? Now()).Value);
        _events[pdu.EventId] = pdu;
        _stateBefore[pdu.EventId] = [.. _state.Values];
        if (stateKey is not null) Put(pdu);
        Latest = [pdu];
        return pdu;
    }

    /// <summary>Makes a text message.</summary>
    public Pdu Says(string user, string text) => Makes(
        user, "m.room.message", null, new JsonObject { ["msgtype"] = "m.text", ["body"] = text });

    /// <summary>Sends events to the server in a transaction.</summary>
    public Task<Reply> SendAsync(ServerUnderTest server, string transactionId, params Pdu[] pdus) => Peer.SendAsync(
        server, "PUT", "/_matrix/federation/v1/send/" + transactionId, Transaction(pdus.Select(Json)));

    /// <summary>The body of a transaction of the peer.</summary>
    public JsonObject Transaction(IEnumerable<JsonObject> pdus) => new()
    {
        ["origin"] = Peer.Name,
        ["origin_server_ts"] = Now(),
        ["pdus"] = new JsonArray([.. pdus]),
    };

    /// <summary>An event as servers send it.</summary>
    public static JsonObject Json(Pdu pdu) => JsonNode.Parse(pdu.Canonical.Span)!.AsObject();

    /// <summary>A path segment.</summary>
    public static string Escape(string text) => Uri.EscapeDataString(text);

    /// <summary>Reads an event that a server returned, and remembers it.</summary>
    public Pdu Knows(JsonObject json)
    {
        var read = Rules.ReadHistory(Bytes(json));
        Assert.That(read.IsOk, json.ToJsonString());
        Assert.That(read.Value.HashHolds, json.ToJsonString());
        return _events[read.Value.EventId] = read.Value.Pdu;
    }

    /// <summary>Another server's event enters the room after the latest ones.</summary>
    public void Takes(Pdu pdu)
    {
        _events[pdu.EventId] = pdu;
        _stateBefore[pdu.EventId] = [.. _state.Values];
        if (pdu.StateKey is not null) Put(pdu);
        Latest = [pdu];
    }

    private void Put(Pdu pdu) => _state[(pdu.Type, pdu.StateKey!)] = pdu;

    private Pdu Sign(UnsignedEvent unsigned)
    {
        using (unsigned)
        {
            if (RoomId.Length == 0) RoomId = unsigned.RoomId;
            var signature = Peer.Current.Key.Key.Sign(unsigned.BytesToSign.Span);
            return Rules.Sign(unsigned, Peer.Name, Peer.Current.Key.Id, signature).Value;
        }
    }

    private static byte[] Bytes(JsonObject json) => Encoding.UTF8.GetBytes(json.ToJsonString());

    /// <summary>An object as the core reads it.</summary>
    internal static Matrix.Core.Json.JsonObject Parse(JsonObject json) => JsonReader.ParseObject(
        Bytes(json), Reading.Lenient, new JsonLimits(64 << 20, 100)).ResultValue;

    private static long Now() => DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
}
