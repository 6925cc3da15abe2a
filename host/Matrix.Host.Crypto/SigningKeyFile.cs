using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Matrix.Host.Crypto;

/// <summary>A server's signing key with its version. v1.19 server-server-api#publishing-keys</summary>
/// <param name="Version">The part of the key id after the colon, such as `a_1x2y`.</param>
public sealed record SigningKey(string Version, Ed25519Key Key)
{
    /// <summary>The key's id, such as `ed25519:a_1x2y`.</summary>
    public string Id => "ed25519:" + Version;

    /// <summary>The public key in unpadded base64.</summary>
    public string PublicKeyText => Base64Text.Encode(Key.PublicKey);
}

/// <summary>
/// Reads and writes the file of the signing keys. The first line is the key in use, `ed25519 VERSION SEED` as in other
/// Matrix servers. Each further line is a former key, `ed25519 VERSION PUBLIC_KEY former EXPIRED_TS`.
/// </summary>
/// <remarks>
/// A rotation leaves EXPIRED_TS out. The server adds it when it takes the new key: it signs with the former one until
/// then, and others do not accept events from after that time.
/// </remarks>
public static class SigningKeyFile
{
    private const string Letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    private static readonly SearchValues<char> _versionLetters = SearchValues.Create(Letters + "0123456789_");

    /// <summary>
    /// Reads the keys. If the file does not exist, creates it with a new key, readable by its owner only.
    /// </summary>
    /// <exception cref="InvalidDataException">The file is not of the expected form.</exception>
    public static SigningKeys LoadOrCreate(string path) => File.Exists(path) ? Read(path) : Create(path);

    /// <summary>Reads the keys.</summary>
    /// <exception cref="InvalidDataException">The file is not of the expected form.</exception>
    public static SigningKeys Read(string path)
    {
        SigningKey? key = null;
        var former = new List<FormerKey>();
        foreach (var line in File.ReadLines(path).Where(static line => !IsComment(line)))
        {
            if (key is null)
            {
                if (!TryParse(line, out key)) throw new InvalidDataException($"{path}: expected {Expected}.");
            }
            else
            {
                former.Add(FormerOf(line) ?? throw new InvalidDataException($"{path}: expected {ExpectedFormer}."));
            }
        }

        if (key is null) throw new InvalidDataException($"{path}: expected {Expected}.");
        return former.Select(static each => each.Version).Append(key.Version).Distinct().Count() > former.Count
            ? new SigningKeys(key, former)
            : throw new InvalidDataException($"{path}: two keys have the same version.");
    }

    /// <summary>The expected first line of the file, for error messages.</summary>
    public const string Expected =
        "one line `ed25519 VERSION SEED` (a version of letters, digits and _; 32 bytes in base64)";

    private const string ExpectedFormer =
        "`ed25519 VERSION PUBLIC_KEY former EXPIRED_TS` in each line after the first (milliseconds since the epoch)";

    /// <summary>A key's line in the file, with its line end.</summary>
    public static string LineOf(SigningKey key) => $"ed25519 {key.Version} {Base64Text.Encode(key.Key.ExportSeed())}\n";

    /// <summary>Parses the line of the key in use.</summary>
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
    public static SigningKey Generate() =>
        new("a_" + RandomNumberGenerator.GetString(Letters, 4), Ed25519Key.Generate());

    /// <summary>
    /// Puts a new key into the place of the one in use, which becomes a former one. A server takes it when it reads the
    /// file, which keeps its owner and mode.
    /// </summary>
    /// <exception cref="InvalidDataException">
    /// The file is not of the expected form, or has a key of this version.
    /// </exception>
    /// <exception cref="UnauthorizedAccessException">The file could not keep its owner; it is unchanged.</exception>
    public static SigningKeys Rotate(string path, SigningKey next)
    {
        using var held = LockOf(path);
        var before = Read(path);
        if (before.HasVersion(next.Version))
        {
            throw new InvalidDataException(
                $"{path}: there is a key with the version {next.Version} already; nothing was changed");
        }

        var keys = before.RotatedTo(next);
        Overwrite(path, keys, mustKeepOwner: true);
        return keys;
    }

    /// <summary>Creates the file of a key, readable by its owner only.</summary>
    /// <exception cref="IOException">There is a file already.</exception>
    public static void Write(string path, SigningKey key)
    {
        using var held = LockOf(path);
        WriteAside(path, LineOf(key), static _ => { });
        File.Move(AsideOf(path), path, overwrite: false);
    }

    /// <summary>
    /// Writes the keys into the place of those of an existing file, whose comments stay. A file that was rotated
    /// meanwhile is left as it is.
    /// </summary>
    public static void Replace(string path, SigningKeys keys)
    {
        using var held = LockOf(path);
        if (Read(path).InUse.Id == keys.InUse.Id) Overwrite(path, keys, mustKeepOwner: false);
    }

    private static SigningKeys Create(string path)
    {
        var key = Generate();
        Write(path, key);
        return new SigningKeys(key, []);
    }

    /// <summary>Two writers read, change and write the file in turn.</summary>
    private static IDisposable LockOf(string path) =>
        SystemFiles.Lock(Path.GetDirectoryName(Path.GetFullPath(path))!);

    private static void Overwrite(string path, SigningKeys keys, bool mustKeepOwner)
    {
        var text = new StringBuilder();
        foreach (var comment in File.ReadLines(path).Where(IsComment)) text.Append(comment).Append('\n');
        text.Append(LineOf(keys.InUse));
        foreach (var former in keys.Former) text.Append(LineOf(former));

        var (owner, mode) = (SystemFiles.OwnerOf(path), File.GetUnixFileMode(path));
        WriteAside(path, text.ToString(), aside =>
        {
            if (SystemFiles.TryGive(aside, owner))
            {
                File.SetUnixFileMode(aside, mode);
            }
            else if (mustKeepOwner)
            {
                throw new UnauthorizedAccessException(
                    $"it belongs to the user {owner.User} and the group {owner.Group}, and a new file would not; "
                    + "run this as that user, or as root");
            }
        });
        File.Move(AsideOf(path), path, overwrite: true);
    }

    /// <summary>
    /// Written under another name first: a crash must not leave a partial key, which would be a new identity.
    /// </summary>
    private static void WriteAside(string path, string text, Action<string> prepare)
    {
        var aside = AsideOf(path);
        File.Delete(aside);
        try
        {
            using var file = new FileStream(aside, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            });
            prepare(aside);
            file.Write(Encoding.UTF8.GetBytes(text));
            file.Flush(flushToDisk: true);
        }
        catch
        {
            File.Delete(aside);
            throw;
        }
    }

    private static string AsideOf(string path) => path + ".new";

    private static bool IsComment(string line) => line.Length == 0 || line[0] == '#';

    private static string LineOf(FormerKey key)
    {
        var end = key.ExpiredAt is { } expired ? string.Create(CultureInfo.InvariantCulture, $" {expired}") : "";
        return $"ed25519 {key.Version} {Base64Text.Encode(key.PublicKey.Span)} former{end}\n";
    }

    private static FormerKey? FormerOf(string line)
    {
        var parts = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (parts is not ["ed25519", var version, var text, "former", .. var end]
            || !IsVersion(version)
            || !Base64Text.TryDecode(text, out var publicKey)
            || publicKey.Length != Ed25519.PublicKeySize)
        {
            return null;
        }

        return end switch
        {
            [] => new FormerKey(version, publicKey, null),
            [var ts] when long.TryParse(ts, NumberStyles.None, CultureInfo.InvariantCulture, out var expired) =>
                new FormerKey(version, publicKey, expired),
            _ => null,
        };
    }
}
