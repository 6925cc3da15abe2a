using System.Buffers;
using System.Text;
using Matrix.Host.Storage.Copying;

namespace Matrix.Backup.Rows;

/// <summary>
/// Rows as bytes: for each value a letter of its kind, then a number of seven bits a byte, and bytes of that length if
/// it is text or bytes.
/// </summary>
internal static class RowFormat
{
    private const byte Nothing = (byte)'-';
    private const byte Number = (byte)'i';
    private const byte Text = (byte)'t';
    private const byte Bytes = (byte)'b';

    /// <summary>Appends a row.</summary>
    public static void Write(ArrayBufferWriter<byte> to, Cell[] row)
    {
        foreach (var cell in row) Write(to, cell);
    }

    /// <summary>The rows of a chunk.</summary>
    /// <exception cref="BackupException">It has no rows of this form.</exception>
    public static List<Cell[]> Read(ReadOnlySpan<byte> from, int columns)
    {
        var rows = new List<Cell[]>();
        while (from.Length > 0)
        {
            var row = new Cell[columns];
            for (var at = 0; at < columns; at++) row[at] = ReadCell(ref from);
            rows.Add(row);
        }

        return rows;
    }

    private static void Write(ArrayBufferWriter<byte> to, Cell cell)
    {
        if (cell.IsNull)
        {
            to.GetSpan(1)[0] = Nothing;
            to.Advance(1);
        }
        else if (cell.Value is string text)
        {
            Start(to, Text, (ulong)Encoding.UTF8.GetByteCount(text));
            _ = Encoding.UTF8.GetBytes(text, to);
        }
        else if (cell.Value is byte[] bytes)
        {
            Start(to, Bytes, (ulong)bytes.Length);
            to.Write(bytes);
        }
        else
        {
            // Small negative numbers are short, too.
            Start(to, Number, (ulong)((cell.Number << 1) ^ (cell.Number >> 63)));
        }
    }

    private static void Start(ArrayBufferWriter<byte> to, byte kind, ulong number)
    {
        var span = to.GetSpan(11);
        span[0] = kind;
        var at = 1;
        for (; number >= 0x80; number >>= 7) span[at++] = (byte)(number | 0x80);
        span[at++] = (byte)number;
        to.Advance(at);
    }

    private static Cell ReadCell(ref ReadOnlySpan<byte> from)
    {
        var kind = from.Length > 0 ? from[0] : throw Damaged();
        from = from[1..];
        if (kind == Nothing) return Cell.Null;
        var number = ReadNumber(ref from);
        if (kind == Number) return Cell.Of((long)(number >> 1) ^ -(long)(number & 1));
        if (kind is not (Text or Bytes) || number > (ulong)from.Length) throw Damaged();
        var value = from[..(int)number];
        from = from[(int)number..];
        return kind == Text ? Cell.Of(Encoding.UTF8.GetString(value)) : Cell.Of(value.ToArray());
    }

    private static ulong ReadNumber(ref ReadOnlySpan<byte> from)
    {
        ulong number = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            if (from.Length == 0) throw Damaged();
            var next = from[0];
            from = from[1..];
            number |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80) return number;
        }

        throw Damaged();
    }

    private static BackupException Damaged() => new("A chunk of rows has another form.");
}
