using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Org.BouncyCastle.Crypto.Generators;

namespace Matrix.Host.Crypto;

/// <summary>
/// A bcrypt hash as other servers store it, `$2b$12$` with 22 characters of salt and 31 of the tag. The versions
/// `2a`, `2b`, `2x` and `2y` are one function: they name errors that other implementations had.
/// </summary>
/// <param name="Cost">The logarithm of the rounds.</param>
internal sealed record BcryptHash(int Cost, byte[] Salt, byte[] Tag)
{
    /// <summary>The bytes of a password that count.</summary>
    internal const int Longest = 72;

    private const int LeastCost = 4;
    private const int GreatestCost = 31;
    private const int SaltCharacters = 22;
    private const int TagCharacters = 31;
    private const string Alphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    private const string Standard = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    private static readonly byte[] _noSalt = new byte[16];

    /// <summary>Reads a hash of any cost; null for another form.</summary>
    internal static BcryptHash? Parse(string text) =>
        text.Split('$') is ["", "2a" or "2b" or "2x" or "2y", { Length: 2 } rounds, var rest]
            && int.TryParse(rounds, NumberStyles.None, CultureInfo.InvariantCulture, out var cost)
            && cost is >= LeastCost and <= GreatestCost
            && rest.Length == SaltCharacters + TagCharacters
            && Decode(rest[..SaltCharacters]) is { } salt
            && Decode(rest[SaltCharacters..]) is { } tag
            ? new BcryptHash(cost, salt, tag)
            : null;

    /// <summary>Whether this is the hash of these bytes, of which the first 72 count.</summary>
    internal bool IsOf(ReadOnlySpan<byte> secret) =>
        CryptographicOperations.FixedTimeEquals(Compute(secret, Salt, Cost).AsSpan(0, Tag.Length), Tag);

    /// <summary>Takes as long as a verification at this cost.</summary>
    internal static void Spend(int cost) => Compute([], _noSalt, cost);

    private static byte[] Compute(ReadOnlySpan<byte> secret, byte[] salt, int cost)
    {
        var counted = secret[..Math.Min(secret.Length, Longest)].ToArray();
        try
        {
            // A zero byte ends the password, unless it already has all bytes that count.
            return BCrypt.Generate(counted, salt, cost, addTerminator: counted.Length < Longest);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(counted);
        }
    }

    /// <summary>Decodes bcrypt's base64; null for other text and for bits beyond the bytes.</summary>
    private static byte[]? Decode(string text)
    {
        var standard = new StringBuilder(text.Length);
        foreach (var character in text)
        {
            var at = Alphabet.IndexOf(character, StringComparison.Ordinal);
            if (at < 0) return null;
            standard.Append(Standard[at]);
        }

        return Base64Text.TryDecode(standard.ToString(), out var bytes)
            && Base64Text.Encode(bytes) == standard.ToString()
            ? bytes
            : null;
    }
}
