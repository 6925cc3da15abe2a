using System.Text.Json.Nodes;
using Matrix.Host.Crypto;

namespace Matrix.Federation.Tests.DeviceLists;

/// <summary>The device list of a peer's user, as the peer serves it and tells its changes.</summary>
internal sealed class PeerLists(AnsweringPeer server, string name)
{
    private readonly Dictionary<string, string> _devices = [];

    internal string UserId { get; } = $"@{name}:{server.Peer.Name}";

    /// <summary>The id of the latest change.</summary>
    internal long StreamId { get; private set; } = 10;

    internal JsonObject? MasterKey { get; private set; }

    /// <summary>What the peer returns in place of a list; null for the list.</summary>
    internal (int Status, JsonNode Json)? Refusal { get; set; }

    internal int QueryRequests => server.Requests.Count(request => request.Path == "v1/user/keys/query");

    internal int ListRequests => server.Requests.Count(request => request.Path == $"v1/user/devices/{UserId}");

    /// <summary>The responses of the peer.</summary>
    internal (int Status, JsonNode Json)? Answer(PeerRequest request) => request switch
    {
        { Method: "PUT" } when request.Path.StartsWith("v1/send/", StringComparison.Ordinal) =>
            (200, new JsonObject { ["pdus"] = new JsonObject() }),
        { Path: "v1/user/keys/query" } => Refusal ?? (200, Keys()),
        _ when request.Path == $"v1/user/devices/{UserId}" => Refusal ?? (200, List()),
        _ => null,
    };

    /// <summary>A device changes; the update names the change before it.</summary>
    internal JsonObject Change(string deviceId, string version)
    {
        _devices[deviceId] = version;
        var content = Update(deviceId);
        content["device_display_name"] = version;
        content["keys"] = DeviceKeys(deviceId);
        return Edu("m.device_list_update", content);
    }

    /// <summary>A device is deleted.</summary>
    internal JsonObject Delete(string deviceId)
    {
        _devices.Remove(deviceId);
        var content = Update(deviceId);
        content["deleted"] = true;
        return Edu("m.device_list_update", content);
    }

    /// <summary>The user has a new master key.</summary>
    internal JsonObject ChangeMasterKey()
    {
        MasterKey = SigningKey("master");
        return Edu("m.signing_key_update", new JsonObject
        {
            ["user_id"] = UserId,
            ["master_key"] = MasterKey.DeepClone(),
            ["user_signing_key"] = SigningKey("user_signing"),
        });
    }

    internal Task<Reply> SendAsync(ServerUnderTest to, params JsonObject[] edus) => server.Peer.SendAsync(
        to, "PUT", "/_matrix/federation/v1/send/" + Guid.NewGuid().ToString("N"), new JsonObject
        {
            ["origin"] = server.Peer.Name,
            ["origin_server_ts"] = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds(),
            ["pdus"] = new JsonArray(),
            ["edus"] = new JsonArray([.. edus]),
        });

    /// <summary>The body of a response to a key query.</summary>
    internal JsonObject Keys()
    {
        var devices = new JsonObject();
        foreach (var id in _devices.Keys) devices[id] = DeviceKeys(id);
        var keys = new JsonObject { ["device_keys"] = new JsonObject { [UserId] = devices } };
        if (MasterKey is not null) keys["master_keys"] = new JsonObject { [UserId] = MasterKey.DeepClone() };
        return keys;
    }

    internal static JsonObject DeviceKeys(string userId, string deviceId, string version) => new()
    {
        ["user_id"] = userId,
        ["device_id"] = deviceId,
        ["algorithms"] = new JsonArray("m.olm.v1.curve25519-aes-sha2"),
        ["keys"] = new JsonObject { [$"ed25519:{deviceId}"] = version },
        ["signatures"] = new JsonObject { [userId] = new JsonObject { [$"ed25519:{deviceId}"] = "signature" } },
    };

    private JsonObject List()
    {
        var devices = _devices.Keys.Select(id => (JsonNode)new JsonObject
        {
            ["device_id"] = id,
            ["keys"] = DeviceKeys(id),
            ["device_display_name"] = _devices[id],
        });
        var list = new JsonObject
        {
            ["user_id"] = UserId,
            ["stream_id"] = StreamId,
            ["devices"] = new JsonArray([.. devices]),
        };
        if (MasterKey is not null) list["master_key"] = MasterKey.DeepClone();
        return list;
    }

    private JsonObject DeviceKeys(string deviceId) => DeviceKeys(UserId, deviceId, _devices[deviceId]);

    private JsonObject Update(string deviceId)
    {
        var previous = StreamId;
        StreamId += 3;
        return new JsonObject
        {
            ["user_id"] = UserId,
            ["device_id"] = deviceId,
            ["stream_id"] = StreamId,
            ["prev_id"] = new JsonArray(previous),
        };
    }

    private JsonObject SigningKey(string usage)
    {
        var key = Base64Text.Encode(Ed25519Key.Generate().PublicKey);
        return new JsonObject
        {
            ["user_id"] = UserId,
            ["usage"] = new JsonArray(usage),
            ["keys"] = new JsonObject { ["ed25519:" + key] = key },
        };
    }

    private static JsonObject Edu(string type, JsonObject content) =>
        new JsonObject { ["edu_type"] = type, ["content"] = content }.MatchesItsSchema();
}
