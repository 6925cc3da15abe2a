using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Rooms.Summaries;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Aliases;
using Matrix.Host.Storage.Tables.Rooms;

namespace Matrix.Host.Rooms.Administration;

/// <summary>A page of rooms.</summary>
/// <param name="Total">The rooms that the query admits.</param>
public sealed record RoomListPage(IReadOnlyList<ListedRoom> Rooms, int Total);

/// <summary>
/// Lists of rooms for administrators. A list reads what the names and rules of all rooms are made of, up to a bound;
/// beyond it, the newest rooms are listed. One list is made at a time.
/// </summary>
public sealed class RoomLists(
    RoomSnapshots rooms,
    RoomSummaries summaries,
    StateReader state,
    RoomsTable roomsTable,
    AliasesTable aliasesTable,
    RoomsOptions options)
    : IDisposable
{
    private const int ReadAtOnce = 100;

    private readonly SemaphoreSlim _turn = new(1);

    /// <summary>A page of the rooms.</summary>
    public async ValueTask<RoomListPage> ListAsync(RoomListQuery query, long skip, int limit, CancellationToken stop)
    {
        await _turn.WaitAsync(stop);
        try
        {
            var sorted = query.Sorted(await AllAsync(query, stop));
            var first = (int)Math.Min(skip, sorted.Count);
            return new RoomListPage([.. sorted.Skip(first).Take(limit)], sorted.Count);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>The rooms in which users of another server are joined, by their ids.</summary>
    public async ValueTask<IReadOnlyList<ServersRoomRow>> OfServerAsync(string serverName, CancellationToken stop)
    {
        await _turn.WaitAsync(stop);
        try
        {
            var found = await roomsTable.OfServerAsync(serverName, options.MaxListedRooms, stop);
            return [.. found.OrderBy(static room => room.RoomId, StringComparer.Ordinal)];
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>A room; null if this server does not know it.</summary>
    public async ValueTask<ListedRoom?> FindAsync(string roomId, CancellationToken stop)
    {
        if (await roomsTable.FindAsync(roomId, stop) is not { } row) return null;
        return await rooms.FindAsync(row.Nid, stop) is { } snapshot
            ? await OfAsync(row, snapshot, stop)
            : null;
    }

    /// <summary>What a room is called: its name or canonical alias; null if it has none.</summary>
    public async ValueTask<string?> NameAsync(string roomId, CancellationToken stop)
    {
        if (await rooms.FindAsync(roomId, stop) is not { } snapshot) return null;
        var summary = await summaries.OfAsync(snapshot, stop);
        return summary.Name ?? summary.CanonicalAlias;
    }

    /// <summary>The URIs of all rooms' avatars. It reads all rooms.</summary>
    public async ValueTask<IReadOnlyList<string>> AvatarsAsync(CancellationToken stop)
    {
        var found = new List<string>();
        for (var after = default(RoomNid); ;)
        {
            var page = await roomsTable.ListAsync(after, ReadAtOnce, stop);
            foreach (var row in page)
            {
                if (await rooms.FindAsync(row.Nid, stop) is not { } snapshot) continue;
                var avatar = await state.ContentAsync(snapshot, EventTypes.Avatar, "", stop);
                if (avatar?.Text("url") is { } url) found.Add(url);
            }

            if (page.Count < ReadAtOnce) return found;
            after = page[^1].Nid;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _turn.Dispose();

    private async ValueTask<IReadOnlyList<ListedRoom>> AllAsync(RoomListQuery query, CancellationToken stop)
    {
        var found = new Queue<ListedRoom>();
        var after = default(RoomNid);
        while (true)
        {
            var page = await roomsTable.ListAsync(after, ReadAtOnce, stop);
            var snapshots = (await rooms.FindManyAsync([.. page.Select(row => row.Nid)], stop))
                .ToDictionary(snapshot => snapshot.Room.Nid);
            await summaries.LoadAsync(snapshots.Values, stop);
            foreach (var row in page)
            {
                if (!snapshots.TryGetValue(row.Nid, out var snapshot)) continue;
                var room = await OfAsync(row, snapshot, stop);
                if (!query.Admits(room)) continue;
                found.Enqueue(room);
                if (found.Count > options.MaxListedRooms) found.Dequeue();
            }

            if (page.Count < ReadAtOnce) return [.. found];
            after = page[^1].Nid;
        }
    }

    private static bool IsFalse(JsonObject content, string name) =>
        JsonText.TryGet(content, name, out var value) && value is Json.Bool { Item: false };

    private async ValueTask<ListedRoom> OfAsync(RoomRow row, RoomSnapshot snapshot, CancellationToken stop)
    {
        var create = await state.ContentAsync(snapshot, EventTypes.Create, "", stop);
        return new ListedRoom
        {
            Summary = await summaries.OfAsync(snapshot, stop),
            LocalMembers = snapshot.Local.Joined.Count,
            Creator = row.Creator,
            IsFederatable = create is null || !IsFalse(create, "m.federate"),
            IsPublished = await aliasesTable.IsPublishedAsync(row.Nid, stop),
            GuestAccess = await TextAsync(EventTypes.GuestAccess, "guest_access"),
            HistoryVisibility =
                await TextAsync(EventTypes.HistoryVisibility, "history_visibility"),
            StateEvents = snapshot.State.Count,
        };

        async ValueTask<string?> TextAsync(string type, string member) =>
            (await state.ContentAsync(snapshot, type, "", stop))?.Text(member);
    }
}
