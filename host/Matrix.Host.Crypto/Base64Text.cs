using System.Diagnostics.CodeAnalysis;

namespace Matrix.Host.Crypto;

/// <summary>Unpadded base64 in the standard alphabet. v1.19 appendices#unpadded-base64</summary>
public static class Base64Text
{
    /// <summary>Encodes with `+` and `/`, without padding.</summary>
    public static string Encode(ReadOnlySpan<byte> bytes) => Convert.ToBase64String(bytes).TrimEnd('=');

    /// <summary>Decodes the standard alphabet, with or without padding.</summary>
    public static bool TryDecode(string text, [NotNullWhen(true)] out byte[]? bytes)
    {
        var bare = text.AsSpan().TrimEnd('=');
        var padded = string.Concat(bare, (bare.Length % 4) switch { 2 => "==", 3 => "=", _ => "" });
        bytes = new byte[(padded.Length / 4 * 3) + 3];
        if (bare.ContainsAny(" \t\r\n") || !Convert.TryFromBase64String(padded, bytes, out var written))
        {
            bytes = null;
            return false;
        }

        Array.Resize(ref bytes, written);
        return true;
    }
}
