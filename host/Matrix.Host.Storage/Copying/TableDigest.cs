using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Matrix.Host.Storage.Copying;

/// <summary>The digest of a table's rows, in the order of their keys: the same for the same rows in both databases.
/// </summary>
internal sealed class TableDigest : IDisposable
{
    // Before a value, so that values of different kinds and lengths are told apart.
    private const int Nothing = -1;
    private const int Number = -2;

    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly byte[] _number = new byte[sizeof(int) + sizeof(long)];

    /// <summary>Rows so far.</summary>
    public long Rows { get; private set; }

    /// <summary>The digest of a table.</summary>
    public static async Task<(long Rows, string Digest)> OfAsync(
        ICopySide side, CopiedTable table, CancellationToken stop)
    {
        using var digest = new TableDigest();
        await foreach (var row in side.RowsAsync(table, after: null, stop)) digest.Add(table, row);
        return (digest.Rows, digest.End());
    }

    public void Dispose() => _hash.Dispose();

    /// <summary>The digest, in hexadecimal digits.</summary>
    public string End() => Convert.ToHexStringLower(_hash.GetHashAndReset());

    /// <summary>Adds the next row.</summary>
    public void Add(CopiedTable table, Cell[] row)
    {
        Rows++;
        for (var at = 0; at < row.Length; at++)
        {
            var cell = row[at];
            if (cell.IsNull) Mark(Nothing);
            else if (table.Columns[at].Kind is ColumnKind.Words) Bytes(Encoding.UTF8.GetBytes(InOrder(cell.Text)));
            else if (cell.Value is string text) Bytes(Encoding.UTF8.GetBytes(text));
            else if (cell.Value is byte[] bytes) Bytes(bytes);
            else Append(cell.Number);
        }
    }

    /// <summary>PostgreSQL keeps each word once, in an order of its own.</summary>
    private static string InOrder(string words)
    {
        var each = words.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Array.Sort(each, StringComparer.Ordinal);
        return string.Join(' ', each.Distinct(StringComparer.Ordinal));
    }

    private void Append(long number)
    {
        BinaryPrimitives.WriteInt32LittleEndian(_number, Number);
        BinaryPrimitives.WriteInt64LittleEndian(_number.AsSpan(sizeof(int)), number);
        _hash.AppendData(_number);
    }

    private void Bytes(byte[] bytes)
    {
        Mark(bytes.Length);
        _hash.AppendData(bytes);
    }

    private void Mark(int length)
    {
        BinaryPrimitives.WriteInt32LittleEndian(_number, length);
        _hash.AppendData(_number.AsSpan(0, sizeof(int)));
    }
}
