using Matrix.Core.Json;
using Matrix.Host.Crypto;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Keys;

namespace Matrix.Host.Users.Keys;

/// <summary>The signing keys of an upload; null where it has none.</summary>
/// <param name="Master">The master key.</param>
/// <param name="SelfSigning">The self-signing key.</param>
/// <param name="UserSigning">The user-signing key.</param>
public sealed record CrossSigningUpload(JsonObject? Master, JsonObject? SelfSigning, JsonObject? UserSigning);

/// <summary>The change that an upload makes to the stored keys.</summary>
public sealed class CrossSigningChange
{
    internal CrossSigningChange(WriteBatch? batch, bool replacesKeys)
    {
        Batch = batch;
        ReplacesKeys = replacesKeys;
    }

    /// <summary>Whether the user has these keys already.</summary>
    public bool IsNone => Batch is null;

    /// <summary>
    /// Whether the change replaces keys of a user with a master key, which requires authentication.
    /// </summary>
    public bool ReplacesKeys { get; }

    internal WriteBatch? Batch { get; }
}

/// <summary>Stores cross-signing keys. v1.19 client-server-api#cross-signing</summary>
public sealed class CrossSigningUploads(
    IAccountsTable accountsTable, KeysTable keysTable, IStorageWriter writer, KeyOptions options)
{
    private const string Ed25519Prefix = "ed25519:";

    /// <summary>Checks an upload, and writes nothing.</summary>
    public async ValueTask<UserResult<CrossSigningChange>> ConsiderAsync(
        string userId, CrossSigningUpload upload, CancellationToken stop)
    {
        var rows = await keysTable.CrossSigningKeysAsync([userId], stop);
        var known = rows.ToDictionary(row => row.Usage);
        var given = new List<SigningKey>(3);
        foreach (var (usage, name, json) in Parts(upload))
        {
            if (json is null) continue;
            var read = ReadKey(userId, usage, name, json);
            if (!read.IsOk) return read.Failure;
            given.Add(read.Value);
        }

        var master = given.Find(key => key.Usage == CrossSigningUsage.Master)?.PublicKey
            ?? known.GetValueOrDefault(CrossSigningUsage.Master)?.PublicKey;
        if (master is null)
        {
            return new UserFailure(UserFailureKind.MissingParam, "There is no master key, and none is given.");
        }

        foreach (var key in given)
        {
            if (await RefusalAsync(userId, key, master, stop) is { } refusal) return refusal;
        }

        var changed = given.FindAll(key => !IsKnown(key, known));
        if (changed.Count == 0) return new CrossSigningChange(null, replacesKeys: false);
        return new CrossSigningChange(SetOf(userId, changed, known), known.ContainsKey(CrossSigningUsage.Master));
    }

    /// <summary>
    /// Writes the change, if the condition (null for none) holds. False if it does not, or if the user's keys have
    /// changed since the upload was checked: then check it again.
    /// </summary>
    /// <param name="authority">What in memory allows the change; nobody if only the condition does.</param>
    public async ValueTask<bool> MakeAsync(
        CrossSigningChange change, ConditionalChange? condition, Authority authority, CancellationToken stop)
    {
        if (change.Batch is null) return true;

        // The caller's condition comes first, so that its outcome is known even if another one fails.
        var batch = new WriteBatch(authority, 8);
        if (condition is not null) batch.Require(condition);
        foreach (var own in change.Batch.Preconditions) batch.Require(own);
        foreach (var own in change.Batch.Changes) batch.Add(own);
        var receipt = await writer.WriteAsync(batch, stop);
        return !receipt.Refused;
    }

    private static IEnumerable<(CrossSigningUsage Usage, string Name, JsonObject? Json)> Parts(
        CrossSigningUpload upload) =>
    [
        (CrossSigningUsage.Master, "master", upload.Master),
        (CrossSigningUsage.SelfSigning, "self_signing", upload.SelfSigning),
        (CrossSigningUsage.UserSigning, "user_signing", upload.UserSigning),
    ];

    private UserResult<SigningKey> ReadKey(string userId, CrossSigningUsage usage, string name, JsonObject json)
    {
        if (SignedJson.Text(json, "user_id") != userId) return Invalid($"The {name} key belongs to another user.");
        if (!HasUsage(json, name)) return Invalid($"The {name} key does not have the usage `{name}`.");
        if (SignedJson.Child(json, "keys") is not { Count: 1 } keys)
        {
            return Invalid($"The {name} key must hold exactly one key.");
        }

        var id = keys.Key(0);
        if (SignedJson.Text(keys, id) is not { } publicKey
            || id != Ed25519Prefix + publicKey
            || !Base64Text.TryDecode(publicKey, out var bytes)
            || bytes.Length != Ed25519.PublicKeySize
            || Base64Text.Encode(bytes) != publicKey)
        {
            return Invalid($"The {name} key must be an Ed25519 key in unpadded base64, named by itself.");
        }

        var stored = SignedJson.Stored(json);
        return stored.Length > options.MaxKeyBytes
            ? new UserFailure(UserFailureKind.TooLarge, $"The {name} key exceeds {options.MaxKeyBytes} bytes.")
            : new SigningKey(usage, name, publicKey, json, stored);
    }

    private static bool HasUsage(JsonObject json, string name) =>
        json.IndexOf("usage") is var at and >= 0
        && json.Value(at) is Json.Array usages
        && usages.Item.Any(usage => usage is Json.String text && text.Item == name);

    private async ValueTask<UserFailure?> RefusalAsync(
        string userId, SigningKey key, string master, CancellationToken stop)
    {
        // Public keys and device ids share the key ids of signatures, so they must differ.
        if (await accountsTable.FindDeviceAsync(userId, key.PublicKey, stop) is not null)
        {
            return new UserFailure(UserFailureKind.Forbidden, $"A device has the id of the {key.Name} key.");
        }

        if (key.Usage == CrossSigningUsage.Master)
        {
            return await DeviceSignaturesAsync(userId, key, stop);
        }

        var signature = SignedJson.SignatureBy(key.Json, userId, Ed25519Prefix + master);
        return signature is not null && SignedJson.Holds(key.Json, signature, master)
            ? null
            : new UserFailure(UserFailureKind.InvalidSignature, $"The {key.Name} key is not signed by the master key.");
    }

    /// <summary>
    /// A master key needs no signature; a signature of one of the user's devices must be valid.
    /// </summary>
    private async ValueTask<UserFailure?> DeviceSignaturesAsync(string userId, SigningKey key, CancellationToken stop)
    {
        if (SignedJson.SignaturesBy(key.Json, userId) is not { Count: > 0 } signatures) return null;
        foreach (var device in await keysTable.DeviceKeysAsync([userId], stop))
        {
            var keyId = Ed25519Prefix + device.DeviceId;
            if (SignedJson.Text(signatures, keyId) is not { } signature) continue;
            if (DevicePublicKey(device) is not { } publicKey || !SignedJson.Holds(key.Json, signature, publicKey))
            {
                return new UserFailure(
                    UserFailureKind.InvalidSignature, $"The signature of device {device.DeviceId} is wrong.");
            }
        }

        return null;
    }

    internal static string? DevicePublicKey(DeviceKeysRow device) =>
        SignedJson.Child(SignedJson.Read(device.Json), "keys") is { } keys
            ? SignedJson.Text(keys, Ed25519Prefix + device.DeviceId)
            : null;

    private static bool IsKnown(SigningKey key, Dictionary<CrossSigningUsage, CrossSigningKeyRow> known) =>
        known.TryGetValue(key.Usage, out var row) && SignedJson.AreSameKey(SignedJson.Read(row.Json), key.Json);

    private static WriteBatch SetOf(
        string userId, List<SigningKey> changed, Dictionary<CrossSigningUsage, CrossSigningKeyRow> known)
    {
        var batch = new WriteBatch(Authority.Nobody, 8);
        foreach (var usage in Enum.GetValues<CrossSigningUsage>())
        {
            batch.Require(new CrossSigningKeyIs(userId, usage, known.GetValueOrDefault(usage)?.PublicKey));
        }

        foreach (var key in changed)
        {
            batch.Add(new CrossSigningKeyUploaded(userId, key.Usage, key.PublicKey, key.Stored));
        }

        // Other users do not see the user-signing key.
        var seenByOthers = changed.Exists(key => key.Usage != CrossSigningUsage.UserSigning);
        return batch.Add(new DeviceListChanged(userId, seenByOthers ? null : userId));
    }

    private static UserFailure Invalid(string message) => new(UserFailureKind.InvalidParam, message);

    private sealed record SigningKey(
        CrossSigningUsage Usage, string Name, string PublicKey, JsonObject Json, byte[] Stored);
}
