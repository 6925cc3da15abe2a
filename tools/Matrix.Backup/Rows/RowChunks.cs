using System.Buffers;
using Matrix.Backup.Repository;
using Matrix.Host.Storage.Copying;

namespace Matrix.Backup.Rows;

/// <summary>
/// Cuts the rows of a table, in the order of their keys, into chunks. Where it cuts depends on keys and lengths: a new
/// row changes the chunk that it is in, and perhaps the next one, and all others are there already.
/// </summary>
internal sealed class RowChunks(ChunkRepository repository, CopiedTable table)
{
    private const int LeastBytes = 128 * 1024;
    private const int MostBytes = 4 * 1024 * 1024;

    /// <summary>One key in so many ends a chunk that is long enough.</summary>
    private const ulong OneIn = 256;

    private readonly ArrayBufferWriter<byte> _rows = new();
    private readonly ArrayBufferWriter<byte> _key = new();
    private readonly Cell[] _cells = new Cell[table.Key.Count];

    /// <summary>The chunks so far.</summary>
    public List<string> Names { get; } = [];

    /// <summary>Adds a row.</summary>
    public void Add(Cell[] row)
    {
        RowFormat.Write(_rows, row);
        if (_rows.WrittenCount >= MostBytes || (_rows.WrittenCount >= LeastBytes && EndsAt(row))) End();
    }

    /// <summary>Keeps what is left.</summary>
    public void End()
    {
        if (_rows.WrittenCount == 0) return;
        Names.Add(repository.Put(_rows.WrittenSpan));
        _rows.ResetWrittenCount();
    }

    private bool EndsAt(Cell[] row)
    {
        for (var at = 0; at < _cells.Length; at++) _cells[at] = row[table.Key[at]];
        _key.ResetWrittenCount();
        RowFormat.Write(_key, _cells);

        // FNV-1a: quick, and the same in every process.
        var hash = 14695981039346656037UL;
        foreach (var next in _key.WrittenSpan) hash = (hash ^ next) * 1099511628211UL;
        return (hash >> 32) % OneIn == 0;
    }
}
