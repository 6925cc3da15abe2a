using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Crypto;

namespace Matrix.Host.Users.Keys;

/// <summary>Key objects and the signatures on them. v1.19 appendices#signing-json</summary>
internal static class SignedJson
{
    private const string Signatures = "signatures";
    private const string Unsigned = "unsigned";

    private static readonly string[] _notSigned = [Signatures, Unsigned];

    /// <summary>A stored key object.</summary>
    internal static JsonObject Read(ReadOnlyMemory<byte> stored) =>
        JsonText.TryParseStored(stored.Span, out var key)
            ? key
            : throw new InvalidDataException("A stored key is damaged: it is no JSON object.");

    /// <summary>The stored form of a key object, without `unsigned`, which the server fills.</summary>
    internal static byte[] Stored(JsonObject key) => Without(key, [Unsigned]);

    /// <summary>The signed form of an object.</summary>
    internal static byte[] SigningInput(JsonObject key) => Without(key, _notSigned);

    /// <summary>Whether two objects are the same key, whatever their signatures.</summary>
    internal static bool AreSameKey(JsonObject a, JsonObject b) =>
        SigningInput(a).AsSpan().SequenceEqual(SigningInput(b));

    /// <summary>Whether a signature on the object is valid.</summary>
    /// <param name="key">The signed object.</param>
    /// <param name="signature">The signature, unpadded base64.</param>
    /// <param name="publicKey">The signer's Ed25519 key, unpadded base64.</param>
    internal static bool Holds(JsonObject key, string signature, string publicKey) =>
        Base64Text.TryDecode(signature, out var signatureBytes)
        && Base64Text.TryDecode(publicKey, out var keyBytes)
        && Ed25519.Verify(keyBytes, SigningInput(key), signatureBytes);

    /// <summary>The signature that one key of a user made; null if there is none.</summary>
    internal static string? SignatureBy(JsonObject key, string signer, string signerKey) =>
        SignaturesBy(key, signer) is { } made ? Text(made, signerKey) : null;

    /// <summary>All signatures that a user's keys made, by key id; null if there are none.</summary>
    internal static JsonObject? SignaturesBy(JsonObject key, string signer) =>
        Child(key, Signatures) is { } signatures ? Child(signatures, signer) : null;

    /// <summary>A member that is an object; null if there is none.</summary>
    internal static JsonObject? Child(JsonObject json, string name) =>
        json.IndexOf(name) is var at and >= 0 && json.Value(at) is Json.Object child ? child.Item : null;

    /// <summary>A member that is a string; null if there is none.</summary>
    internal static string? Text(JsonObject json, string name) =>
        json.IndexOf(name) is var at and >= 0 && json.Value(at) is Json.String text ? text.Item : null;

    /// <summary>The public key of a cross-signing key: the value of the only member of `keys`; null if none.</summary>
    internal static string? PublicKey(JsonObject key) =>
        Child(key, "keys") is { Count: 1 } keys && keys.Value(0) is Json.String text ? text.Item : null;

    /// <summary>The object without `unsigned`.</summary>
    internal static JsonObject WithoutUnsigned(JsonObject json) =>
        JsonObject.OfSeq(Members(json).Where(member => member.Item1 != Unsigned));

    /// <summary>
    /// The object with the signatures that the requester may see: those of the key's owner, the requester's own, and
    /// further ones.
    /// </summary>
    /// <param name="key">The object as stored.</param>
    /// <param name="owner">The owner of the key.</param>
    /// <param name="asker">The requester; null for another server.</param>
    /// <param name="further">Signatures that were uploaded separately: signer, key id, signature.</param>
    internal static JsonObject WithSignatures(
        JsonObject key,
        string owner,
        string? asker,
        IReadOnlyCollection<(string Signer, string SignerKey, string Signature)> further)
    {
        if (further.Count == 0 && AreOf(key, owner, asker)) return key;
        var bySigner = new Dictionary<string, List<(string, Json)>>(StringComparer.Ordinal);
        foreach (var signer in asker is null || asker == owner ? [owner] : new[] { owner, asker })
        {
            if (SignaturesBy(key, signer) is { } made) bySigner.Add(signer, [.. Members(made)]);
        }

        foreach (var (signer, signerKey, signature) in further)
        {
            if (!bySigner.TryGetValue(signer, out var made)) bySigner.Add(signer, made = []);
            made.Add((signerKey, Json.Of(signature)));
        }

        if (bySigner.Count == 0 && key.IndexOf(Signatures) < 0) return key;
        var all = JsonObject.OfSeq(bySigner.Select(s => (s.Key, Json.Of(JsonObject.OfSeq(s.Value)))));
        return key.With(Signatures, Json.Of(all));
    }

    /// <summary>Whether all signatures are of these users.</summary>
    private static bool AreOf(JsonObject key, string owner, string? asker) =>
        Child(key, Signatures) is { } made
        && Members(made).All(of => (of.Item1 == owner || of.Item1 == asker) && of.Item2 is Json.Object);

    private static IEnumerable<(string, Json)> Members(JsonObject json)
    {
        for (var i = 0; i < json.Count; i++) yield return (json.Key(i), json.Value(i));
    }

    private static byte[] Without(JsonObject key, string[] members)
    {
        using var bytes = new ByteBuffer();
        CanonicalJson.WriteWithout(bytes, key, members);
        return bytes.ToArray();
    }
}
