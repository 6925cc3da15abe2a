using System.Runtime.InteropServices;

namespace Matrix.Host.Crypto;

/// <summary>
/// Bindings to the functions of the system's libsodium that this server calls. Version 1.0.18 (ABI 23) has all of them.
/// </summary>
internal static partial class Native
{
    private const string Library = "libsodium.so.23";

    internal const int SignSeedBytes = 32;
    internal const int SignPublicKeyBytes = 32;
    internal const int SignSecretKeyBytes = 64;
    internal const int SignatureBytes = 64;
    internal const int PasswordStringBytes = 128;
    internal const int Argon2Id13 = 2;

    static Native()
    {
        // Safe to call repeatedly and from several threads. A negative result means that there is no source of
        // randomness.
        if (sodium_init() < 0) throw new InvalidOperationException("libsodium could not be initialised.");
    }

    [LibraryImport(Library)]
    private static partial int sodium_init();

    [LibraryImport(Library)]
    internal static unsafe partial void randombytes_buf(byte* buffer, nuint size);

    [LibraryImport(Library)]
    internal static unsafe partial int sodium_memcmp(byte* left, byte* right, nuint length);

    [LibraryImport(Library)]
    internal static unsafe partial void sodium_memzero(byte* buffer, nuint length);

    [LibraryImport(Library)]
    internal static unsafe partial int crypto_sign_seed_keypair(byte* publicKey, byte* secretKey, byte* seed);

    [LibraryImport(Library)]
    internal static unsafe partial int crypto_sign_detached(
        byte* signature, nint signatureLength, byte* message, ulong messageLength, byte* secretKey);

    [LibraryImport(Library)]
    internal static unsafe partial int crypto_sign_verify_detached(
        byte* signature, byte* message, ulong messageLength, byte* publicKey);

    [LibraryImport(Library)]
    internal static unsafe partial int crypto_pwhash_str_alg(
        byte* output, byte* password, ulong passwordLength, ulong operations, nuint memory, int algorithm);

    [LibraryImport(Library)]
    internal static unsafe partial int crypto_pwhash_str_verify(byte* hash, byte* password, ulong passwordLength);

    [LibraryImport(Library)]
    internal static unsafe partial int crypto_pwhash_str_needs_rehash(byte* hash, ulong operations, nuint memory);
}
