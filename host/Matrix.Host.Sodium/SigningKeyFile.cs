using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Matrix.Host.Sodium;

/// <summary>A server's signing key with its version. Server-Server API, "Publishing Keys".</summary>
/// <param name="Version">The part of the key id after the colon, such as `a_1x2y`.</param>
public sealed record SigningKey(string Version, Ed25519Key Key)
{
    /// <summary>The key's id, such as `ed25519:a_1x2y`.</summary>
    public string Id => "ed25519:" + Version;

    /// <summary>The public key in unpadded base64.</summary>
    public string PublicKeyText => Base64Text.Encode(Key.PublicKey);
}

/// <summary>
/// Reads and creates the file of the signing key. It has one line `ed25519 VERSION SEED`, as in other Matrix servers.
/// </summary>
public static class SigningKeyFile
{
    private const string Letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    private static readonly SearchValues<char> _versionLetters = SearchValues.Create(Letters + "0123456789_");

    /// <summary>
    /// Reads the key. If the file does not exist, creates it with a new key, readable by its owner only.
    /// </summary>
    /// <exception cref="InvalidDataException">The file holds no key of the expected form.</exception>
    public static SigningKey LoadOrCreate(string path) => File.Exists(path) ? Read(path) : Create(path);

    /// <summary>Reads the key.</summary>
    /// <exception cref="InvalidDataException">The file holds no key of the expected form.</exception>
    public static SigningKey Read(string path) =>
        TryParse(File.ReadLines(path).FirstOrDefault(l => l.Length > 0 && l[0] != '#') ?? "", out var key)
            ? key
            : throw new InvalidDataException($"{path}: expected {Expected}.");

    /// <summary>The expected contents of the file, for error messages.</summary>
    public const string Expected =
        "one line `ed25519 VERSION SEED` (a version of letters, digits and _; 32 bytes in base64)";

    /// <summary>A key's line in the file, with its line end.</summary>
    public static string LineOf(SigningKey key) => $"ed25519 {key.Version} {Base64Text.Encode(key.Key.ExportSeed())}\n";

    /// <summary>Parses the line of a key.</summary>
    public static bool TryParse(string line, [NotNullWhen(true)] out SigningKey? key)
    {
        key = line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is ["ed25519", var version, var text]
            && IsVersion(version)
            && Base64Text.TryDecode(text, out var seed)
            && seed.Length == Ed25519Key.SeedSize
                ? new SigningKey(version, Ed25519Key.FromSeed(seed))
                : null;
        return key is not null;
    }

    /// <summary>Whether this is a valid version of a key.</summary>
    public static bool IsVersion(string version) =>
        version.Length > 0 && !version.AsSpan().ContainsAnyExcept(_versionLetters);

    /// <summary>A new key with a random version, which hardly repeats.</summary>
    public static SigningKey Generate() => new("a_" + SecretBytes.RandomText(4, Letters), Ed25519Key.Generate());

    private static SigningKey Create(string path)
    {
        var key = Generate();
        Write(path, key);
        return key;
    }

    /// <summary>Creates the file of a key, readable by its owner only.</summary>
    /// <exception cref="IOException">There is a file already.</exception>
    public static void Write(string path, SigningKey key)
    {
        // Written under another name first: a crash must not leave a partial key, which would be a new identity.
        var aside = path + ".new";
        File.Delete(aside);
        using (var file = new FileStream(aside, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        }))
        {
            file.Write(Encoding.ASCII.GetBytes(LineOf(key)));
            file.Flush(flushToDisk: true);
        }

        File.Move(aside, path, overwrite: false);
    }
}
