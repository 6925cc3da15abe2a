using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Users.PushRules;

namespace Matrix.Host.Sync.EventStream;

/// <summary>
/// Account data that changed, as events; tags and other data of a room have its id. Client-Server API, "Client Config".
/// </summary>
internal sealed class AccountDataNews(IAccountDataTable accountDataTable, RoomSnapshots rooms)
{
    /// <summary>What changed after one position and up to another.</summary>
    public async ValueTask<IReadOnlyList<Json>> BetweenAsync(
        string userId, UserStream? stream, long after, long upTo, CancellationToken stop)
    {
        if (upTo <= after || !MayHave(stream, after)) return [];
        var rows = await accountDataTable.OfUserAsync(userId, after, upTo, stop);
        var found = new List<Json>(rows.Count);
        foreach (var row in rows.OrderBy(static row => row.Position))
        {
            var roomId = row.Room is { } nid
                ? (await rooms.FindAsync(nid, stop))?.Room.RoomId
                : null;
            if (row.Room is not null && roomId is null) continue;
            var stored = await accountDataTable.ContentAsync(userId, row, stop);
            if (ContentOf(userId, row, stored) is { } content) found.Add(EventOf(row.Type, roomId, content));
        }

        return found;
    }

    private static bool MayHave(UserStream? stream, long after)
    {
        var news = new List<UpdatedRoom>();
        return stream?.TryCollect(after, long.MaxValue, news) != true
            || stream.LastAccountData > after
            || news.Exists(static each => (each.Parts & RoomParts.AccountData) != 0);
    }

    private static JsonObject? ContentOf(string userId, AccountDataRow row, ReadOnlyMemory<byte> stored)
    {
        if (row.Room is null && row.Type == UserPushRules.Type) return UserPushRules.ContentOf(userId, stored);
        return JsonText.TryParseStored(stored.Span, out var content) ? content : null;
    }

    private static Json EventOf(string type, string? roomId, JsonObject content)
    {
        var members = new List<(string, Json)>
        {
            ("content", Json.Of(content)),
            ("type", Json.Of(type)),
        };
        if (roomId is not null) members.Add(("room_id", Json.Of(roomId)));
        return Json.Of(JsonObject.OfSeq(members));
    }
}
