namespace Matrix.Host.Crypto;

/// <summary>A key that signed once. Of its secret part nothing is kept.</summary>
/// <param name="Version">The part of the key id after the colon.</param>
/// <param name="PublicKey">32 bytes.</param>
/// <param name="ExpiredAt">
/// When the server stopped using it, in milliseconds since the epoch; null while the server has not taken the next key.
/// </param>
public sealed record FormerKey(string Version, ReadOnlyMemory<byte> PublicKey, long? ExpiredAt)
{
    /// <summary>The key's id, such as `ed25519:a_1x2y`.</summary>
    public string Id => "ed25519:" + Version;
}

/// <summary>A server's signing key and those before it, the latest first.</summary>
public sealed record SigningKeys(SigningKey InUse, IReadOnlyList<FormerKey> Former)
{
    /// <summary>Whether a key has this version, which a new one must not have.</summary>
    public bool HasVersion(string version) =>
        InUse.Version == version || Former.Any(former => former.Version == version);

    /// <summary>The public key of an id; null for another's.</summary>
    public ReadOnlyMemory<byte>? PublicKeyOf(string keyId)
    {
        if (InUse.Id == keyId) return InUse.Key.PublicKey.ToArray();
        foreach (var former in Former)
        {
            if (former.Id == keyId) return former.PublicKey;
        }

        return null;
    }

    /// <summary>Whether the end of a former key is not known yet.</summary>
    public bool HasOpenEnd => Former.Any(static former => former.ExpiredAt is null);

    /// <summary>The same keys; those former ones whose end is not known have ended now.</summary>
    public SigningKeys EndedAt(long now) =>
        this with { Former = [.. Former.Select(former => former with { ExpiredAt = former.ExpiredAt ?? now })] };

    /// <summary>The keys after a rotation.</summary>
    public SigningKeys RotatedTo(SigningKey next) =>
        new SigningKeys(next, [new FormerKey(InUse.Version, InUse.Key.PublicKey.ToArray(), null), .. Former]);
}

/// <summary>This server's signing keys, which may be replaced while it runs.</summary>
public sealed class SigningKeyRing(SigningKeys keys)
{
    private volatile SigningKeys _keys = keys;

    /// <summary>The keys now. Read once for the id and the signature, which must be of the same key.</summary>
    public SigningKeys Keys => _keys;

    /// <summary>The key that signs now.</summary>
    public SigningKey InUse => _keys.InUse;

    /// <summary>Replaces the keys.</summary>
    public void Replace(SigningKeys keys) => _keys = keys;

    /// <summary>A ring with one key.</summary>
    public static SigningKeyRing Of(SigningKey key) => new(new SigningKeys(key, []));
}
