using System.Text;
using System.Text.Json.Nodes;
using Matrix.Core.Json;
using Matrix.Host.Crypto;
using JsonObject = System.Text.Json.Nodes.JsonObject;

namespace Matrix.TestWorld;

/// <summary>A client's key pair, which signs objects.</summary>
public sealed class ClientKey
{
    private readonly Ed25519Key _pair = Ed25519Key.Generate();

    /// <summary>The public key, unpadded base64.</summary>
    public string Public => Base64Text.Encode(_pair.PublicKey);

    /// <summary>The id of a signing key, which contains the public key.</summary>
    public string Id => "ed25519:" + Public;

    /// <summary>Adds a signature to the object.</summary>
    public JsonObject Sign(JsonObject json, string user, string keyId)
    {
        var parsed = JsonReader.ParseObject(
            Encoding.UTF8.GetBytes(json.ToJsonString()),
            Core.Json.Reading.Strict,
            new JsonLimits(1 << 20, 100)).ResultValue;
        using var bytes = new ByteBuffer();
        CanonicalJson.WriteWithout(bytes, parsed, ["signatures", "unsigned"]);
        var signatures = json["signatures"] as JsonObject ?? [];
        json["signatures"] = signatures;
        var ofUser = signatures[user] as JsonObject ?? [];
        signatures[user] = ofUser;
        ofUser[keyId] = Base64Text.Encode(_pair.Sign(bytes.Written));
        return json;
    }
}

/// <summary>Objects that clients upload.</summary>
public static class ClientKeys
{
    /// <summary>A device's identity keys, signed by itself.</summary>
    public static JsonObject Device(string user, string device, ClientKey key) => key.Sign(
        new JsonObject
        {
            ["user_id"] = user,
            ["device_id"] = device,
            ["algorithms"] = new JsonArray("m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"),
            ["keys"] = new JsonObject { [$"curve25519:{device}"] = Value(1), [$"ed25519:{device}"] = key.Public },
        },
        user,
        $"ed25519:{device}");

    /// <summary>A one-time key whose content depends on a number.</summary>
    public static JsonObject OneTime(string user, string device, int content, bool fallback = false)
    {
        var json = new JsonObject
        {
            ["key"] = Value(content),
            ["signatures"] = new JsonObject { [user] = new JsonObject { [$"ed25519:{device}"] = Value(content + 1) } },
        };
        if (fallback) json["fallback"] = true;
        return json;
    }

    /// <summary>A signing key, signed by the master key if one is given.</summary>
    public static JsonObject Signing(string user, string usage, ClientKey key, ClientKey? master = null)
    {
        var json = new JsonObject
        {
            ["user_id"] = user,
            ["usage"] = new JsonArray(usage),
            ["keys"] = new JsonObject { [key.Id] = key.Public },
        };
        return master is null ? json : master.Sign(json, user, master.Id);
    }

    /// <summary>32 bytes in base64, the same for the same number.</summary>
    internal static string Value(int content)
    {
        var bytes = new byte[32];
        BitConverter.TryWriteBytes(bytes, content);
        return Base64Text.Encode(bytes);
    }
}
