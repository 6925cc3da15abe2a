using System.Text.Json.Nodes;
using Matrix.Host.Tests.Support;

namespace Matrix.Host.Tests.Keys;

/// <summary>Requests of users about keys.</summary>
internal static class KeyActs
{
    /// <summary>Uploads this device's identity keys.</summary>
    public static async Task UploadsDeviceAsync(this TestUser user, ClientKey key) =>
        (await user.PostAsync(
            "keys/upload",
            new JsonObject { ["device_keys"] = ClientKeys.Device(user.UserId, user.DeviceId, key) })).Is(200);

    /// <summary>Queries all keys of users.</summary>
    public static Task<Reply> AsksForAsync(this TestUser user, params string[] users)
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
}

/// <summary>A user's signing keys.</summary>
internal sealed class Identity(string user)
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
