using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Matrix.Host.Storage.Statements;

/// <summary>
/// The stored form of event ids: the 32 bytes of the hash for `$` and 43 characters of URL-safe base64 (room versions 4
/// and later), otherwise a marker byte and the text. The forms cannot be confused, and different ids are stored
/// differently. What is too long to be an event's id, as events of other servers may name one, is stored as a hash: it
/// names no event.
/// </summary>
internal static class EventIdCode
{
    /// <summary>The longest stored form: 255 bytes and the marker.</summary>
    public const int MaxLength = 260;

    private const int HashLength = 32;
    private const byte Text = 1;

    // A text of 31 bytes would be as long as a hash, so it gets one more byte.
    private const byte PaddedText = 2;

    private const byte TooLong = 3;

    public static byte[] Encode(string eventId)
    {
        Span<byte> buffer = stackalloc byte[MaxLength];
        return buffer[..Encode(eventId, buffer)].ToArray();
    }

    /// <summary>
    /// Writes the stored form and returns its length. The buffer holds at least <see cref="MaxLength"/>.
    /// </summary>
    public static int Encode(string eventId, Span<byte> into)
    {
        if (eventId.Length == 44 && eventId[0] == '$' && TryHash(eventId.AsSpan(1), into[..HashLength]))
        {
            return HashLength;
        }

        var length = Encoding.UTF8.GetByteCount(eventId);
        if (length > MaxLength - 2)
        {
            into[0] = TooLong;
            SHA256.HashData(Encoding.UTF8.GetBytes(eventId), into[1..]);
            return 1 + HashLength;
        }

        var prefix = length == HashLength - 1 ? 2 : 1;
        into[0] = prefix == 2 ? PaddedText : Text;
        into[1] = 0;
        return prefix + Encoding.UTF8.GetBytes(eventId, into[prefix..]);
    }

    public static string Decode(ReadOnlySpan<byte> stored)
    {
        if (stored.Length == HashLength)
        {
            return string.Create(44, stored, static (chars, hash) =>
            {
                chars[0] = '$';
                Base64Url.EncodeToChars(hash, chars[1..]);
            });
        }

        if (stored[0] == TooLong) return Base64Url.EncodeToString(stored[1..]);
        return Encoding.UTF8.GetString(stored[(stored[0] == PaddedText ? 2 : 1)..]);
    }

    // Only the canonical spelling of a hash is stored as a hash: the last character has two spare bits.
    private static bool TryHash(ReadOnlySpan<char> text, Span<byte> into) =>
        text.IndexOfAnyExcept(Alphabet) < 0
        && LastCharacters.Contains(text[^1])
        && Base64Url.TryDecodeFromChars(text, into, out var written)
        && written == HashLength;

    private static readonly System.Buffers.SearchValues<char> Alphabet = System.Buffers.SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

    private const string LastCharacters = "AEIMQUYcgkosw048";
}
