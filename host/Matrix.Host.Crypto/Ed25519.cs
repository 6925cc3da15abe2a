namespace Matrix.Host.Crypto;

/// <summary>An Ed25519 signing key pair. RFC 8032; Appendices, "Signing JSON".</summary>
public sealed class Ed25519Key
{
    private readonly byte[] _secret;
    private readonly byte[] _public;

    private Ed25519Key(byte[] secret, byte[] publicKey)
    {
        _secret = secret;
        _public = publicKey;
    }

    /// <summary>Bytes of a seed, the form in which key files store a key.</summary>
    public const int SeedSize = Native.SignSeedBytes;

    /// <summary>The public key, 32 bytes.</summary>
    public ReadOnlySpan<byte> PublicKey => _public;

    /// <summary>The key pair of a seed, always the same for the same seed.</summary>
    /// <exception cref="ArgumentException">The seed does not have 32 bytes.</exception>
    public static unsafe Ed25519Key FromSeed(ReadOnlySpan<byte> seed)
    {
        if (seed.Length != SeedSize) throw new ArgumentException("An Ed25519 seed must have 32 bytes.", nameof(seed));

        var publicKey = new byte[Native.SignPublicKeyBytes];
        var secret = new byte[Native.SignSecretKeyBytes];
        fixed (byte* p = publicKey, s = secret, from = seed)
        {
            _ = Native.crypto_sign_seed_keypair(p, s, from);
        }

        return new Ed25519Key(secret, publicKey);
    }

    /// <summary>A new random key pair.</summary>
    public static Ed25519Key Generate()
    {
        Span<byte> seed = stackalloc byte[SeedSize];
        SecretBytes.Fill(seed);
        var key = FromSeed(seed);
        SecretBytes.Wipe(seed);
        return key;
    }

    /// <summary>The seed, for a key file.</summary>
    public byte[] ExportSeed() => _secret[..SeedSize];

    /// <summary>The signature of a message, 64 bytes.</summary>
    public byte[] Sign(ReadOnlySpan<byte> message)
    {
        var signature = new byte[Ed25519.SignatureSize];
        Sign(message, signature);
        return signature;
    }

    /// <summary>Writes the signature of a message, 64 bytes, into a buffer.</summary>
    /// <exception cref="ArgumentException">The buffer has fewer than 64 bytes.</exception>
    public unsafe void Sign(ReadOnlySpan<byte> message, Span<byte> signature)
    {
        if (signature.Length < Ed25519.SignatureSize)
        {
            throw new ArgumentException("A signature needs 64 bytes.", nameof(signature));
        }

        fixed (byte* to = signature, from = message, key = _secret)
        {
            _ = Native.crypto_sign_detached(to, 0, from, (ulong)message.Length, key);
        }
    }
}

/// <summary>Verification of Ed25519 signatures.</summary>
public static class Ed25519
{
    /// <summary>Bytes of a signature.</summary>
    public const int SignatureSize = Native.SignatureBytes;

    /// <summary>Bytes of a public key.</summary>
    public const int PublicKeySize = Native.SignPublicKeyBytes;

    /// <summary>
    /// Whether the owner of the public key signed this message. False for keys and signatures of a wrong length.
    /// </summary>
    public static unsafe bool Verify(
        ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature)
    {
        if (publicKey.Length != PublicKeySize || signature.Length != SignatureSize) return false;

        fixed (byte* key = publicKey, from = message, sig = signature)
        {
            return Native.crypto_sign_verify_detached(sig, from, (ulong)message.Length, key) == 0;
        }
    }
}
