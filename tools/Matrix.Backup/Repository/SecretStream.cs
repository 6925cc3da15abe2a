using System.Runtime.InteropServices;

namespace Matrix.Backup.Repository;

/// <summary>
/// One message in the form of libsodium's `crypto_secretstream_xchacha20poly1305`: a header, then the message with the
/// final tag.
/// </summary>
internal static unsafe partial class SecretStream
{
    /// <summary>Bytes of a key.</summary>
    public const int KeyBytes = 32;

    private const int HeaderBytes = 24;
    private const int AddedBytes = 17;
    private const byte Final = 3;
    private const int StateBytes = 52;

    static SecretStream()
    {
        if (Init() < 0) throw new InvalidOperationException("libsodium cannot be started.");
    }

    /// <summary>Encrypts and authenticates.</summary>
    public static byte[] Seal(ReadOnlySpan<byte> key, ReadOnlySpan<byte> plain)
    {
        var ciphered = new byte[HeaderBytes + plain.Length + AddedBytes];
        var state = stackalloc byte[StateBytes];
        fixed (byte* k = key, from = plain, to = ciphered)
        {
            if (InitPush(state, to, k) != 0
                || Push(state, to + HeaderBytes, null, from, (ulong)plain.Length, null, 0, Final) != 0)
            {
                throw new InvalidOperationException("libsodium did not encrypt.");
            }
        }

        return ciphered;
    }

    /// <summary>Decrypts; null if it is not what was sealed with this key.</summary>
    public static byte[]? Open(ReadOnlySpan<byte> key, ReadOnlySpan<byte> ciphered)
    {
        var length = ciphered.Length - HeaderBytes - AddedBytes;
        if (length < 0) return null;
        var plain = new byte[length];
        var state = stackalloc byte[StateBytes];
        byte tag;
        fixed (byte* k = key, from = ciphered, to = plain)
        {
            return InitPull(state, from, k) == 0
                && Pull(state, to, null, &tag, from + HeaderBytes, (ulong)(length + AddedBytes), null, 0) == 0
                && tag == Final
                ? plain
                : null;
        }
    }

    [LibraryImport("libsodium", EntryPoint = "sodium_init")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.AssemblyDirectory | DllImportSearchPath.SafeDirectories)]
    private static partial int Init();

    [LibraryImport("libsodium", EntryPoint = "crypto_secretstream_xchacha20poly1305_init_push")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.AssemblyDirectory | DllImportSearchPath.SafeDirectories)]
    private static partial int InitPush(byte* state, byte* header, byte* key);

    [LibraryImport("libsodium", EntryPoint = "crypto_secretstream_xchacha20poly1305_push")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.AssemblyDirectory | DllImportSearchPath.SafeDirectories)]
    private static partial int Push(
        byte* state, byte* to, ulong* length, byte* from, ulong fromLength, byte* added, ulong addedLength, byte tag);

    [LibraryImport("libsodium", EntryPoint = "crypto_secretstream_xchacha20poly1305_init_pull")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.AssemblyDirectory | DllImportSearchPath.SafeDirectories)]
    private static partial int InitPull(byte* state, byte* header, byte* key);

    [LibraryImport("libsodium", EntryPoint = "crypto_secretstream_xchacha20poly1305_pull")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.AssemblyDirectory | DllImportSearchPath.SafeDirectories)]
    private static partial int Pull(
        byte* state, byte* to, ulong* length, byte* tag, byte* from, ulong fromLength, byte* added, ulong addedLength);
}
