using Matrix.Host.Storage.Statements;
using Npgsql;

namespace Matrix.Host.Storage.Postgres;

/// <summary>Runs queries on pooled connections.</summary>
internal sealed class PostgresReads(NpgsqlDataSource source) : IReads
{
    public ValueTask<T?> FirstAsync<TArgs, T>(
        Statement statement, TArgs args, Action<IArguments, TArgs> bind, Func<IRow, T> map, CancellationToken stop) =>
        AskAsync(
            statement, args, bind,
            async reader => await reader.ReadAsync(stop) ? map(new PostgresRow(reader)) : default, stop);

    public ValueTask<IReadOnlyList<T>> ListAsync<TArgs, T>(
        Statement statement, TArgs args, Action<IArguments, TArgs> bind, Func<IRow, T> map, CancellationToken stop) =>
        AskAsync<TArgs, IReadOnlyList<T>>(
            statement,
            args,
            bind,
            async reader =>
            {
                var rows = new List<T>();
                var row = new PostgresRow(reader);
                while (await reader.ReadAsync(stop))
                {
                    rows.Add(map(row));
                }

                return rows;
            },
            stop);

    public ValueTask<IReadOnlyList<T>> ByKeysAsync<TKey, TArgs, T>(
        Statement statement,
        IReadOnlyCollection<TKey> keys,
        KeyKind<TKey> kind,
        TArgs args,
        Action<IArguments, TArgs> bind,
        Func<IRow, T> map,
        CancellationToken stop) =>
        keys.Count == 0
            ? ValueTask.FromResult<IReadOnlyList<T>>([])
            : ListAsync(
                statement,
                (keys, kind, args, bind),
                static (a, q) =>
                {
                    ((PostgresArguments)a).Array(q.kind.ToArray(q.keys));
                    q.bind(a, q.args);
                },
                map,
                stop);

    private async ValueTask<TAnswer> AskAsync<TArgs, TAnswer>(
        Statement statement,
        TArgs args,
        Action<IArguments, TArgs> bind,
        Func<NpgsqlDataReader, ValueTask<TAnswer>> read,
        CancellationToken stop)
    {
        for (var again = false; ; again = true)
        {
            try
            {
                await using var command = source.CreateCommand(statement.Postgres);
                bind(new PostgresArguments().Of(command.Parameters), args);
                await using var reader = await command.ExecuteReaderAsync(stop);
                return await read(reader);
            }
            catch (Exception fault) when (
                !again && PostgresFault.IsDatabaseFault(fault) && !PostgresFault.IsFromServer(fault))
            {
                // The connection was lost, and perhaps all of the pool: try once more on a new one.
                source.Clear();
            }
            catch (Exception fault) when (PostgresFault.IsDatabaseFault(fault))
            {
                throw PostgresFault.Of(fault, "reading");
            }
        }
    }
}

/// <summary>The current row of a reader.</summary>
internal sealed class PostgresRow(NpgsqlDataReader reader) : IRow
{
    public bool IsNull(int column) => reader.IsDBNull(column);

    public long Int64(int column) => reader.GetInt64(column);

    public string Text(int column) => StoredText.Decode(reader.GetString(column));

    public byte[] Blob(int column) => reader.GetFieldValue<byte[]>(column);

    public string EventId(int column) => EventIdCode.Decode(Blob(column));
}
