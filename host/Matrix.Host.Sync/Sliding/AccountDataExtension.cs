using Matrix.Core.Sync;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Streams.Streams.AccountData;
using Matrix.Host.Sync.Responses;

namespace Matrix.Host.Sync.Sliding;

/// <summary>Account data: global, and of the rooms that the client has. MSC3959.</summary>
internal sealed class AccountDataExtension(AccountDataReader accountData, RoomEvents events) : ISlidingExtension
{
    public const string UsualName = "account_data";

    public string Name => UsualName;

    public async ValueTask WriteAsync(SlidingPass pass, ExtensionRequest request, CancellationToken stop)
    {
        var rooms = ExtensionRooms.Of(pass, request).Where(match => MayHaveNews(pass, match)).ToList();
        var after = pass.Base.Positions.GetValueOrDefault(Name);
        var isNew = after == 0;
        pass.Next.Positions[Name] = pass.UpTo;
        var readsGlobal = isNew || pass.Stream is not { } stream || pass.Changed is null
            || stream.LastAccountData > after;
        var from = rooms.Select(match => SentTo(pass, match)).Append(readsGlobal ? after : long.MaxValue).Min();
        IReadOnlyList<AccountDataRow> rows = from == long.MaxValue
            ? []
            : await accountData.OfUserAsync(pass.Reader.UserId, from, pass.UpTo, stop);

        var global = rows.Where(row => row.Room is null && row.Position > after).ToList();
        var byRoom = rows.Where(static row => row.Room is not null).ToLookup(static row => row.Room!.Value);
        var ofRooms = new List<(string RoomId, List<AccountDataRow> Rows)>();
        foreach (var match in rooms)
        {
            var roomId = match.Room.RoomId;
            var sent = SentTo(pass, match);
            var news = byRoom[match.Room.Nid!.Value].Where(row => row.Position > sent).ToList();
            if (news.Count > 0) ofRooms.Add((roomId, news));
            pass.Next.Rooms[roomId] = pass.SentOf(roomId)! with { AccountData = pass.UpTo };
        }

        if (global.Count == 0 && ofRooms.Count == 0 && !isNew) return;
        pass.HasNews = true;
        await WriteAsync(pass, global, isNew, ofRooms, stop);
    }

    private static long SentTo(SlidingPass pass, RoomMatch match) => pass.SentOf(match.Room.RoomId)!.AccountData;

    private static bool MayHaveNews(SlidingPass pass, RoomMatch match) =>
        match.Room.Nid is not null
        && (match.Parts is not { } parts
            || parts == RoomParts.None
            || (parts & RoomParts.AccountData) != 0
            || SentTo(pass, match) == 0);

    private async ValueTask WriteAsync(
        SlidingPass pass,
        List<AccountDataRow> global,
        bool isNew,
        List<(string RoomId, List<AccountDataRow> Rows)> ofRooms,
        CancellationToken stop)
    {
        var json = pass.Json;
        json.WriteStartObject(Name);
        json.WriteStartArray("global"u8);
        await events.AccountDataAsync(pass, global, stop);

        // Users who changed no push rules get the server's default rules.
        if (isNew && !global.Exists(AccountDataFormat.IsPushRules))
        {
            AccountDataFormat.WriteDefaultPushRules(json, pass.Reader.UserId);
        }

        json.WriteEndArray();
        json.WriteStartObject("rooms"u8);
        foreach (var (roomId, rows) in ofRooms)
        {
            json.WriteStartArray(roomId);
            await events.AccountDataAsync(pass, rows, stop);
            json.WriteEndArray();
        }

        json.WriteEndObject();
        json.WriteEndObject();
    }
}
