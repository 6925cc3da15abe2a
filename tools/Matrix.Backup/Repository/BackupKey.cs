using System.Security.Cryptography;
using System.Text;
using Matrix.Host.Storage;

namespace Matrix.Backup.Repository;

/// <summary>The key of an encrypted repository: one for its chunks, one for their names.</summary>
public sealed class BackupKey
{
    private readonly byte[] _chunks;
    private readonly byte[] _names;

    private BackupKey(byte[] secret)
    {
        _chunks = Derived(secret, "chunks");
        _names = Derived(secret, "names");
    }

    /// <summary>Reads the key of a file, which `mx backup` made.</summary>
    /// <exception cref="BackupException">It has none.</exception>
    public static BackupKey Read(string file)
    {
        try
        {
            var secret = new byte[SecretStream.KeyBytes];
            return Convert.TryFromBase64String(File.ReadAllText(file).Trim(), secret, out var length)
                && length == secret.Length
                ? new BackupKey(secret)
                : throw new BackupException($"{file}: expected a key of a backup, {secret.Length} bytes in Base64.");
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new BackupException($"{file}: {fault.Message}", fault);
        }
    }

    /// <summary>Writes a new key, that only its owner may read. The file must not exist.</summary>
    /// <exception cref="BackupException">It cannot be written.</exception>
    public static void Create(string file)
    {
        try
        {
            using (var to = OwnFiles.Open(file, FileMode.CreateNew))
            {
                var secret = RandomNumberGenerator.GetBytes(SecretStream.KeyBytes);
                to.Write(Encoding.ASCII.GetBytes(Convert.ToBase64String(secret) + "\n"));
            }

            Durable.Sync(file);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new BackupException($"{file}: {fault.Message}", fault);
        }
    }

    internal byte[] Seal(ReadOnlySpan<byte> plain) => SecretStream.Seal(_chunks, plain);

    internal byte[]? Open(ReadOnlySpan<byte> ciphered) => SecretStream.Open(_chunks, ciphered);

    /// <summary>The name of a chunk. Without the key it tells nothing of what is in it.</summary>
    internal byte[] NameOf(ReadOnlySpan<byte> plain) => HMACSHA256.HashData(_names, plain);

    private static byte[] Derived(byte[] secret, string purpose) => HKDF.DeriveKey(
        HashAlgorithmName.SHA256, secret, SecretStream.KeyBytes,
        info: Encoding.ASCII.GetBytes("matrix backup " + purpose));
}
