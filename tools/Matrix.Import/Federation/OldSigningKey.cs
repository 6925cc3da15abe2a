namespace Matrix.Import.Federation;

/// <summary>An entry of `old_signing_keys` in Synapse's configuration.</summary>
/// <param name="KeyId">The id, such as `ed25519:a_1x2y`.</param>
/// <param name="PublicKey">The public key in base64.</param>
/// <param name="ExpiredAt">`expired_ts`, in milliseconds since the epoch.</param>
internal sealed record OldSigningKey(string KeyId, string PublicKey, long ExpiredAt);
