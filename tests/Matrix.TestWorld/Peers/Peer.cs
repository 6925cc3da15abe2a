using System.Text;
using System.Text.Json.Nodes;
using Matrix.Core.Json;
using Matrix.Host.Crypto;
using Matrix.Host.Network.Keys;
using JsonObject = System.Text.Json.Nodes.JsonObject;

namespace Matrix.TestWorld.Peers;

/// <summary>A signing key of a peer and when it may be used.</summary>
public sealed record PeerKey(SigningKey Key, long? ExpiredAt = null)
{
    public static PeerKey New(string version) => new(new SigningKey(version, Ed25519Key.Generate()));
}

/// <summary>
/// Another server: it signs its requests itself, by the specification's text and not by the server's code.
/// </summary>
public sealed class Peer(string name)
{
    /// <summary>The server's name.</summary>
    public string Name { get; } = name;

    /// <summary>The key that signs unless a test names another one.</summary>
    public PeerKey Current { get; private set; } = PeerKey.New("now");

    /// <summary>A key that was in use until an hour ago, and is published as such.</summary>
    public PeerKey Old { get; } =
        PeerKey.New("old") with { ExpiredAt = DateTimeOffset.UtcNow.AddHours(-1).ToUnixTimeMilliseconds() };

    /// <summary>A key that is not published.</summary>
    public PeerKey Unpublished { get; } = PeerKey.New("unpublished");

    /// <summary>Until when the published keys are valid.</summary>
    public long ValidUntil { get; set; } = DateTimeOffset.UtcNow.AddDays(1).ToUnixTimeMilliseconds();

    /// <summary>Takes a new key; the one that it had is published no more, not even as a former one.</summary>
    public void ChangesKeyAndForgetsTheFormer() => Current = PeerKey.New("next");

    /// <summary>The keys that another server knows after it has fetched them.</summary>
    public IEnumerable<ServerKey> PublishedKeys => new[] { Current, Old }.Select(key => new ServerKey(
        Name, key.Key.Id, key.Key.Key.PublicKey.ToArray(), ValidUntil, key.ExpiredAt));

    /// <summary>The response to `GET /_matrix/key/v2/server`.</summary>
    public JsonObject KeyResponse() => Sign(
        new JsonObject
        {
            ["server_name"] = Name,
            ["valid_until_ts"] = ValidUntil,
            ["verify_keys"] = new JsonObject
            {
                [Current.Key.Id] = new JsonObject { ["key"] = Current.Key.PublicKeyText },
            },
            ["old_verify_keys"] = new JsonObject
            {
                [Old.Key.Id] = new JsonObject { ["key"] = Old.Key.PublicKeyText, ["expired_ts"] = Old.ExpiredAt },
            },
        },
        Current);

    /// <summary>A request without a signature.</summary>
    public static HttpRequestMessage Request(
        ServerUnderTest server, string method, string target, string? body = null) =>
        new(new HttpMethod(method), At(server.FederationAddress, target))
        {
            Content = body is null ? null : new StringContent(body, Encoding.UTF8, "application/json"),
        };

    /// <summary>A signed request.</summary>
    public HttpRequestMessage SignedRequest(
        ServerUnderTest server, string method, string target, JsonNode? body = null) =>
        Request(server, method, target, body?.ToJsonString()).With(Authorization(server.Name, method, target, body));

    /// <summary>Sends a signed request.</summary>
    public Task<Reply> SendAsync(ServerUnderTest server, string method, string target, JsonNode? body = null) =>
        server.SendAsync(SignedRequest(server, method, target, body));

    /// <summary>A user of the peer joins a room of the server. Returns the room as the peer knows it.</summary>
    public Task<PeerRoom> JoinsAsync(ServerUnderTest server, string roomId, string user) =>
        PeerRoom.JoinAsync(server, this, roomId, user);

    /// <summary>The value of the `Authorization` header. Server-Server API, "Request Authentication".</summary>
    /// <param name="destination">The receiving server in the header and in what is signed.</param>
    /// <param name="key">The signing key; null for the current one.</param>
    /// <param name="names">Whether the header names the destination; older servers only sign it.</param>
    public string Authorization(
        string destination, string method, string target, JsonNode? body, PeerKey? key = null, bool names = true)
    {
        key ??= Current;
        var json = new JsonObject
        {
            ["method"] = method,
            ["uri"] = target,
            ["origin"] = Name,
            ["destination"] = destination,
        };
        if (body is not null) json["content"] = body.DeepClone();
        var signature = (string)Sign(json, key)["signatures"]![Name]![key.Key.Id]!;
        var named = names ? $"destination=\"{destination}\"," : "";
        return $"X-Matrix origin=\"{Name}\",{named}key=\"{key.Key.Id}\",sig=\"{signature}\"";
    }

    /// <summary>Signs an object. Appendices, "Signing JSON".</summary>
    public JsonObject Sign(JsonObject json, PeerKey key)
    {
        var signature = key.Key.Key.Sign(Canonical(json));
        json["signatures"] = new JsonObject { [Name] = new JsonObject { [key.Key.Id] = Base64Text.Encode(signature) } };
        return json;
    }

    /// <summary>The canonical bytes of an object, which may have numbers of room versions 1 to 5.</summary>
    public static byte[] Canonical(JsonObject json)
    {
        var text = Encoding.UTF8.GetBytes(json.ToJsonString());
        var read = JsonReader.ParseObject(text, Reading.Lenient, new JsonLimits(64 << 20, 1000));
        return CanonicalJson.Bytes(Json.Of(read.ResultValue));
    }

    // The path as the test wrote it: nothing is decoded, encoded or shortened on the way.
    private static Uri At(Uri server, string target) => new(
        server.GetLeftPart(UriPartial.Authority) + target,
        new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
}

/// <summary>Changes of requests.</summary>
public static class PeerRequests
{
    /// <summary>Adds an `Authorization` header.</summary>
    public static HttpRequestMessage With(this HttpRequestMessage request, string authorization)
    {
        Assert.That(request.Headers.TryAddWithoutValidation("Authorization", authorization), Is.True);
        return request;
    }
}
