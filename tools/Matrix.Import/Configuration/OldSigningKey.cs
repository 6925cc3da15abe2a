using System.Globalization;
using Matrix.Import.Configuration.Reading;

namespace Matrix.Import.Configuration;

/// <summary>A former signing key: `old_signing_keys`.</summary>
/// <param name="KeyId">Its id, such as `ed25519:a_old`.</param>
/// <param name="PublicKey">The public key, as unpadded Base64.</param>
/// <param name="ExpiredAt">When it ended.</param>
public sealed record OldSigningKey(string KeyId, string PublicKey, DateTimeOffset ExpiredAt)
{
    private const string Setting = "old_signing_keys";

    internal static IReadOnlyList<OldSigningKey> Read(SettingMap root)
    {
        var keys = new List<OldSigningKey>();
        var old = root.Map(Setting);
        foreach (var id in old.Members.Keys)
        {
            var key = old.Map(id);
            if (key is { } && key.Text("key") is { Length: > 0 } text && key.Whole("expired_ts") is { } expired
                && id.StartsWith("ed25519:", StringComparison.Ordinal)
                && expired >= 0 && expired <= DateTimeOffset.MaxValue.ToUnixTimeMilliseconds())
            {
                keys.Add(new OldSigningKey(id, text, DateTimeOffset.FromUnixTimeMilliseconds(expired)));
            }
            else
            {
                var at = id.Length > 80 ? string.Create(CultureInfo.InvariantCulture, $"key {keys.Count + 1}") : id;
                old.Refuse(
                    ConfigProblemKind.WrongValue, at, "expected an Ed25519 key with `key` and `expired_ts` in ms");
            }
        }

        return keys;
    }
}
