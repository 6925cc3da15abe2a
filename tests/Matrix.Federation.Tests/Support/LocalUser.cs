using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Matrix.Host.Crypto;

namespace Matrix.Federation.Tests.Support;

/// <summary>A user of a server under test, logged in on one device.</summary>
public sealed class LocalUser
{
    private readonly HttpClient _http;

    private LocalUser(HttpClient http, JsonObject registered)
    {
        _http = http;
        UserId = (string)registered["user_id"]!;
        DeviceId = (string)registered["device_id"]!;
        http.DefaultRequestHeaders.Authorization =
            new AuthenticationHeaderValue("Bearer", (string)registered["access_token"]!);
    }

    public string UserId { get; }

    public string DeviceId { get; }

    /// <summary>The key that signs the device's keys.</summary>
    public Ed25519Key DeviceKey { get; } = Ed25519Key.Generate();

    public static async Task<LocalUser> RegisterAsync(IServerUnderTest server, string name)
    {
        var http = new HttpClient { BaseAddress = server.ClientAddress, Timeout = TimeSpan.FromSeconds(30) };
        var reply = await SendAsync(http, HttpMethod.Post, "register", new JsonObject
        {
            ["username"] = name,
            ["password"] = name + "-password",
            ["initial_device_display_name"] = name + "'s phone",
            ["auth"] = new JsonObject { ["type"] = "m.login.dummy" },
        });
        return new LocalUser(http, reply.Is(200).Json);
    }

    /// <summary>Registers a guest.</summary>
    public static async Task<LocalUser> GuestAsync(IServerUnderTest server)
    {
        var http = new HttpClient { BaseAddress = server.ClientAddress, Timeout = TimeSpan.FromSeconds(30) };
        return new LocalUser(http, (await SendAsync(http, HttpMethod.Post, "register?kind=guest", [])).Is(200).Json);
    }

    /// <summary>Logs the same user in on a new device.</summary>
    public async Task<LocalUser> LogInAsync(string deviceName)
    {
        var http = new HttpClient { BaseAddress = _http.BaseAddress, Timeout = TimeSpan.FromSeconds(30) };
        var name = UserId[1..UserId.IndexOf(':', StringComparison.Ordinal)];
        var reply = await SendAsync(http, HttpMethod.Post, "login", new JsonObject
        {
            ["type"] = "m.login.password",
            ["identifier"] = new JsonObject { ["type"] = "m.id.user", ["user"] = name },
            ["password"] = name + "-password",
            ["initial_device_display_name"] = deviceName,
        });
        return new LocalUser(http, reply.Is(200).Json);
    }

    public Task<Reply> PostAsync(string path, JsonObject body) => SendAsync(_http, HttpMethod.Post, path, body);

    public Task<Reply> PutAsync(string path, JsonObject body) => SendAsync(_http, HttpMethod.Put, path, body);

    public Task<Reply> GetAsync(string path) => SendAsync(_http, HttpMethod.Get, path, body: null);

    public Task<Reply> DeleteAsync(string path) => SendAsync(_http, HttpMethod.Delete, path, body: null);

    /// <summary>Uploads a text. Returns the URI without its scheme: `server/id`.</summary>
    public async Task<string> UploadAsync(string content, string type = "text/plain", string name = "")
    {
        var path = $"/_matrix/media/v3/upload?filename={Uri.EscapeDataString(name)}";
        using var request = new HttpRequestMessage(HttpMethod.Post, path)
        {
            Content = new StringContent(content, MediaTypeHeaderValue.Parse(type)),
        };
        var uri = (string)(await Reply.SendAsync(_http, request)).Is(200).Json["content_uri"]!;
        return uri["mxc://".Length..];
    }

    /// <summary>Creates a URI without content.</summary>
    public async Task<string> CreateMediaAsync()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/_matrix/media/v1/create");
        return ((string)(await Reply.SendAsync(_http, request)).Is(200).Json["content_uri"]!)["mxc://".Length..];
    }

    /// <summary>Downloads a content, with its URI as above.</summary>
    public Task<Reply> DownloadAsync(string uri) => GetAsync($"v1/media/download/{uri}");

    /// <summary>Creates a public room of a version.</summary>
    public async Task<string> CreateRoomAsync(string version)
    {
        var body = new JsonObject { ["room_version"] = version, ["preset"] = "public_chat" };
        return (string)(await PostAsync("createRoom", body)).Is(200).Json["room_id"]!;
    }

    /// <summary>
    /// Creates a room that members of other rooms may join, and to which only its creator may invite.
    /// </summary>
    public async Task<string> CreateRestrictedRoomAsync(string version, string joinRule, params string[] allowed)
    {
        var conditions = allowed.Select(room => (JsonNode)new JsonObject
        {
            ["type"] = "m.room_membership",
            ["room_id"] = room,
        });
        var body = new JsonObject
        {
            ["room_version"] = version,
            ["preset"] = "private_chat",
            ["power_level_content_override"] = new JsonObject { ["invite"] = 50 },
            ["initial_state"] = new JsonArray(new JsonObject
            {
                ["type"] = "m.room.join_rules",
                ["content"] = new JsonObject
                {
                    ["join_rule"] = joinRule,
                    ["allow"] = new JsonArray([.. conditions]),
                },
            }),
        };
        return (string)(await PostAsync("createRoom", body)).Is(200).Json["room_id"]!;
    }

    /// <summary>Sends a text message, and returns its event id.</summary>
    public async Task<string> SayAsync(string roomId, string text)
    {
        var path = $"rooms/{Uri.EscapeDataString(roomId)}/send/m.room.message/{Guid.NewGuid():N}";
        var reply = await PutAsync(path, new JsonObject { ["msgtype"] = "m.text", ["body"] = text });
        return (string)reply.Is(200).Json["event_id"]!;
    }

    /// <summary>The ids of the room's state events.</summary>
    public async Task<IReadOnlyList<string>> StateIdsAsync(string roomId)
    {
        var reply = await GetAsync($"rooms/{Uri.EscapeDataString(roomId)}/state");
        return [.. JsonNode.Parse(reply.Text)!.AsArray().Select(state => (string)state!["event_id"]!)];
    }

    /// <summary>The latest events of a room in an initial sync, oldest first.</summary>
    public async Task<IReadOnlyList<JsonObject>> TimelineAsync(string roomId)
    {
        var filter = Uri.EscapeDataString("""{"room":{"timeline":{"limit":50}}}""");
        var sync = (await GetAsync("sync?filter=" + filter)).Is(200).Json;
        var room = sync["rooms"]?["join"]?[roomId] ?? throw new AssertionException("The user is not in the room.");
        return [.. room["timeline"]!["events"]!.AsArray().Select(each => each!.AsObject())];
    }

    /// <summary>A sync that does not wait.</summary>
    public async Task<JsonObject> SyncAsync(string? since = null) =>
        (await GetAsync(since is null ? "sync?timeout=0" : $"sync?timeout=0&since={since}")).Is(200).Json;

    /// <summary>Starts to type in a room, or stops if there is no time.</summary>
    public async Task TypeAsync(string roomId, TimeSpan? timeout)
    {
        var path = $"rooms/{Uri.EscapeDataString(roomId)}/typing/{Uri.EscapeDataString(UserId)}";
        var body = timeout is { } given
            ? new JsonObject { ["typing"] = true, ["timeout"] = (long)given.TotalMilliseconds }
            : new JsonObject { ["typing"] = false };
        (await PutAsync(path, body)).Is(200);
    }

    /// <summary>Sets a receipt.</summary>
    public async Task ReadAsync(string roomId, string eventId, string type = "m.read", string? thread = null)
    {
        var path = $"rooms/{Uri.EscapeDataString(roomId)}/receipt/{type}/{Uri.EscapeDataString(eventId)}";
        (await PostAsync(path, thread is null ? [] : new JsonObject { ["thread_id"] = thread })).Is(200);
    }

    /// <summary>Sends a message to a device.</summary>
    public Task<Reply> SendToDeviceAsync(string userId, string deviceId, JsonObject content) => PutAsync(
        $"sendToDevice/org.example.test/{Guid.NewGuid():N}",
        new JsonObject
        {
            ["messages"] = new JsonObject { [userId] = new JsonObject { [deviceId] = content.DeepClone() } },
        });

    /// <summary>The contents of the messages that wait for the device.</summary>
    public async Task<IReadOnlyList<JsonObject>> InboxAsync() =>
        [.. Events((await SyncAsync())["to_device"]).Select(each => each["content"]!.AsObject())];

    /// <summary>The users who type in a room.</summary>
    public async Task<IReadOnlyList<string>> TypingAsync(string roomId)
    {
        var typing = Events((await SyncAsync())["rooms"]?["join"]?[roomId]?["ephemeral"])
            .FirstOrDefault(each => (string?)each["type"] == "m.typing");
        return typing is null ? [] : [.. typing["content"]!["user_ids"]!.AsArray().Select(user => (string)user!)];
    }

    /// <summary>The public receipts of a room: event, user, thread.</summary>
    public async Task<IReadOnlyList<(string Event, string User, string? Thread)>> ReceiptsAsync(string roomId)
    {
        var receipts = Events((await SyncAsync())["rooms"]?["join"]?[roomId]?["ephemeral"])
            .Where(each => (string?)each["type"] == "m.receipt");
        return
        [
            .. receipts.SelectMany(each => each["content"]!.AsObject()).SelectMany(ofEvent =>
                (ofEvent.Value!["m.read"]?.AsObject() ?? []).Select(ofUser =>
                    (ofEvent.Key, ofUser.Key, (string?)ofUser.Value!["thread_id"]))),
        ];
    }

    private static IEnumerable<JsonObject> Events(JsonNode? part) =>
        (part?["events"]?.AsArray() ?? []).Select(each => each!.AsObject());

    /// <summary>Creates a public room with encryption.</summary>
    public async Task<string> CreateEncryptedRoomAsync()
    {
        var encryption = new JsonObject
        {
            ["type"] = "m.room.encryption",
            ["state_key"] = "",
            ["content"] = new JsonObject { ["algorithm"] = "m.megolm.v1.aes-sha2" },
        };
        var body = new JsonObject { ["preset"] = "public_chat", ["initial_state"] = new JsonArray(encryption) };
        return (string)(await PostAsync("createRoom", body)).Is(200).Json["room_id"]!;
    }

    /// <summary>Queries the keys of a user.</summary>
    public async Task<JsonObject> QueryKeysAsync(string userId)
    {
        var body = new JsonObject { ["device_keys"] = new JsonObject { [userId] = new JsonArray() } };
        return (await PostAsync("keys/query", body)).Is(200).Json;
    }

    /// <summary>The ids of a user's devices, by a key query.</summary>
    public async Task<IReadOnlyList<string>> DevicesOfAsync(string userId)
    {
        var found = await QueryKeysAsync(userId);
        return [.. found["device_keys"]?[userId]?.AsObject().Select(device => device.Key) ?? []];
    }

    /// <summary>The position of an initial sync.</summary>
    public async Task<string> SyncTokenAsync() =>
        (string)(await GetAsync("sync?timeout=0")).Is(200).Json["next_batch"]!;

    /// <summary>Syncs until a user's device list has changed, and returns the next position.</summary>
    public async Task<string> SeesChangeOfAsync(string userId, string since)
    {
        var until = DateTime.UtcNow.AddSeconds(20);
        while (DateTime.UtcNow < until)
        {
            var sync = (await GetAsync($"sync?timeout=1000&since={since}")).Is(200).Json;
            since = (string)sync["next_batch"]!;
            if (ChangedIn(sync).Contains(userId)) return since;
        }

        throw new AssertionException($"No change of {userId} came.");
    }

    /// <summary>The users whose device lists changed since a position, by one sync that does not wait.</summary>
    public async Task<IReadOnlyList<string>> ChangedSinceAsync(string since) =>
        ChangedIn((await GetAsync($"sync?timeout=0&since={since}")).Is(200).Json);

    private static IReadOnlyList<string> ChangedIn(JsonObject sync) =>
        [.. sync["device_lists"]?["changed"]?.AsArray().Select(user => (string)user!) ?? []];

    /// <summary>Uploads the device's keys and some one-time keys.</summary>
    public async Task UploadKeysAsync(int oneTimeKeys)
    {
        var keys = new JsonObject
        {
            ["user_id"] = UserId,
            ["device_id"] = DeviceId,
            ["algorithms"] = new JsonArray("m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"),
            ["keys"] = new JsonObject
            {
                [$"curve25519:{DeviceId}"] = Base64Text.Encode(new byte[32]),
                [$"ed25519:{DeviceId}"] = Base64Text.Encode(DeviceKey.PublicKey),
            },
        };
        var oneTime = new JsonObject();
        for (var i = 0; i < oneTimeKeys; i++)
        {
            var key = new JsonObject { ["key"] = Base64Text.Encode([(byte)i, .. new byte[31]]) };
            oneTime[$"signed_curve25519:{i}"] = Sign(key, DeviceKey, $"ed25519:{DeviceId}");
        }

        var body = new JsonObject
        {
            ["device_keys"] = Sign(keys, DeviceKey, $"ed25519:{DeviceId}"),
            ["one_time_keys"] = oneTime,
        };
        (await PostAsync("keys/upload", body)).Is(200);
    }

    /// <summary>Uploads a master key, a self-signing key and a user-signing key, and returns the last.</summary>
    public async Task<Ed25519Key> CrossSignAsync()
    {
        var (master, userSigning) = (Ed25519Key.Generate(), Ed25519Key.Generate());
        var body = new JsonObject
        {
            ["master_key"] = CrossSigning("master", master),
            ["self_signing_key"] = Sign(CrossSigning("self_signing", Ed25519Key.Generate()), master, IdOf(master)),
            ["user_signing_key"] = Sign(CrossSigning("user_signing", userSigning), master, IdOf(master)),
        };
        (await PostAsync("keys/device_signing/upload", body)).Is(200);
        return userSigning;
    }

    /// <summary>Signs the master key of another user, uploads the signature and returns its key id.</summary>
    public async Task<string> SignMasterKeyAsync(string owner, JsonObject masterKey, Ed25519Key userSigning)
    {
        var signed = masterKey.DeepClone().AsObject();
        signed.Remove("signatures");
        var publicKey = (string)signed["keys"]!.AsObject().Single().Value!;
        var reply = (await PostAsync("keys/signatures/upload", new JsonObject
        {
            [owner] = new JsonObject { [publicKey] = Sign(signed, userSigning, IdOf(userSigning)) },
        })).Is(200);
        Assert.That(reply.Json["failures"]!.AsObject(), Is.Empty);
        return IdOf(userSigning);
    }

    private static string IdOf(Ed25519Key key) => "ed25519:" + Base64Text.Encode(key.PublicKey);

    private JsonObject CrossSigning(string usage, Ed25519Key key) => new()
    {
        ["user_id"] = UserId,
        ["usage"] = new JsonArray(usage),
        ["keys"] = new JsonObject { [IdOf(key)] = Base64Text.Encode(key.PublicKey) },
    };

    private JsonObject Sign(JsonObject json, Ed25519Key key, string keyId)
    {
        var signature = Base64Text.Encode(key.Sign(Peer.Canonical(json)));
        json["signatures"] = new JsonObject { [UserId] = new JsonObject { [keyId] = signature } };
        return json;
    }

    private static async Task<Reply> SendAsync(HttpClient http, HttpMethod method, string path, JsonObject? body)
    {
        var root = path.StartsWith('/') ? ""
            : path.StartsWith("v1/", StringComparison.Ordinal) ? "/_matrix/client/"
            : "/_matrix/client/v3/";
        using var request = new HttpRequestMessage(method, root + path)
        {
            Content = body is null
                ? null
                : new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json"),
        };
        return await Reply.SendAsync(http, request);
    }
}
