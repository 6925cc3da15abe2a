using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Matrix.Host.Users.Sessions;

/// <summary>
/// What a token is stored and looked up under. A token has 256 random bits, so its SHA-256 is enough: there is nothing to guess, and who
/// reads the database cannot use what they find.
/// </summary>
internal readonly record struct TokenHash(UInt128 High, UInt128 Low)
{
    private const int Longest = 256;

    /// <summary>The hash of a token. False for texts that are too long to be one of ours.</summary>
    internal static bool TryOf(string token, out TokenHash hash)
    {
        hash = default;
        if (token.Length > Longest) return false;

        Span<byte> utf8 = stackalloc byte[Longest * 3];
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(utf8[..Encoding.UTF8.GetBytes(token, utf8)], digest);
        hash = new TokenHash(BinaryPrimitives.ReadUInt128BigEndian(digest), BinaryPrimitives.ReadUInt128BigEndian(digest[16..]));
        return true;
    }

    /// <summary>The hash of a token that we made.</summary>
    internal static byte[] BytesOf(string token) =>
        TryOf(token, out var hash) ? hash.ToBytes() : throw new ArgumentException("A token of ours is short.", nameof(token));

    /// <summary>The 32 bytes.</summary>
    internal byte[] ToBytes()
    {
        var bytes = new byte[SHA256.HashSizeInBytes];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, High);
        BinaryPrimitives.WriteUInt128BigEndian(bytes.AsSpan(16), Low);
        return bytes;
    }
}
