using Matrix.Core.Json;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Streams.Streams.AccountData;

namespace Matrix.Host.Sync.EventStream;

/// <summary>
/// Account data that changed, as events; tags and other data of a room have its id.
/// v1.19 client-server-api#client-config
/// </summary>
internal sealed class AccountDataNews(AccountDataReader accountData, RoomSnapshots rooms)
{
    /// <summary>What changed after a token and up to a position.</summary>
    public async ValueTask<IReadOnlyList<Json>> BetweenAsync(
        string userId, UserStream? stream, SyncToken since, long upTo, CancellationToken stop)
    {
        if (upTo <= since.Position || !AccountDataReader.MayHave(stream, since.Position)) return [];
        var rows = await accountData.OfUserAsync(userId, since, upTo, stop);
        var found = new List<Json>(rows.Count);
        foreach (var row in rows.OrderBy(static row => row.Position))
        {
            var roomId = row.Room is { } nid
                ? (await rooms.FindAsync(nid, stop))?.Room.RoomId
                : null;
            if (row.Room is not null && roomId is null) continue;
            var stored = await accountData.ContentAsync(userId, row, stop);
            if (AccountDataFormat.EventOf(userId, row, roomId, stored) is { } json) found.Add(json);
        }

        return found;
    }
}
