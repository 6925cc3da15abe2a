using System.Buffers;
using System.Text;
using System.Text.Json;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Sqlite.Native;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Sqlite;

/// <summary>
/// A prepared statement: it takes arguments, is stepped, and is the current row. It is used again after
/// <see cref="Reset"/>.
/// </summary>
internal sealed unsafe class SqliteStatement : IArguments, IRow, IDisposable
{
    private readonly nint _db;
    private readonly string _sql;
    private nint _statement;
    private int _bound;

    public SqliteStatement(nint db, string sql)
        : this(db, sql, out _)
    {
    }

    public SqliteStatement(nint db, string sql, out string rest)
    {
        _db = db;
        _sql = sql;
        var text = Encoding.UTF8.GetBytes(sql);
        fixed (byte* start = text)
        {
            var code = Sqlite3.sqlite3_prepare_v3(
                db, start, text.Length, Sqlite3.PreparePersistent, out _statement, out var tail);
            if (code != Sqlite3.Ok)
            {
                throw SqliteFault.Of(db, code, $"preparing {sql}");
            }

            rest = Encoding.UTF8.GetString(tail, text.Length - (int)(tail - start));
        }
    }

    /// <summary>Whether the text was blank or a comment.</summary>
    public bool IsEmpty => _statement == 0;

    /// <summary>The flush that the arguments belong to.</summary>
    public SqliteWrites? Writes { get; set; }

    /// <summary>Goes to the next row. False if there is none.</summary>
    public bool Step() => Sqlite3.sqlite3_step(_statement) switch
    {
        Sqlite3.Row => true,
        Sqlite3.Done => false,
        var code => throw Fault(code),
    };

    /// <summary>Makes the statement ready for other arguments.</summary>
    public void Reset()
    {
        _ = Sqlite3.sqlite3_reset(_statement);
        _bound = 0;
    }

    public IArguments Int(long value)
    {
        _ = Sqlite3.sqlite3_bind_int64(_statement, ++_bound, value);
        return this;
    }

    public IArguments IntOrNull(long? value) => value is { } number ? Int(number) : Null();

    public IArguments Text(string value) => PlainText(StoredText.Encode(value));

    /// <summary>Text as it is, for a database of another program.</summary>
    public IArguments PlainText(string value)
    {
        var most = Encoding.UTF8.GetMaxByteCount(value.Length);
        if (most <= 1024)
        {
            var bytes = stackalloc byte[most + 1];
            return Text(bytes, Encoding.UTF8.GetBytes(value, new Span<byte>(bytes, most)));
        }

        var rented = ArrayPool<byte>.Shared.Rent(most);
        fixed (byte* bytes = rented)
        {
            _ = Text(bytes, Encoding.UTF8.GetBytes(value, rented));
        }

        ArrayPool<byte>.Shared.Return(rented);
        return this;
    }

    public IArguments TextOrNull(string? value) => value is null ? Null() : Text(value);

    public IArguments Blob(ReadOnlyMemory<byte> value) => Blob(value.Span);

    public IArguments BlobOrNull(ReadOnlyMemory<byte>? value) => value is { } bytes ? Blob(bytes.Span) : Null();

    public IArguments EventId(string value)
    {
        Span<byte> bytes = stackalloc byte[EventIdCode.MaxLength];
        return Blob(bytes[..EventIdCode.Encode(value, bytes)]);
    }

    public IArguments Rows<T>(IReadOnlyCollection<T> rows, IReadOnlyList<Func<T, string>> columns)
    {
        var json = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(json))
        {
            writer.WriteStartArray();
            foreach (var row in rows)
            {
                writer.WriteStartArray();
                foreach (var column in columns) writer.WriteStringValue(StoredText.Encode(column(row)));
                writer.WriteEndArray();
            }

            writer.WriteEndArray();
        }

        fixed (byte* bytes = json.WrittenSpan)
        {
            return Text(bytes, json.WrittenCount);
        }
    }

    public IArguments Position() => Int(Writing.Position);

    public IArguments Sequence() => Int(Writing.NextSequence());

    public IArguments Now() => Int(Writing.Now);

    public bool IsNull(int column) => Sqlite3.sqlite3_column_type(_statement, column) == Sqlite3.TypeNull;

    public long Int64(int column) => Sqlite3.sqlite3_column_int64(_statement, column);

    public string Text(int column)
    {
        var text = Sqlite3.sqlite3_column_text(_statement, column);
        return text == null
            ? ""
            : StoredText.Decode(
                Encoding.UTF8.GetString(text, Sqlite3.sqlite3_column_bytes(_statement, column)));
    }

    public byte[] Blob(int column) => Bytes(column).ToArray();

    public string EventId(int column) => EventIdCode.Decode(Bytes(column));

    public void Dispose()
    {
        _ = Sqlite3.sqlite3_finalize(_statement);
        _statement = 0;
    }

    private SqliteWrites Writing => Writes ?? throw new InvalidOperationException("Only a change has a position.");

    private SqliteStatement Null()
    {
        _ = Sqlite3.sqlite3_bind_null(_statement, ++_bound);
        return this;
    }

    private SqliteStatement Text(byte* bytes, int length)
    {
        Check(Sqlite3.sqlite3_bind_text(_statement, ++_bound, bytes, length, Sqlite3.Transient));
        return this;
    }

    private SqliteStatement Blob(ReadOnlySpan<byte> value)
    {
        // A null pointer would bind NULL: an empty blob needs an address.
        byte nothing = 0;
        fixed (byte* bytes = value)
        {
            Check(
                Sqlite3.sqlite3_bind_blob(
                    _statement, ++_bound, bytes == null ? &nothing : bytes, value.Length, Sqlite3.Transient));
        }

        return this;
    }

    private void Check(int code)
    {
        if (code != Sqlite3.Ok)
        {
            throw Fault(code);
        }
    }

    private ReadOnlySpan<byte> Bytes(int column)
    {
        var bytes = Sqlite3.sqlite3_column_blob(_statement, column);
        return bytes == null ? [] : new ReadOnlySpan<byte>(bytes, Sqlite3.sqlite3_column_bytes(_statement, column));
    }

    private StorageException Fault(int code) => SqliteFault.Of(_db, code, _sql);
}
