using NSec.Cryptography;

namespace Matrix.Host.Crypto;

/// <summary>
/// An Ed25519 signing key pair. RFC 8032; v1.19 appendices#signing-json. Its secret is in memory that is not swapped
/// out, and is wiped when the object is collected.
/// </summary>
public sealed class Ed25519Key
{
    private readonly Key _pair;
    private readonly byte[] _public;

    private Ed25519Key(Key pair)
    {
        _pair = pair;
        _public = pair.PublicKey.Export(KeyBlobFormat.RawPublicKey);
    }

    /// <summary>Bytes of a seed, the form in which key files store a key.</summary>
    public const int SeedSize = 32;

    /// <summary>The public key, 32 bytes.</summary>
    public ReadOnlySpan<byte> PublicKey => _public;

    /// <summary>The key pair of a seed, always the same for the same seed.</summary>
    /// <exception cref="ArgumentException">The seed does not have 32 bytes.</exception>
    public static Ed25519Key FromSeed(ReadOnlySpan<byte> seed)
    {
        if (seed.Length != SeedSize) throw new ArgumentException("An Ed25519 seed must have 32 bytes.", nameof(seed));

        return new Ed25519Key(Key.Import(
            SignatureAlgorithm.Ed25519,
            seed,
            KeyBlobFormat.RawPrivateKey,
            new KeyCreationParameters { ExportPolicy = KeyExportPolicies.AllowPlaintextExport }));
    }

    /// <summary>A new random key pair.</summary>
    public static Ed25519Key Generate() => new(Key.Create(
        SignatureAlgorithm.Ed25519,
        new KeyCreationParameters { ExportPolicy = KeyExportPolicies.AllowPlaintextExport }));

    /// <summary>The seed, for a key file.</summary>
    public byte[] ExportSeed() => _pair.Export(KeyBlobFormat.RawPrivateKey);

    /// <summary>The signature of a message, 64 bytes.</summary>
    public byte[] Sign(ReadOnlySpan<byte> message) => SignatureAlgorithm.Ed25519.Sign(_pair, message);

    /// <summary>Writes the signature of a message, 64 bytes, into a buffer.</summary>
    /// <exception cref="ArgumentException">The buffer has fewer than 64 bytes.</exception>
    public void Sign(ReadOnlySpan<byte> message, Span<byte> signature)
    {
        if (signature.Length < Ed25519.SignatureSize)
        {
            throw new ArgumentException("A signature needs 64 bytes.", nameof(signature));
        }

        SignatureAlgorithm.Ed25519.Sign(_pair, message, signature[..Ed25519.SignatureSize]);
    }
}

/// <summary>Verification of Ed25519 signatures.</summary>
public static class Ed25519
{
    /// <summary>Bytes of a signature.</summary>
    public const int SignatureSize = 64;

    /// <summary>Bytes of a public key.</summary>
    public const int PublicKeySize = 32;

    /// <summary>
    /// Whether the owner of the public key signed this message. False for keys and signatures of a wrong length.
    /// </summary>
    public static bool Verify(
        ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature) =>
        publicKey.Length == PublicKeySize
        && SignatureAlgorithm.Ed25519.Verify(Import(publicKey), message, signature);

    // A copy of the bytes. A key of small order is imported too, and verifies nothing.
    private static PublicKey Import(ReadOnlySpan<byte> bytes) =>
        PublicKey.Import(SignatureAlgorithm.Ed25519, bytes, KeyBlobFormat.RawPublicKey);
}
