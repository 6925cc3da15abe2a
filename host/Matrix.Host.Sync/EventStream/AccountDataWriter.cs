using Matrix.Core.Json;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Streams.Streams.AccountData;
using Matrix.Host.Users.PushRules;

namespace Matrix.Host.Sync.EventStream;

/// <summary>Writes account data as it is now, as events with commas between them.</summary>
internal sealed class AccountDataWriter(AccountDataReader accountData)
{
    /// <summary>Writes the global account data of a user, with the push rules.</summary>
    public async ValueTask WriteGlobalAsync(
        ResponseWriter response, string userId, long upTo, CancellationToken stop)
    {
        var rows = await accountData.OfUserAsync(userId, 0, upTo, stop);
        var own = rows.Where(static row => row.Room is null && !AccountDataFormat.IsPushRules(row)).ToArray();
        await WriteAsync(response, userId, own, stop);
        var rules = rows.FirstOrDefault(AccountDataFormat.IsPushRules);
        var content = rules is null
            ? UserPushRules.DefaultContent(userId)
            : UserPushRules.ContentOf(userId, await accountData.ContentAsync(userId, rules, stop));
        if (own.Length > 0) response.Buffer.Byte((byte)',');
        AccountDataFormat.Write(response.Buffer, UserPushRules.Type, CanonicalJson.Bytes(Json.Of(content)));
    }

    /// <summary>Writes a user's account data in a room.</summary>
    public async ValueTask WriteOfRoomAsync(
        ResponseWriter response, string userId, RoomNid room, CancellationToken stop) =>
        await WriteAsync(response, userId, await accountData.OfRoomAsync(userId, room, stop), stop);

    private async ValueTask WriteAsync(
        ResponseWriter response, string userId, IReadOnlyList<AccountDataRow> rows, CancellationToken stop)
    {
        for (var i = 0; i < rows.Count; i++)
        {
            var content = await accountData.ContentAsync(userId, rows[i], stop);
            if (i > 0) response.Buffer.Byte((byte)',');
            AccountDataFormat.Write(response.Buffer, rows[i].Type, content);
            await response.StepAsync(stop);
        }
    }
}
