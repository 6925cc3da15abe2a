using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.Keys;

/// <summary>A user whose device list changed.</summary>
/// <param name="IsSure">Whether the change certainly concerns the local user whose news were asked for.</param>
public readonly record struct ChangedListRow(string UserId, bool IsSure);

/// <summary>A device's identity keys.</summary>
/// <param name="Json">The keys as uploaded.</param>
public sealed record DeviceKeysRow(string UserId, string DeviceId, ReadOnlyMemory<byte> Json, string? DisplayName);

/// <summary>The usage of a cross-signing key.</summary>
public enum CrossSigningUsage
{
    /// <summary>The master key.</summary>
    Master = 1,

    /// <summary>The self-signing key.</summary>
    SelfSigning = 2,

    /// <summary>The user-signing key, which only its own user sees.</summary>
    UserSigning = 3,
}

/// <summary>A cross-signing key.</summary>
/// <param name="PublicKey">The public key in unpadded base64: the name by which signatures on it are stored.</param>
/// <param name="Json">The key as uploaded.</param>
public sealed record CrossSigningKeyRow(
    string UserId, CrossSigningUsage Usage, string PublicKey, ReadOnlyMemory<byte> Json);

/// <summary>A signature that was uploaded on a key.</summary>
/// <param name="TargetUser">The owner of the signed key.</param>
/// <param name="TargetKey">A device id, or a cross-signing key's public key.</param>
/// <param name="SignerKey">The key that signed: `ed25519:…`.</param>
/// <param name="Signature">Unpadded base64.</param>
public sealed record KeySignatureRow(
    string TargetUser, string TargetKey, string Signer, string SignerKey, string Signature);

/// <summary>The keys that a device has left.</summary>
/// <param name="OneTime">The number of one-time keys by algorithm, without zeros.</param>
/// <param name="UnusedFallback">The algorithms of unused fallback keys.</param>
public sealed record KeyCounts(IReadOnlyDictionary<string, int> OneTime, IReadOnlyList<string> UnusedFallback);

/// <summary>
/// Puts a device's identity keys in place of earlier ones; if they differ, uploaded signatures on the earlier ones are
/// deleted. Skipped if the device was deleted meanwhile.
/// </summary>
/// <remarks>Other nodes do not get the keys.</remarks>
public sealed record DeviceKeysUploaded(string UserId, string DeviceId, ReadOnlyMemory<byte> Json) : Change
{
    internal override int Weight => 200 + Json.Length;
}

/// <summary>
/// Adds a one-time key. Not applied if the device has a key with this id and other content. Applied without effect if
/// it has the same key, if this very key was claimed before, or if there is no such device.
/// </summary>
/// <remarks>Other nodes do not get the key and its id.</remarks>
public sealed record OneTimeKeyUploaded(
    string UserId, string DeviceId, string Algorithm, string KeyId, ReadOnlyMemory<byte> Json)
    : ConditionalChange;

/// <summary>
/// Applies if the device has keys of at most this many algorithms; changes nothing. As a precondition it bounds the sum
/// of concurrent uploads.
/// </summary>
public sealed record KeyAlgorithmsAtMost(string UserId, string DeviceId, int Most) : ConditionalChange;

/// <summary>
/// Replaces the device's fallback key of this algorithm, and marks it as unused; the same key again keeps its mark.
/// Skipped if there is no such device.
/// </summary>
/// <remarks>Other nodes do not get the key and its id.</remarks>
public sealed record FallbackKeyUploaded(
    string UserId, string DeviceId, string Algorithm, string KeyId, ReadOnlyMemory<byte> Json)
    : Change
{
    /// <summary>Whether the key was claimed before: of an import only.</summary>
    public bool IsUsed { get; init; }
}

/// <summary>
/// Claims keys of devices. Each claim gets the device's oldest one-time key of the algorithm; if there is none, the
/// fallback key, which is marked as used. Applies if some claim got a key. The claims are of different devices or
/// algorithms.
/// </summary>
/// <remarks>Other nodes do not get the keys.</remarks>
public sealed record KeysClaimed(IReadOnlyList<ClaimOfKey> Claims) : ConditionalChange
{
    /// <summary>A single claim.</summary>
    public KeysClaimed(string userId, string deviceId, string algorithm)
        : this([new ClaimOfKey(userId, deviceId, algorithm)])
    {
    }

    internal override int Weight => 200 + (600 * Claims.Count);
}

/// <summary>A claim of one key, and the key once its batch is committed.</summary>
public sealed class ClaimOfKey(string userId, string deviceId, string algorithm)
{
    /// <summary>The owner of the device.</summary>
    public string UserId => userId;

    /// <summary>The device.</summary>
    public string DeviceId => deviceId;

    /// <summary>The algorithm.</summary>
    public string Algorithm => algorithm;

    /// <summary>The key's id, without the algorithm; null if the device has none.</summary>
    public string? KeyId { get; internal set; }

    /// <summary>The key as uploaded.</summary>
    public ReadOnlyMemory<byte> Json { get; internal set; }

    /// <summary>Whether it is the fallback key.</summary>
    public bool IsFallback { get; internal set; }
}

/// <summary>
/// Deletes the claimed one-time keys of a device but for those of the last <paramref name="Keep"/> places of each
/// algorithm. Deleted ones could be uploaded again. Each upload includes this change, so the number of claimed keys is
/// limited.
/// </summary>
public sealed record ClaimedKeysForgotten(string UserId, string DeviceId, int Keep) : Change;

/// <summary>
/// Puts a cross-signing key in place of the one of its usage; signatures on the earlier one are deleted.
/// </summary>
/// <remarks>Other nodes do not get the key.</remarks>
public sealed record CrossSigningKeyUploaded(
    string UserId, CrossSigningUsage Usage, string PublicKey, ReadOnlyMemory<byte> Json)
    : Change;

/// <summary>Deletes all cross-signing keys of a user whose account is erased, with the signatures on them.</summary>
public sealed record CrossSigningKeysDeleted(string UserId) : Change;

/// <summary>
/// Applies if the user's cross-signing key of this usage has this public key (null: if there is none); changes nothing.
/// As a precondition it makes sure that a decision is still valid when its result is written.
/// </summary>
public sealed record CrossSigningKeyIs(string UserId, CrossSigningUsage Usage, string? PublicKey) : ConditionalChange;

/// <summary>Stores a signature on a key.</summary>
/// <remarks>Other nodes get the two users only.</remarks>
public sealed record KeySignatureUploaded(
    string TargetUser, string TargetKey, string Signer, string SignerKey, string Signature)
    : Change;

/// <summary>
/// Applies if the user has made at most this many of the signatures that are stored; changes nothing.
/// </summary>
public sealed record KeySignaturesAtMost(string Signer, int Most) : ConditionalChange;

/// <summary>Deletes the signatures that a user made on keys, whose ever they are.</summary>
public sealed record KeySignaturesOfSignerDeleted(string Signer) : Change;

/// <summary>
/// A user's device list has changed: from the batch's position on, users who track it must query it again.
/// </summary>
/// <param name="OnlyFor">The only local user who sees the change: for a signature by their own user-signing
/// key.</param>
public sealed record DeviceListChanged(string UserId, string? OnlyFor = null) : Change;
