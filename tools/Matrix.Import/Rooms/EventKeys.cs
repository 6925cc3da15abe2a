using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Matrix.Import.Rooms;

/// <summary>
/// Sixteen bytes of a hash in the place of an event's id: a room may have millions of ids, which all have to be found.
/// </summary>
internal static class EventKeys
{
    private const int IdLength = 44;

    public static UInt128 Of(string eventId)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        if (eventId.Length != IdLength
            || Base64Url.DecodeFromChars(eventId.AsSpan(1), hash, out _, out var written) != OperationStatus.Done
            || written != hash.Length)
        {
            Span<byte> text = eventId.Length <= 340 ? stackalloc byte[1024] : new byte[3 * eventId.Length];
            SHA256.HashData(text[..Encoding.UTF8.GetBytes(eventId, text)], hash);
        }

        return BinaryPrimitives.ReadUInt128BigEndian(hash);
    }

    /// <summary>Sixteen bytes of a state's root.</summary>
    public static UInt128 Of(ReadOnlySpan<byte> root) => BinaryPrimitives.ReadUInt128BigEndian(root);
}
