using System.Buffers;
using System.Text;

namespace Matrix.Host.Sodium;

/// <summary>A server's signing key with its version. Server-Server API, "Publishing Keys".</summary>
/// <param name="Version">The part after the colon of the key's id, such as `a_1x2y`.</param>
/// <param name="Key">The key pair.</param>
public sealed record SigningKey(string Version, Ed25519Key Key)
{
    /// <summary>The key's id, such as `ed25519:a_1x2y`.</summary>
    public string Id => "ed25519:" + Version;

    /// <summary>The public key in unpadded base64.</summary>
    public string PublicKeyText => Base64Text.Encode(Key.PublicKey);
}

/// <summary>Reads and creates the file of the signing key: one line `ed25519 VERSION SEED`, as the ecosystem's tools write it.</summary>
public static class SigningKeyFile
{
    private const string Letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    private static readonly SearchValues<char> _versionLetters = SearchValues.Create(Letters + "0123456789_");

    /// <summary>Reads the key; creates the file, readable by its owner only, if there is none.</summary>
    /// <exception cref="InvalidDataException">The file holds no key of the expected form.</exception>
    public static SigningKey LoadOrCreate(string path) => File.Exists(path) ? Read(path) : Create(path);

    private static SigningKey Read(string path)
    {
        var line = File.ReadLines(path).FirstOrDefault(l => l.Length > 0 && l[0] != '#') ?? "";
        if (line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is not ["ed25519", var version, var text]
            || version.AsSpan().ContainsAnyExcept(_versionLetters)
            || !Base64Text.TryDecode(text, out var seed)
            || seed.Length != Ed25519Key.SeedSize)
        {
            throw new InvalidDataException($"{path}: expected one line `ed25519 VERSION SEED` (a version of letters, digits and _; 32 bytes in base64).");
        }

        return new SigningKey(version, Ed25519Key.FromSeed(seed));
    }

    private static SigningKey Create(string path)
    {
        var key = new SigningKey("a_" + SecretBytes.RandomText(4, Letters), Ed25519Key.Generate());
        var line = $"ed25519 {key.Version} {Base64Text.Encode(key.Key.ExportSeed())}\n";

        // Written aside and renamed: a crash leaves no half-written key, which would be a new identity.
        var aside = path + ".new";
        File.Delete(aside);
        using (var file = new FileStream(aside, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        }))
        {
            file.Write(Encoding.ASCII.GetBytes(line));
            file.Flush(flushToDisk: true);
        }

        File.Move(aside, path, overwrite: false);
        return key;
    }
}
