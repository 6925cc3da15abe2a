namespace Matrix.Host.Storage.Tables.Keys;

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
