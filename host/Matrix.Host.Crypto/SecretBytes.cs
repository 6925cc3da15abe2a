using System.Text;

namespace Matrix.Host.Crypto;

/// <summary>Random bytes and text, constant-time comparison, and wiping.</summary>
public static class SecretBytes
{
    /// <summary>Fills a buffer with random bytes.</summary>
    public static unsafe void Fill(Span<byte> bytes)
    {
        fixed (byte* to = bytes)
        {
            Native.randombytes_buf(to, (nuint)bytes.Length);
        }
    }

    /// <summary>Returns this many random bytes.</summary>
    public static byte[] Random(int count)
    {
        var bytes = new byte[count];
        Fill(bytes);
        return bytes;
    }

    /// <summary>Text of this many random bytes in URL-safe base64.</summary>
    public static string RandomText(int bytes)
    {
        Span<byte> random = stackalloc byte[64];
        random = random[..Math.Clamp(bytes, 1, 64)];
        Fill(random);
        return Base64Text.EncodeUrlSafe(random);
    }

    /// <summary>
    /// Random text of this many letters of an alphabet of at most 256 characters, each equally likely.
    /// </summary>
    public static string RandomText(int letters, ReadOnlySpan<char> alphabet)
    {
        var limit = 256 - (256 % alphabet.Length);
        var text = new char[letters];
        Span<byte> random = stackalloc byte[64];
        for (var i = 0; i < letters;)
        {
            Fill(random);
            foreach (var b in random)
            {
                if (b >= limit || i == letters) continue;
                text[i++] = alphabet[b % alphabet.Length];
            }
        }

        return new string(text);
    }

    /// <summary>Compares in a time that depends on the length only.</summary>
    public static unsafe bool AreEqual(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        if (left.Length != right.Length) return false;

        fixed (byte* a = left, b = right)
        {
            return Native.sodium_memcmp(a, b, (nuint)left.Length) == 0;
        }
    }

    /// <summary>Compares two texts in a time that depends on their lengths only.</summary>
    public static bool AreEqual(string left, string right) =>
        AreEqual(Encoding.UTF8.GetBytes(left), Encoding.UTF8.GetBytes(right));

    /// <summary>Overwrites a buffer with zeros; the compiler does not remove this.</summary>
    public static unsafe void Wipe(Span<byte> bytes)
    {
        fixed (byte* at = bytes)
        {
            Native.sodium_memzero(at, (nuint)bytes.Length);
        }
    }
}
