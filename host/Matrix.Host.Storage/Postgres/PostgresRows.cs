using System.Runtime.InteropServices;
using Matrix.Host.Storage.Statements;
using Npgsql;
using NpgsqlTypes;

namespace Matrix.Host.Storage.Postgres;

/// <summary>The rows of one statement, which are sent as one command with an array for each argument.</summary>
internal sealed class PostgresRows(Statement statement, PostgresWrites writes) : IArguments
{
    /// <summary>The most rows and bytes of a command: the database holds all of its arguments at once.</summary>
    private const int MostRows = 500;

    private const int MostBytes = 1 << 20;

    private readonly List<Column> _columns = [];
    private readonly Dictionary<long, int> _rowOfKey = [];
    private int _row;
    private int _column;
    private int _bytes;

    /// <summary>The number of rows.</summary>
    public int Count { get; private set; }

    /// <summary>Whether the rows are enough for a command.</summary>
    public bool IsFull => Count >= MostRows || _bytes >= MostBytes;

    /// <summary>Starts the arguments of the next row.</summary>
    public PostgresRows Next()
    {
        _row = Count++;
        _column = 0;
        return this;
    }

    /// <summary>The command for these rows. One row is sent without arrays, which costs the database less.</summary>
    public NpgsqlBatchCommand Command()
    {
        var command = new NpgsqlBatchCommand(Count > 1 ? statement.PostgresRows! : statement.Postgres);
        foreach (var column in _columns) command.Parameters.Add(column.Parameter());
        return command;
    }

    public void Clear()
    {
        Count = 0;
        _bytes = 0;
        _rowOfKey.Clear();
        foreach (var column in _columns) column.Clear();
    }

    public IArguments Int(long value)
    {
        if (statement.OnlyLastOfRow && _column == 0 && !_rowOfKey.TryAdd(value, _row))
        {
            _row = _rowOfKey[value];
            Count--;
        }

        return Add<long?>(value, NpgsqlDbType.Bigint);
    }

    public IArguments IntOrNull(long? value) => Add(value, NpgsqlDbType.Bigint);

    public IArguments Text(string value) => Add<string?>(StoredText.Encode(value), NpgsqlDbType.Text);

    public IArguments TextOrNull(string? value) =>
        Add(value is null ? null : StoredText.Encode(value), NpgsqlDbType.Text);

    public IArguments Blob(ReadOnlyMemory<byte> value) => Add<byte[]?>(Bytes(value), NpgsqlDbType.Bytea);

    public IArguments BlobOrNull(ReadOnlyMemory<byte>? value) =>
        Add(value is { } bytes ? Bytes(bytes) : null, NpgsqlDbType.Bytea);

    public IArguments EventId(string value) => Blob(EventIdCode.Encode(value));

    public IArguments Rows<T>(IReadOnlyCollection<T> rows, IReadOnlyList<Func<T, string>> columns) =>
        throw new NotSupportedException("A row has no rows.");

    public IArguments Position() => Int(writes.Position);

    public IArguments Sequence() => Int(writes.NextSequence());

    public IArguments Now() => Int(writes.Now);

    private byte[] Bytes(ReadOnlyMemory<byte> value)
    {
        _bytes += value.Length;
        return MemoryMarshal.TryGetArray(value, out var part) && part.Count == part.Array!.Length
            ? part.Array
            : value.ToArray();
    }

    private PostgresRows Add<T>(T value, NpgsqlDbType type)
    {
        if (_column == _columns.Count) _columns.Add(new Column<T>(type));
        ((Column<T>)_columns[_column++]).Set(_row, value);
        return this;
    }

    private abstract class Column
    {
        public abstract NpgsqlParameter Parameter();

        public abstract void Clear();
    }

    private sealed class Column<T>(NpgsqlDbType type) : Column
    {
        private readonly List<T> _values = [];

        public void Set(int row, T value)
        {
            if (row < _values.Count) _values[row] = value;
            else _values.Add(value);
        }

        public override NpgsqlParameter Parameter() => _values.Count == 1
            ? new NpgsqlParameter { Value = (object?)_values[0] ?? DBNull.Value, NpgsqlDbType = type }
            : new NpgsqlParameter<T[]> { TypedValue = [.. _values], NpgsqlDbType = NpgsqlDbType.Array | type };

        public override void Clear() => _values.Clear();
    }
}
