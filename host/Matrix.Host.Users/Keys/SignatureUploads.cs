using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Keys;

namespace Matrix.Host.Users.Keys;

/// <summary>A key with new signatures.</summary>
/// <param name="UserId">The owner of the key.</param>
/// <param name="KeyId">A device id or a public key.</param>
/// <param name="Json">The key, signed.</param>
public sealed record SignedKey(string UserId, string KeyId, JsonObject Json);

/// <summary>A key whose signatures were refused.</summary>
/// <param name="Key">The key.</param>
/// <param name="Failure">The reason.</param>
public sealed record UnsignedKey(SignedKey Key, UserFailure Failure);

/// <summary>Finds master keys of other servers' users.</summary>
public interface IRemoteMasterKeys
{
    /// <summary>The master keys of these users, as far as they are known or can be fetched.</summary>
    /// <param name="who">The user or application service that causes the requests.</param>
    /// <param name="userIds">The users.</param>
    ValueTask<IReadOnlyDictionary<string, JsonObject>> FindAsync(
        string who, IReadOnlyCollection<string> userIds, CancellationToken stop);
}

/// <summary>
/// Stores signatures: of a self-signing key on its user's devices, of devices on their user's master key, of a
/// user-signing key on other users' master keys. v1.19 client-server-api#cross-signing
/// </summary>
public sealed class SignatureUploads(
    KeysTable keysTable, IStorageWriter writer, UsersOptions options, KeyOptions limits, IRemoteMasterKeys remoteKeys)
{
    private const string Ed25519Prefix = "ed25519:";
    private const int Attempts = 3;

    /// <summary>Stores the valid signatures, and returns the refused keys.</summary>
    /// <param name="userId">The user who signed.</param>
    /// <param name="who">The user or application service that causes the requests to other servers.</param>
    /// <param name="keys">The keys with signatures.</param>
    public async ValueTask<UserResult<IReadOnlyList<UnsignedKey>>> UploadAsync(
        string userId, string who, IReadOnlyCollection<SignedKey> keys, CancellationToken stop)
    {
        if (keys.Count == 0) return Array.Empty<UnsignedKey>();

        var owners = keys.Select(key => key.UserId).Distinct()
            .ToLookup(owner => UserId.Server(owner) == options.ServerName);
        var remote = owners[false].Any()
            ? await remoteKeys.FindAsync(who, [.. owners[false]], stop)
            : new Dictionary<string, JsonObject>();
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            var ring = await KeyRing.LoadAsync(keysTable, userId, owners[true], remote, stop);
            var (batch, failures) = Judge(ring, keys);
            if (batch is null) return failures;
            var room = limits.MaxKeySignatures - batch.Changes.OfType<KeySignatureUploaded>().Count();
            var fits = new KeySignaturesAtMost(userId, room);
            batch.Require(fits);
            if (!(await writer.WriteAsync(batch, stop)).Refused) return failures;
            if (batch.Preconditions.All(each => each == fits || each.Applied)) return TooMany();
        }

        return new UserFailure(UserFailureKind.Busy, "The keys are being changed at the same time.");
    }

    private static (WriteBatch? Batch, List<UnsignedKey> Failures) Judge(
        KeyRing ring, IReadOnlyCollection<SignedKey> keys)
    {
        var batch = new WriteBatch(Authority.Nobody, keys.Count + 3);
        var failures = new List<UnsignedKey>();
        var changed = new HashSet<string>(StringComparer.Ordinal);
        foreach (var key in keys)
        {
            var failure = key.UserId == ring.UserId ? JudgeOwn(ring, key, batch) : JudgeOther(ring, key, batch);
            if (failure is null) changed.Add(key.UserId);
            else failures.Add(new UnsignedKey(key, failure));
        }

        if (changed.Count == 0) return (null, failures);

        batch.Require(new CrossSigningKeyIs(ring.UserId, CrossSigningUsage.SelfSigning, ring.SelfSigning?.PublicKey));
        batch.Require(new CrossSigningKeyIs(ring.UserId, CrossSigningUsage.UserSigning, ring.UserSigning?.PublicKey));
        foreach (var user in changed)
        {
            // Only a user's own devices learn whom the user has verified.
            batch.Add(new DeviceListChanged(user, user == ring.UserId ? null : ring.UserId));
        }

        return (batch, failures);
    }

    private static UserFailure? JudgeOwn(KeyRing ring, SignedKey key, WriteBatch batch)
    {
        if (ring.Device(key.KeyId) is { } device)
        {
            if (!SignedJson.AreSameKey(SignedJson.Read(device.Json), key.Json)) return Differs();
            return ring.SelfSigning is { } signer
                ? Take(ring, key, signer.PublicKey, batch)
                : new UserFailure(UserFailureKind.NotFound, "You have no self-signing key.");
        }

        if (ring.Master(ring.UserId) is { } master && master.PublicKey == key.KeyId)
        {
            return SignedJson.AreSameKey(SignedJson.Read(master.Json), key.Json)
                ? TakeOfDevices(ring, key, batch)
                : Differs();
        }

        return new UserFailure(UserFailureKind.NotFound, "You have no device and no master key of that name.");
    }

    private static UserFailure? JudgeOther(KeyRing ring, SignedKey key, WriteBatch batch)
    {
        if (ring.Master(key.UserId) is not { } master || master.PublicKey != key.KeyId)
        {
            return new UserFailure(UserFailureKind.NotFound, "The user has no such master key.");
        }

        if (!SignedJson.AreSameKey(SignedJson.Read(master.Json), key.Json)) return Differs();
        return ring.UserSigning is { } signer
            ? Take(ring, key, signer.PublicKey, batch)
            : new UserFailure(UserFailureKind.NotFound, "You have no user-signing key.");
    }

    private static UserFailure? Take(KeyRing ring, SignedKey key, string signer, WriteBatch batch)
    {
        var signerKey = Ed25519Prefix + signer;
        if (SignedJson.SignatureBy(key.Json, ring.UserId, signerKey) is not { } signature
            || !SignedJson.Holds(key.Json, signature, signer))
        {
            return new UserFailure(UserFailureKind.InvalidSignature, $"There is no valid signature by {signerKey}.");
        }

        batch.Add(new KeySignatureUploaded(key.UserId, key.KeyId, ring.UserId, signerKey, signature));
        return null;
    }

    private static UserFailure? TakeOfDevices(KeyRing ring, SignedKey key, WriteBatch batch)
    {
        var taken = new List<KeySignatureUploaded>();
        var signatures = SignedJson.SignaturesBy(key.Json, ring.UserId) ?? JsonObject.Empty;
        for (var i = 0; i < signatures.Count; i++)
        {
            // Clients also send the existing signatures: those of deleted devices, and the key's own.
            var signerKey = signatures.Key(i);
            if (!signerKey.StartsWith(Ed25519Prefix, StringComparison.Ordinal)) continue;
            if (ring.Device(signerKey[Ed25519Prefix.Length..]) is not { } device) continue;

            if (SignedJson.Text(signatures, signerKey) is not { } signature
                || CrossSigningUploads.DevicePublicKey(device) is not { } publicKey
                || !SignedJson.Holds(key.Json, signature, publicKey))
            {
                return new UserFailure(UserFailureKind.InvalidSignature, $"The signature by {signerKey} is wrong.");
            }

            taken.Add(new KeySignatureUploaded(key.UserId, key.KeyId, ring.UserId, signerKey, signature));
        }

        if (taken.Count == 0)
        {
            return new UserFailure(UserFailureKind.InvalidSignature, "There is no signature by one of your devices.");
        }

        foreach (var signature in taken) batch.Add(signature);
        return null;
    }

    private UserFailure TooMany() => new(
        UserFailureKind.LimitReached, $"A user makes at most {limits.MaxKeySignatures} signatures on keys.");

    private static UserFailure Differs() =>
        new(UserFailureKind.InvalidParam, "The key differs from the uploaded one.");
}
