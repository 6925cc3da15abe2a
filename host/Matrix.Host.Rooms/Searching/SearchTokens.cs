using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Matrix.Host.Crypto;

namespace Matrix.Host.Rooms.Searching;

/// <summary>
/// Encrypts tokens of searches: a token may name an event that the user may not see, because the next page begins after
/// it. The key is made of the server's signing key, so tokens stay valid after a restart, and end with a rotation.
/// </summary>
public sealed class SearchTokens(SigningKeyRing keys)
{
    private const int KeySize = 32;

    private static readonly int _nonceSize = AesGcm.NonceByteSizes.MaxSize;
    private static readonly int _tagSize = AesGcm.TagByteSizes.MaxSize;
    private static readonly byte[] _purpose = "tokens of searches"u8.ToArray();

    private volatile DerivedKey? _derived;

    /// <summary>The token's text.</summary>
    public string Write(SearchToken token)
    {
        var text = Encoding.UTF8.GetBytes(token.ToText());
        var written = new byte[_nonceSize + text.Length + _tagSize];
        var nonce = written.AsSpan(0, _nonceSize);
        RandomNumberGenerator.Fill(nonce);
        using var cipher = new AesGcm(Key(), _tagSize);
        cipher.Encrypt(
            nonce, text, written.AsSpan(_nonceSize, text.Length), written.AsSpan(_nonceSize + text.Length));
        return Base64Url.EncodeToString(written);
    }

    /// <summary>Reads a token; null if it is none of this server and its present key.</summary>
    public SearchToken? Read(string written)
    {
        if (!Base64Url.IsValid(written)) return null;
        var bytes = Base64Url.DecodeFromChars(written);
        var length = bytes.Length - _nonceSize - _tagSize;
        if (length <= 0) return null;
        var text = new byte[length];
        using var cipher = new AesGcm(Key(), _tagSize);
        try
        {
            cipher.Decrypt(
                bytes.AsSpan(0, _nonceSize),
                bytes.AsSpan(_nonceSize, length),
                bytes.AsSpan(_nonceSize + length),
                text);
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }

        return SearchToken.Parse(Encoding.UTF8.GetString(text));
    }

    private byte[] Key()
    {
        var signing = keys.InUse;
        if (_derived is { } known && ReferenceEquals(known.Of, signing)) return known.Bytes;
        var seed = signing.Key.ExportSeed();
        var key = HKDF.DeriveKey(HashAlgorithmName.SHA256, seed, KeySize, salt: null, _purpose);
        CryptographicOperations.ZeroMemory(seed);
        _derived = new DerivedKey(signing, key);
        return key;
    }

    private sealed record DerivedKey(SigningKey Of, byte[] Bytes);
}
