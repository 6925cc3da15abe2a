using System.Security.Cryptography;
using System.Text;
using Matrix.Host.Crypto;
using Matrix.Host.Parts;
using Matrix.Host.Storage.Ownership.Joining;

namespace Matrix.Host.Configuration;

/// <summary>The settings of this node as other nodes of its server compare them: digests of what is not default.
/// </summary>
internal static class ComparedSettings
{
    private const int DigestBytes = 12;

    /// <summary>The digests. Those of secrets have a key that is not in the database, so that none can be guessed.
    /// </summary>
    internal static SettingDigests Of(HomeserverConfig config, SigningKeys keys)
    {
        var seed = keys.InUse.Key.ExportSeed();
        try
        {
            var secret = HMACSHA256.HashData(seed, "settings of nodes"u8);
            return new SettingDigests(
                [keys.InUse.PublicKeyText, .. keys.Former.Select(static one => Base64Text.Encode(one.PublicKey.Span))],
                Settings.All
                    .Where(static setting => setting.Scope is SettingScope.Server or SettingScope.Required)
                    .Select(setting => (Setting: setting, Value: setting.ComparedIn(config)))
                    .Where(static one => one.Value is not null)
                    .Select(one => new SettingDigest(
                        one.Setting.Name,
                        DigestOf(one.Setting, one.Value!, secret),
                        one.Setting.Scope == SettingScope.Required,
                        one.Setting.IsSecret)));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(seed);
        }
    }

    private static string DigestOf(Setting setting, string value, byte[] secret)
    {
        var text = Encoding.UTF8.GetBytes(value);
        var digest = setting.IsSecret ? HMACSHA256.HashData(secret, text) : SHA256.HashData(text);
        return Convert.ToHexStringLower(digest.AsSpan(0, DigestBytes));
    }
}
