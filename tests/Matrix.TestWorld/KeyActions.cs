using System.Text.Json.Nodes;

namespace Matrix.TestWorld;

/// <summary>Requests of users about keys.</summary>
public static class KeyActions
{
    /// <summary>Uploads this device's identity keys.</summary>
    public static async Task UploadsDeviceAsync(this TestUser user, ClientKey key) =>
        (await user.PostAsync(
            "keys/upload",
            new JsonObject { ["device_keys"] = ClientKeys.Device(user.UserId, user.DeviceId, key) })).Is(200);

    /// <summary>Uploads the keys of the user's device and some one-time keys.</summary>
    public static async Task UploadsKeysAsync(this TestUser user, int oneTimeKeys)
    {
        var oneTime = new JsonObject();
        for (var i = 0; i < oneTimeKeys; i++)
        {
            var key = new JsonObject { ["key"] = ClientKeys.Value(i) };
            oneTime[$"signed_curve25519:{i}"] = user.DeviceKey.Sign(key, user.UserId, $"ed25519:{user.DeviceId}");
        }

        var body = new JsonObject
        {
            ["device_keys"] = ClientKeys.Device(user.UserId, user.DeviceId, user.DeviceKey),
            ["one_time_keys"] = oneTime,
        };
        (await user.PostAsync("keys/upload", body)).Is(200);
    }

    /// <summary>Queries all keys of users.</summary>
    public static Task<Reply> QueriesKeysAsync(this TestUser user, params string[] users)
    {
        var wanted = new JsonObject();
        foreach (var other in users) wanted[other] = new JsonArray();
        return user.PostAsync("keys/query", new JsonObject { ["device_keys"] = wanted });
    }

    /// <summary>Makes and uploads a full set of signing keys.</summary>
    public static async Task<Identity> CrossSignsAsync(this TestUser user)
    {
        var identity = new Identity(user.UserId);
        (await user.PostAsync("keys/device_signing/upload", identity.Upload())).Is(200);
        return identity;
    }

    /// <summary>Uploads a signed key.</summary>
    public static Task<Reply> UploadsSignatureAsync(this TestUser user, string owner, string keyId, JsonNode key) =>
        user.PostAsync("keys/signatures/upload", new JsonObject { [owner] = new JsonObject { [keyId] = key } });

    /// <summary>Signs the master key of another user, uploads the signature and returns its key id.</summary>
    public static async Task<string> SignsMasterKeyAsync(
        this TestUser user, string owner, JsonObject masterKey, ClientKey userSigning)
    {
        var signed = masterKey.DeepClone().AsObject();
        signed.Remove("signatures");
        var publicKey = (string)signed["keys"]!.AsObject().Single().Value!;
        userSigning.Sign(signed, user.UserId, userSigning.Id);
        var reply = (await user.UploadsSignatureAsync(owner, publicKey, signed)).Is(200);
        Assert.That(reply.Json["failures"]!.AsObject(), Is.Empty);
        return userSigning.Id;
    }
}

/// <summary>A user's signing keys.</summary>
public sealed class Identity(string user)
{
    public ClientKey Master { get; } = new();

    public ClientKey SelfSigning { get; } = new();

    public ClientKey UserSigning { get; } = new();

    /// <summary>The body that uploads them.</summary>
    public JsonObject Upload() => new()
    {
        ["master_key"] = MasterKey(),
        ["self_signing_key"] = ClientKeys.Signing(user, "self_signing", SelfSigning, Master),
        ["user_signing_key"] = ClientKeys.Signing(user, "user_signing", UserSigning, Master),
    };

    /// <summary>The master key's object.</summary>
    public JsonObject MasterKey() => ClientKeys.Signing(user, "master", Master);
}
