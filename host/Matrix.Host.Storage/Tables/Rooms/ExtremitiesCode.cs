using System.Buffers.Binary;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.Rooms;

/// <summary>
/// The forward extremities as stored in the header's row. Each is its ordinal (4 bytes), the length of its id's stored
/// form (2 bytes), and that form.
/// </summary>
internal static class ExtremitiesCode
{
    private const int Head = 6;

    public static byte[] Encode(IReadOnlyList<Extremity> extremities)
    {
        Span<byte> id = stackalloc byte[EventIdCode.MaxLength];
        var bytes = new byte[extremities.Count * (Head + EventIdCode.MaxLength)];
        var end = 0;
        foreach (var extremity in extremities)
        {
            var length = EventIdCode.Encode(extremity.EventId, id);
            BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(end), extremity.Ordinal);
            BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(end + 4), (ushort)length);
            id[..length].CopyTo(bytes.AsSpan(end + Head));
            end += Head + length;
        }

        return bytes[..end];
    }

    public static Extremity[] Decode(ReadOnlySpan<byte> bytes)
    {
        var extremities = new List<Extremity>(1);
        while (!bytes.IsEmpty)
        {
            var ordinal = BinaryPrimitives.ReadUInt32BigEndian(bytes);
            var length = BinaryPrimitives.ReadUInt16BigEndian(bytes[4..]);
            extremities.Add(new Extremity(ordinal, EventIdCode.Decode(bytes.Slice(Head, length))));
            bytes = bytes[(Head + length)..];
        }

        return [.. extremities];
    }
}
