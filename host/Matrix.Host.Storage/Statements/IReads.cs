namespace Matrix.Host.Storage.Statements;

/// <summary>
/// Runs queries. Arguments and rows pass through static functions, so that a query allocates little. Tables are given
/// one; only this project can use it.
/// </summary>
public interface IReads
{
    /// <summary>The first row, or the default if there is none.</summary>
    internal ValueTask<T?> FirstAsync<TArgs, T>(
        Statement statement, TArgs args, Action<IArguments, TArgs> bind, Func<IRow, T> map, CancellationToken stop);

    /// <summary>All rows.</summary>
    internal ValueTask<IReadOnlyList<T>> ListAsync<TArgs, T>(
        Statement statement, TArgs args, Action<IArguments, TArgs> bind, Func<IRow, T> map, CancellationToken stop);

    /// <summary>All rows for all keys (<see cref="Statement.ByKeys(string)"/>), unordered, in one round trip.</summary>
    internal ValueTask<IReadOnlyList<T>> ByKeysAsync<TKey, TArgs, T>(
        Statement statement,
        IReadOnlyCollection<TKey> keys,
        KeyKind<TKey> kind,
        TArgs args,
        Action<IArguments, TArgs> bind,
        Func<IRow, T> map,
        CancellationToken stop);
}

/// <summary>How a statement takes keys: one at a time, or as an array.</summary>
internal sealed record KeyKind<TKey>(Action<IArguments, TKey> Bind, Func<IReadOnlyCollection<TKey>, object> ToArray);

internal static class By
{
    public static readonly KeyKind<RoomNid> Room = new(
        static (a, room) => a.Int(room.Value), Longs<RoomNid>(static room => room.Value));

    public static readonly KeyKind<EventNid> Nid = new(
        static (a, nid) => a.Int(nid.Value), Longs<EventNid>(static nid => nid.Value));

    public static readonly KeyKind<long> Number = new(
        static (a, number) => a.Int(number), Longs<long>(static number => number));

    public static readonly KeyKind<string> Text = new(
        static (a, text) => a.Text(text), static texts => texts.ToArray());

    public static readonly KeyKind<string> EventId = new(
        static (a, id) => a.EventId(id), static ids => ids.Select(EventIdCode.Encode).ToArray());

    private static Func<IReadOnlyCollection<TKey>, object> Longs<TKey>(Func<TKey, long> value) =>
        keys => keys.Select(value).ToArray();
}

internal static class ReadsExtensions
{
    private static readonly Action<IArguments, int> Nothing = static (_, _) => { };

    public static ValueTask<IReadOnlyList<T>> ByKeysAsync<TKey, T>(
        this IReads reads, Statement statement, IReadOnlyCollection<TKey> keys, KeyKind<TKey> kind, Func<IRow, T> map,
        CancellationToken stop) =>
        reads.ByKeysAsync(statement, keys, kind, 0, Nothing, map, stop);

    public static ValueTask<IReadOnlyList<T>> ListAsync<T>(
        this IReads reads, Statement statement, Func<IRow, T> map, CancellationToken stop) =>
        reads.ListAsync(statement, 0, Nothing, map, stop);

    public static ValueTask<T?> FirstAsync<T>(
        this IReads reads, Statement statement, Func<IRow, T> map, CancellationToken stop) =>
        reads.FirstAsync(statement, 0, Nothing, map, stop);
}
