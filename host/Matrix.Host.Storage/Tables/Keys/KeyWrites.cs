using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Storage.Tables.Keys;

/// <summary>
/// A device's identity keys are put, in place of earlier ones; if they differ from those, signatures that were uploaded on those go. Dropped
/// silently if there is no such device (it was deleted meanwhile).
/// </summary>
public sealed record PutDeviceKeys(string UserId, string DeviceId, ReadOnlyMemory<byte> Json) : WriteOperation
{
    internal override int Weight => 200 + Json.Length;
}

/// <summary>
/// A one-time key is added. Not applied if the device has a key of that id with other content; the same again is applied. Dropped silently if
/// there is no such device, or if this very key was given away before.
/// </summary>
public sealed record PutOneTimeKey(string UserId, string DeviceId, string Algorithm, string KeyId, ReadOnlyMemory<byte> Json)
    : ConditionalOperation;

/// <summary>
/// Nothing is written: applied if the device has keys of at most that many algorithms. As a precondition it keeps
/// uploads at once within what they may have together.
/// </summary>
public sealed record KeyAlgorithmsAtMost(string UserId, string DeviceId, int Most) : ConditionalOperation;

/// <summary>
/// A fallback key is put in place of the one of that algorithm, unused; the same key again stays used if it was. Dropped silently if there is no
/// such device.
/// </summary>
public sealed record PutFallbackKey(string UserId, string DeviceId, string Algorithm, string KeyId, ReadOnlyMemory<byte> Json)
    : WriteOperation;

/// <summary>
/// A device's oldest one-time key of an algorithm is given away, once; if there is none, the fallback key, which counts as used from then on.
/// Not applied if there is neither.
/// </summary>
public sealed record ClaimKey(string UserId, string DeviceId, string Algorithm) : ConditionalOperation
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
public sealed record ForgetClaimedKeys(string UserId, string DeviceId, int Keep) : WriteOperation;

/// <summary>A cross-signing key is put in place of the one of that usage; signatures on the one before go.</summary>
public sealed record PutCrossSigningKey(string UserId, CrossSigningUsage Usage, string PublicKey, ReadOnlyMemory<byte> Json)
    : WriteOperation;

/// <summary>All cross-signing keys of a user go, with the signatures on them: the account is erased.</summary>
public sealed record DeleteCrossSigningKeys(string UserId) : WriteOperation;

/// <summary>
/// Nothing is written: applied if the user's cross-signing key of that usage has that public key (null: if there is none). As a precondition it
/// makes sure that a decision still stands when its consequence is written.
/// </summary>
public sealed record CrossSigningKeyIs(string UserId, CrossSigningUsage Usage, string? PublicKey) : ConditionalOperation;

/// <summary>A signature on a key is put.</summary>
public sealed record PutKeySignature(string TargetUser, string TargetKey, string Signer, string SignerKey, string Signature)
    : WriteOperation;

/// <summary>From the position of the set on, whoever tracks the user's devices must ask again.</summary>
/// <param name="UserId">Whose devices or keys changed.</param>
/// <param name="OnlyFor">The one local user who sees the change, if nobody else does: a signature of their user-signing key.</param>
public sealed record LogDeviceListChange(string UserId, string? OnlyFor = null) : WriteOperation;
