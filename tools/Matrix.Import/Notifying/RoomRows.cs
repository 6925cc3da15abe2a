namespace Matrix.Import.Notifying;

/// <summary>
/// Rows of a query that is in the order of rooms, taken room by room: one query for all rooms, instead of one for each.
/// </summary>
/// <param name="rows">The rows.</param>
/// <param name="roomOf">The room of a row.</param>
internal sealed class RoomRows<T>(IAsyncEnumerator<T> rows, Func<T, string> roomOf) : IAsyncDisposable
    where T : class
{
    private bool _began;
    private T? _next;

    /// <summary>
    /// The next row of a room; null if there are no more. Rooms are asked for in the order of the query, each until
    /// nothing is left.
    /// </summary>
    public async ValueTask<T?> PeekAsync(string roomId)
    {
        if (!_began)
        {
            _began = true;
            await MoveAsync();
        }

        return _next is not null && roomOf(_next) == roomId ? _next : null;
    }

    /// <summary>Goes on after the row that was returned last.</summary>
    public async ValueTask MoveAsync() => _next = await rows.MoveNextAsync() ? rows.Current : null;

    /// <summary>Passes over what is left of a room.</summary>
    public async ValueTask SkipAsync(string roomId)
    {
        while (await PeekAsync(roomId) is not null) await MoveAsync();
    }

    public ValueTask DisposeAsync() => rows.DisposeAsync();
}
