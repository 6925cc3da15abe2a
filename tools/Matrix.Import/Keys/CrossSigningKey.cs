using Matrix.Core.Json;
using Matrix.Host.Crypto;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Import.Sources;

namespace Matrix.Import.Keys;

/// <summary>A cross-signing key of Synapse's.</summary>
/// <param name="UserId">Its owner.</param>
/// <param name="Usage">What it signs.</param>
/// <param name="PublicKey">The public key in unpadded base64, which is its name.</param>
/// <param name="Json">The key as this server stores it.</param>
internal sealed record CrossSigningKey(string UserId, CrossSigningUsage Usage, string PublicKey, byte[] Json)
{
    /// <summary>The usages by Synapse's names of them.</summary>
    public static IReadOnlyDictionary<string, CrossSigningUsage> Usages { get; } =
        new Dictionary<string, CrossSigningUsage>
        {
            ["master"] = CrossSigningUsage.Master,
            ["self_signing"] = CrossSigningUsage.SelfSigning,
            ["user_signing"] = CrossSigningUsage.UserSigning,
        };

    /// <summary>Synapse keeps all keys that a user had; the latest of each usage counts.</summary>
    public const string Latest = """
        e2e_cross_signing_keys k WHERE k.stream_id = (SELECT MAX(m.stream_id) FROM e2e_cross_signing_keys m
            WHERE m.user_id = k.user_id AND m.keytype = k.keytype)
        """;

    /// <summary>Reads a key; null, with the reason, if it is faulty.</summary>
    public static CrossSigningKey? Read(string userId, string usage, byte[] json, out string fault)
    {
        fault = "";
        if (!Usages.TryGetValue(usage, out var known)) fault = "Its usage is none that there is.";
        else if (!StoredJson.TryRead(json, out var key)) fault = "It is no JSON object.";
        else if (StoredJson.TextOf(key, "user_id") != userId) fault = "It names another user.";
        else if (PublicKeyOf(key) is not { } publicKey) fault = "It does not hold exactly one Ed25519 key.";
        else return new CrossSigningKey(userId, known, publicKey, StoredJson.KeyBytes(key));
        return null;
    }

    private static string? PublicKeyOf(JsonObject key) =>
        StoredJson.ObjectOf(key, "keys") is { Count: 1 } keys
        && keys.Value(0) is Core.Json.Json.String { Item: var text }
        && Base64Text.TryDecode(text, out var bytes)
        && bytes.Length == Ed25519.PublicKeySize
            ? text
            : null;
}
