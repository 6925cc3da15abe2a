using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;

namespace Matrix.Host.Crypto;

/// <summary>Unpadded base64 in both alphabets. Appendices, "Unpadded Base64".</summary>
public static class Base64Text
{
    /// <summary>Encodes with `+` and `/`, without padding.</summary>
    public static string Encode(ReadOnlySpan<byte> bytes) => Convert.ToBase64String(bytes).TrimEnd('=');

    /// <summary>Encodes with `-` and `_`, without padding.</summary>
    public static string EncodeUrlSafe(ReadOnlySpan<byte> bytes) => Base64Url.EncodeToString(bytes);

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

    /// <summary>Decodes the URL-safe alphabet, without padding.</summary>
    public static bool TryDecodeUrlSafe(string text, [NotNullWhen(true)] out byte[]? bytes)
    {
        bytes = null;
        if (!Base64Url.IsValid(text) || text.AsSpan().ContainsAny("= \t\r\n")) return false;
        bytes = Base64Url.DecodeFromChars(text);
        return true;
    }
}
