using Matrix.Host.Storage.Statements;
using Npgsql;
using NpgsqlTypes;

namespace Matrix.Host.Storage.Postgres;

/// <summary>Puts arguments into a command's positional parameters.</summary>
internal sealed class PostgresArguments : IArguments
{
    private NpgsqlParameterCollection? _parameters;

    /// <summary>The flush that the arguments belong to; null for queries.</summary>
    public PostgresWrites? Writes { get; init; }

    /// <summary>Starts the arguments of a command.</summary>
    public PostgresArguments Of(NpgsqlParameterCollection parameters)
    {
        _parameters = parameters;
        return this;
    }

    public IArguments Int(long value) => Add(value, NpgsqlDbType.Bigint);

    public IArguments IntOrNull(long? value) => value is { } number ? Int(number) : Null(NpgsqlDbType.Bigint);

    public IArguments Text(string value) => Add(StoredText.Encode(value), NpgsqlDbType.Text);

    public IArguments TextOrNull(string? value) => value is null ? Null(NpgsqlDbType.Text) : Text(value);

    public IArguments Blob(ReadOnlyMemory<byte> value) => Add(value, NpgsqlDbType.Bytea);

    public IArguments BlobOrNull(ReadOnlyMemory<byte>? value) =>
        value is { } bytes ? Blob(bytes) : Null(NpgsqlDbType.Bytea);

    public IArguments EventId(string value) => Add(EventIdCode.Encode(value), NpgsqlDbType.Bytea);

    public IArguments Rows<T>(IReadOnlyCollection<T> rows, IReadOnlyList<Func<T, string>> columns)
    {
        foreach (var column in columns) Array(rows.Select(column).ToArray());
        return this;
    }

    public IArguments Position() => Int(Writing.Position);

    public IArguments Sequence() => Int(Writing.NextSequence());

    public IArguments Now() => Int(Writing.Now);

    /// <summary>Adds many keys as one argument.</summary>
    public void Array(object keys) => Parameters.Add(new NpgsqlParameter
    {
        Value = keys is string[] texts ? System.Array.ConvertAll(texts, StoredText.Encode) : keys,
        NpgsqlDbType = NpgsqlDbType.Array | keys switch
        {
            long[] => NpgsqlDbType.Bigint,
            string[] => NpgsqlDbType.Text,
            _ => NpgsqlDbType.Bytea,
        },
    });

    private PostgresWrites Writing => Writes ?? throw new InvalidOperationException("Only a change has a position.");

    private NpgsqlParameterCollection Parameters =>
        _parameters ?? throw new InvalidOperationException("No command was started.");

    private PostgresArguments Add<T>(T value, NpgsqlDbType type)
    {
        Parameters.Add(new NpgsqlParameter<T> { TypedValue = value, NpgsqlDbType = type });
        return this;
    }

    private PostgresArguments Null(NpgsqlDbType type)
    {
        Parameters.Add(new NpgsqlParameter { Value = DBNull.Value, NpgsqlDbType = type });
        return this;
    }
}
