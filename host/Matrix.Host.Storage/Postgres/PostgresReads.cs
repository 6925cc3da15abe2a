using Matrix.Host.Storage.Statements;
using Npgsql;

namespace Matrix.Host.Storage.Postgres;

/// <summary>Asks questions on pooled connections.</summary>
internal sealed class PostgresReads(NpgsqlDataSource source) : IReads
{
    public async ValueTask<T?> FirstAsync<TArgs, T>(
        Statement statement, TArgs args, Action<IArguments, TArgs> bind, Func<IRow, T> map, CancellationToken stop)
    {
        try
        {
            await using var command = source.CreateCommand(statement.Postgres);
            bind(new PostgresArguments().Of(command.Parameters), args);
            await using var reader = await command.ExecuteReaderAsync(stop);
            return await reader.ReadAsync(stop) ? map(new PostgresRow(reader)) : default;
        }
        catch (Exception fault) when (PostgresFault.IsOne(fault))
        {
            throw PostgresFault.Of(fault, "reading");
        }
    }

    public async ValueTask<IReadOnlyList<T>> ListAsync<TArgs, T>(
        Statement statement, TArgs args, Action<IArguments, TArgs> bind, Func<IRow, T> map, CancellationToken stop)
    {
        try
        {
            await using var command = source.CreateCommand(statement.Postgres);
            bind(new PostgresArguments().Of(command.Parameters), args);
            await using var reader = await command.ExecuteReaderAsync(stop);
            var rows = new List<T>();
            var row = new PostgresRow(reader);
            while (await reader.ReadAsync(stop))
            {
                rows.Add(map(row));
            }

            return rows;
        }
        catch (Exception fault) when (PostgresFault.IsOne(fault))
        {
            throw PostgresFault.Of(fault, "reading");
        }
    }

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
}
