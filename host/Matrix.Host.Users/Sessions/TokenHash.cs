using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Matrix.Host.Users.Sessions;

/// <summary>
/// The SHA-256 of a token, under which it is stored. Tokens have 256 random bits, so a fast hash is enough: a reader of
/// the database can neither use nor guess them. Those that Synapse gave out have 120 random bits or a signature.
/// </summary>
internal readonly record struct TokenHash(UInt128 High, UInt128 Low)
{
    /// <summary>Longer than the macaroons of old versions of Synapse.</summary>
    private const int Longest = 8_192;

    /// <summary>Longer than this server's tokens.</summary>
    private const int Usual = 256;

    /// <summary>The hash of a token. False for text that is longer than any token.</summary>
    internal static bool TryOf(string token, out TokenHash hash)
    {
        hash = default;
        if (token.Length > Longest) return false;

        Span<byte> utf8 = token.Length <= Usual ? stackalloc byte[Usual * 3] : new byte[token.Length * 3];
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(utf8[..Encoding.UTF8.GetBytes(token, utf8)], digest);
        hash = new TokenHash(
            BinaryPrimitives.ReadUInt128BigEndian(digest), BinaryPrimitives.ReadUInt128BigEndian(digest[16..]));
        return true;
    }

    /// <summary>The hash of a token of this server.</summary>
    internal static byte[] BytesOf(string token) =>
        TryOf(token, out var hash)
            ? hash.ToBytes()
            : throw new ArgumentException("The token is too long.", nameof(token));

    /// <summary>The 32 bytes.</summary>
    internal byte[] ToBytes()
    {
        var bytes = new byte[SHA256.HashSizeInBytes];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, High);
        BinaryPrimitives.WriteUInt128BigEndian(bytes.AsSpan(16), Low);
        return bytes;
    }
}
