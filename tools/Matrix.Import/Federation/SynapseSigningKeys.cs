using Matrix.Host.Crypto;
using Matrix.Import.Configuration;
using Matrix.Import.Runs;

namespace Matrix.Import.Federation;

/// <summary>
/// Synapse's signing keys as those of this server, with the same ids: to other servers it stays the same server. Each
/// line of Synapse's file is `ed25519 VERSION SEED`; Synapse signs with the first. Other lines are keys that it used
/// before and published still; here they are former ones.
/// </summary>
internal static class SynapseSigningKeys
{
    private const string Algorithm = "ed25519";

    /// <summary>Reads the keys.</summary>
    /// <param name="text">The text of the file that `signing_key_path` names, or of `signing_key`.</param>
    /// <param name="old">The entries of `old_signing_keys`.</param>
    /// <param name="now">When the keys of further lines end, in milliseconds since the epoch.</param>
    /// <exception cref="ImportException">A key cannot be read; the message names which, and no secret.</exception>
    public static SigningKeys Read(string text, IReadOnlyList<OldSigningKey> old, long now)
    {
        SigningKey? inUse = null;
        var former = new List<FormerKey>();
        foreach (var (at, line) in text.ReplaceLineEndings("\n").Split('\n').Index())
        {
            if (line.Trim().Length == 0) continue;
            if (!SigningKeyFile.TryParse(line.Trim(), out var key))
            {
                throw new ImportException(
                    $"Line {at + 1} of Synapse's signing key is not `ed25519 VERSION SEED`, with a version of letters, "
                    + "digits and _, and 32 bytes in base64.");
            }

            if (inUse is null) inUse = key;
            else Add(new FormerKey(key.Version, key.Key.PublicKey.ToArray(), now));
        }

        if (inUse is null) throw new ImportException("Synapse's signing key file has no key.");
        foreach (var key in old) Add(Former(key));
        return new SigningKeys(inUse, former);

        // A key that is listed twice counts as it is listed first.
        void Add(FormerKey key)
        {
            if (key.Version != inUse.Version && former.TrueForAll(each => each.Version != key.Version)) former.Add(key);
        }
    }

    /// <summary>Writes the keys into the file of this server's.</summary>
    /// <exception cref="ImportException">The file has another key already.</exception>
    public static void Write(string path, SigningKeys keys)
    {
        if (!File.Exists(path)) SigningKeyFile.Write(path, keys.InUse);
        var there = SigningKeyFile.Read(path).InUse;
        if (there.Id != keys.InUse.Id || there.PublicKeyText != keys.InUse.PublicKeyText)
        {
            throw new ImportException(
                $"{path} has another signing key, {there.Id}. Remove it if this server never used it.");
        }

        SigningKeyFile.Replace(path, keys);
    }

    private static FormerKey Former(OldSigningKey key)
    {
        var version = key.KeyId.StartsWith(Algorithm + ":", StringComparison.Ordinal)
            ? key.KeyId[(Algorithm.Length + 1)..]
            : "";
        return SigningKeyFile.IsVersion(version)
            && Base64Text.TryDecode(key.PublicKey, out var publicKey)
            && publicKey.Length == Ed25519.PublicKeySize
                ? new FormerKey(version, publicKey, key.ExpiredAt.ToUnixTimeMilliseconds())
                : throw new ImportException(
                    $"The key {key.KeyId} in old_signing_keys is not `ed25519:VERSION` with a public key in base64.");
    }
}
