using System.Formats.Cbor;

namespace Matrix.Host.Storage.Ownership.Told;

/// <summary>An item as it is told.</summary>
/// <param name="Value">CBOR, which only its kind knows.</param>
internal readonly record struct ToldItem(string Key, ReadOnlyMemory<byte> Value);

/// <summary>What one tell says: some changes, or a part of everything.</summary>
/// <param name="Number">Grows with each tell of a node: of two, the one with the greater number is newer.</param>
/// <param name="Index">The part's number among those of everything, from 0.</param>
/// <param name="Count">The number of parts of everything, which have the same number; 0 for changes.</param>
internal sealed record ToldPart(long Number, int Index, int Count, IReadOnlyList<ToldItem> Items)
{
    private const int Form = 1;

    /// <summary>The most parts that a node is believed to have.</summary>
    private const int MostParts = 100_000;

    /// <summary>The most items of a part that are read.</summary>
    private const int MostItems = 100_000;

    internal byte[] ToBytes()
    {
        var writer = new CborWriter(CborConformanceMode.Lax);
        writer.WriteStartArray(5);
        writer.WriteInt32(Form);
        writer.WriteInt64(Number);
        writer.WriteInt32(Index);
        writer.WriteInt32(Count);
        writer.WriteStartArray(2 * Items.Count);
        foreach (var item in Items)
        {
            writer.WriteTextString(item.Key);
            writer.WriteByteString(item.Value.Span);
        }

        writer.WriteEndArray();
        writer.WriteEndArray();
        return writer.Encode();
    }

    /// <summary>Reads a part; null if it is malformed or of another form.</summary>
    internal static ToldPart? Read(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            var reader = new CborReader(bytes, CborConformanceMode.Lax);
            if (reader.ReadStartArray() != 5 || reader.ReadInt32() != Form) return null;
            var (number, index, count) = (reader.ReadInt64(), reader.ReadInt32(), reader.ReadInt32());
            if (count is < 0 or > MostParts || index < 0 || index >= Math.Max(count, 1)) return null;
            if (reader.ReadStartArray() is not { } texts || texts % 2 != 0 || texts / 2 > MostItems) return null;
            var items = new List<ToldItem>(Math.Min(texts / 2, bytes.Length));
            for (var left = texts / 2; left > 0; left--)
            {
                items.Add(new ToldItem(reader.ReadTextString(), reader.ReadByteString()));
            }

            reader.ReadEndArray();
            reader.ReadEndArray();
            return new ToldPart(number, index, count, items);
        }
        catch (Exception fault) when (IsMalformed(fault))
        {
            return null;
        }
    }

    /// <summary>Whether a reader of CBOR throws this for malformed bytes.</summary>
    internal static bool IsMalformed(Exception fault) =>
        fault is CborContentException or InvalidOperationException or OverflowException or FormatException;
}
