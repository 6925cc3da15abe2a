namespace Matrix.Host.Storage.Statements;

/// <summary>Takes a statement's arguments in order.</summary>
internal interface IArguments
{
    IArguments Int(long value);

    IArguments IntOrNull(long? value);

    IArguments Text(string value);

    IArguments TextOrNull(string? value);

    IArguments Blob(ReadOnlyMemory<byte> value);

    IArguments BlobOrNull(ReadOnlyMemory<byte>? value);

    /// <summary>An event id, in its stored form.</summary>
    IArguments EventId(string value);

    /// <summary>
    /// Rows of text. For SQLite they are one argument, a JSON array of arrays (`json_each`); for PostgreSQL an array
    /// for each column (`unnest`).
    /// </summary>
    IArguments Rows<T>(IReadOnlyCollection<T> rows, IReadOnlyList<Func<T, string>> columns);

    /// <summary>The position of the batch that is being written.</summary>
    IArguments Position();

    /// <summary>A number that rises within a transaction and orders the rows of one position.</summary>
    IArguments Sequence();

    /// <summary>The time, in milliseconds since the epoch.</summary>
    IArguments Now();
}
