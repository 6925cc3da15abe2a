using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.Keys;

/// <summary>Keys of local users' devices. Client-Server API, "End-to-End Encryption".</summary>
public interface IKeysTable
{
    /// <summary>The identity keys of a device, or null.</summary>
    ValueTask<DeviceKeysRow?> FindDeviceKeysAsync(string userId, string deviceId, CancellationToken stop);

    /// <summary>Device keys of all devices of these users, as uploaded, with the devices' display names.</summary>
    ValueTask<IReadOnlyList<DeviceKeysRow>> DeviceKeysAsync(IReadOnlyCollection<string> userIds, CancellationToken stop);

    /// <summary>Cross-signing keys of these users.</summary>
    ValueTask<IReadOnlyList<CrossSigningKeyRow>> CrossSigningKeysAsync(
        IReadOnlyCollection<string> userIds, CancellationToken stop);

    /// <summary>Signatures that were uploaded on keys of these users: by the users themselves, and by <paramref name="signer"/>.</summary>
    ValueTask<IReadOnlyList<KeySignatureRow>> SignaturesAsync(
        IReadOnlyCollection<string> userIds, string signer, CancellationToken stop);

    /// <summary>How many one-time keys a device has left, by algorithm, and the algorithms of its fallback keys that were not used.</summary>
    ValueTask<KeyCounts> CountsAsync(string userId, string deviceId, CancellationToken stop);

    /// <summary>The algorithms of a device's one-time and fallback keys, used ones included.</summary>
    ValueTask<IReadOnlyList<string>> AlgorithmsAsync(string userId, string deviceId, CancellationToken stop);

    /// <summary>Users whose device lists changed last after one position and up to another, in that order; at most <paramref name="limit"/>.</summary>
    ValueTask<IReadOnlyList<string>> ChangedAsync(long after, long through, int limit, CancellationToken stop);

    /// <summary>The same, those only who are the local user or are joined to a room with them.</summary>
    ValueTask<IReadOnlyList<string>> ChangedForAsync(string localUser, long after, long through, CancellationToken stop);
}

/// <summary>A device's identity keys.</summary>
/// <param name="UserId">Whose.</param>
/// <param name="DeviceId">Of which device.</param>
/// <param name="Json">As uploaded.</param>
/// <param name="DisplayName">The device's display name, or null.</param>
public sealed record DeviceKeysRow(string UserId, string DeviceId, ReadOnlyMemory<byte> Json, string? DisplayName);

/// <summary>What a cross-signing key is for.</summary>
public enum CrossSigningUsage
{
    /// <summary>The master key.</summary>
    Master = 1,

    /// <summary>The self-signing key.</summary>
    SelfSigning = 2,

    /// <summary>The user-signing key, which only its user sees.</summary>
    UserSigning = 3,
}

/// <summary>A cross-signing key.</summary>
/// <param name="UserId">Whose.</param>
/// <param name="Usage">What for.</param>
/// <param name="PublicKey">The public key, unpadded base64: by this name signatures on it are filed.</param>
/// <param name="Json">As uploaded.</param>
public sealed record CrossSigningKeyRow(string UserId, CrossSigningUsage Usage, string PublicKey, ReadOnlyMemory<byte> Json);

/// <summary>A signature that was uploaded on a key.</summary>
/// <param name="TargetUser">Whose key.</param>
/// <param name="TargetKey">Which: a device id, or a cross-signing key's public key.</param>
/// <param name="Signer">Who signed.</param>
/// <param name="SignerKey">With which key: `ed25519:…`.</param>
/// <param name="Signature">The signature, unpadded base64.</param>
public sealed record KeySignatureRow(string TargetUser, string TargetKey, string Signer, string SignerKey, string Signature);

/// <summary>What a device has left.</summary>
/// <param name="OneTime">How many one-time keys, by algorithm; algorithms with none are absent.</param>
/// <param name="UnusedFallback">Algorithms of fallback keys that were not used.</param>
public sealed record KeyCounts(IReadOnlyDictionary<string, int> OneTime, IReadOnlyList<string> UnusedFallback);

/// <summary>
/// A device's identity keys are put, in place of earlier ones; if they differ from those, signatures that were uploaded on those go. Dropped
/// silently if there is no such device (it was deleted meanwhile).
/// </summary>
public sealed record DeviceKeysUploaded(string UserId, string DeviceId, ReadOnlyMemory<byte> Json) : Change
{
    internal override int Weight => 200 + Json.Length;
}

/// <summary>
/// A one-time key is added. Not applied if the device has a key of that id with other content; the same again is applied. Dropped silently if
/// there is no such device, or if this very key was given away before.
/// </summary>
public sealed record OneTimeKeyUploaded(string UserId, string DeviceId, string Algorithm, string KeyId, ReadOnlyMemory<byte> Json)
    : ConditionalChange;

/// <summary>
/// Nothing is written: applied if the device has keys of at most that many algorithms. As a precondition it keeps
/// uploads at once within what they may have together.
/// </summary>
public sealed record KeyAlgorithmsAtMost(string UserId, string DeviceId, int Most) : ConditionalChange;

/// <summary>
/// A fallback key is put in place of the one of that algorithm, unused; the same key again stays used if it was. Dropped silently if there is no
/// such device.
/// </summary>
public sealed record FallbackKeyUploaded(string UserId, string DeviceId, string Algorithm, string KeyId, ReadOnlyMemory<byte> Json)
    : Change;

/// <summary>
/// A device's oldest one-time key of an algorithm is given away, once; if there is none, the fallback key, which counts as used from then on.
/// Not applied if there is neither.
/// </summary>
public sealed record KeyClaimed(string UserId, string DeviceId, string Algorithm) : ConditionalChange
{
    /// <summary>The key's id, without the algorithm.</summary>
    public string? KeyId { get; internal set; }

    /// <summary>The key, as uploaded.</summary>
    public ReadOnlyMemory<byte> Json { get; internal set; }

    /// <summary>Whether it is the fallback key.</summary>
    public bool IsFallback { get; internal set; }
}

/// <summary>
/// Of a device's one-time keys that were given away, all but about the last <paramref name="Keep"/> are forgotten: they could be uploaded
/// again. For each upload, so that what is remembered stays bounded.
/// </summary>
public sealed record ClaimedKeysForgotten(string UserId, string DeviceId, int Keep) : Change;

/// <summary>A cross-signing key is put in place of the one of that usage; signatures on the one before go.</summary>
public sealed record CrossSigningKeyUploaded(string UserId, CrossSigningUsage Usage, string PublicKey, ReadOnlyMemory<byte> Json)
    : Change;

/// <summary>All cross-signing keys of a user go, with the signatures on them: the account is erased.</summary>
public sealed record CrossSigningKeysDeleted(string UserId) : Change;

/// <summary>
/// Nothing is written: applied if the user's cross-signing key of that usage has that public key (null: if there is none). As a precondition it
/// makes sure that a decision still stands when its consequence is written.
/// </summary>
public sealed record CrossSigningKeyIs(string UserId, CrossSigningUsage Usage, string? PublicKey) : ConditionalChange;

/// <summary>A signature on a key is put.</summary>
public sealed record KeySignatureUploaded(string TargetUser, string TargetKey, string Signer, string SignerKey, string Signature)
    : Change;

/// <summary>From the position of the set on, whoever tracks the user's devices must ask again.</summary>
/// <param name="UserId">Whose devices or keys changed.</param>
/// <param name="OnlyFor">The one local user who sees the change, if nobody else does: a signature of their user-signing key.</param>
public sealed record DeviceListChanged(string UserId, string? OnlyFor = null) : Change;
