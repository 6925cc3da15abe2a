using Matrix.Core.Json;
using Matrix.Host.Api.Client;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Pushers;
using Matrix.Host.Storage.Tables.Rooms;
using Matrix.Host.Users.Administration;
using Matrix.Host.Users.Pushers;

namespace Matrix.Host.Api.Admin.Accounts;

/// <summary>What an account has, for administrators: sessions, rooms, account data, pushers.</summary>
internal sealed class AccountDetails(
    UserAdministration users,
    DeviceAdministration devices,
    UserPushers pushers,
    RoomsTable roomsTable,
    IMembershipsTable membershipsTable,
    IAccountDataTable accountDataTable) : IEndpoints
{
    public void Map(ClientRoutes routes)
    {
        var admin = routes.Of(RouteOwner.Nobody).Admin(1);
        admin.Get("whois/{userId}", WhoIsAsync);
        admin.Get("users/{userId}/joined_rooms", JoinedRoomsAsync);
        admin.Get("users/{userId}/memberships", MembershipsAsync);
        admin.Get(
            "users/{userId}/accountdata", AccountDataAsync, RouteOptions.ForAdmins with { IsLarge = true });
        admin.Get("users/{userId}/pushers", PushersAsync);
    }

    private async ValueTask<Answer> WhoIsAsync(Call call, CancellationToken stop)
    {
        var found = await devices.ListAsync(call["userId"], stop);
        if (!found.IsOk) return UserAnswers.Of(found.Failure);
        return Answer.Json((UserId: call["userId"], Devices: found.Value), static (json, state) =>
        {
            json.WriteString("user_id", state.UserId);
            json.WriteStartObject("devices");
            foreach (var device in state.Devices)
            {
                json.WriteStartObject(device.DeviceId);
                json.WriteStartArray("sessions");
                json.WriteStartObject();
                json.WriteStartArray("connections");
                if (device.LastSeenAt is { } seen)
                {
                    json.WriteStartObject();
                    json.WriteString("ip", device.LastSeenIp);
                    json.WriteNumber("last_seen", seen);
                    json.WriteEndObject();
                }

                json.WriteEndArray();
                json.WriteEndObject();
                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndObject();
        });
    }

    private async ValueTask<Answer> JoinedRoomsAsync(Call call, CancellationToken stop)
    {
        var rows = await membershipsTable.RoomsOfAsync(call["userId"], MembershipSet.Join, stop);
        return Answer.Json(rows, static (json, rows) =>
        {
            json.WriteStartArray("joined_rooms");
            foreach (var row in rows) json.WriteStringValue(row.RoomId);
            json.WriteEndArray();
            json.WriteNumber("total", rows.Count);
        });
    }

    private async ValueTask<Answer> MembershipsAsync(Call call, CancellationToken stop)
    {
        var rows = await membershipsTable.RoomsOfAsync(call["userId"], MembershipSet.Any, stop);
        return Answer.Json(rows, static (json, rows) =>
        {
            json.WriteStartObject("memberships");
            foreach (var row in rows) json.WriteString(row.RoomId, WordFor(row.Membership));
            json.WriteEndObject();
        });
    }

    private static string WordFor(Membership membership) => membership switch
    {
        Membership.Join => "join",
        Membership.Invite => "invite",
        Membership.Knock => "knock",
        Membership.Ban => "ban",
        _ => "leave",
    };

    private async ValueTask<Answer> AccountDataAsync(Call call, CancellationToken stop)
    {
        var found = await users.FindAsync(call["userId"], stop);
        if (!found.IsOk) return UserAnswers.Of(found.Failure);
        var rows = await accountDataTable.OfUserAsync(call["userId"], 0, long.MaxValue, stop);
        var nids = rows.Where(static row => row.Room is not null).Select(static row => row.Room!.Value).Distinct();
        var rooms = (await roomsTable.FindManyAsync([.. nids], stop))
            .ToDictionary(static room => room.Nid, static room => room.RoomId);
        return Answer.InSteps(call, async (response, stop) =>
        {
            var output = response.Buffer;
            output.Raw("{\"account_data\":{\"global\":{"u8);
            await WriteAsync(response, call["userId"], rows.Where(static row => row.Room is null), stop);
            output.Raw("},\"rooms\":{"u8);
            var isFirst = true;
            foreach (var room in rows.Where(static row => row.Room is not null).GroupBy(static row => row.Room))
            {
                if (!rooms.TryGetValue(room.Key!.Value, out var roomId)) continue;
                if (!isFirst) output.Byte((byte)',');
                isFirst = false;
                CanonicalJson.WriteString(output, roomId);
                output.Raw(":{"u8);
                await WriteAsync(response, call["userId"], room, stop);
                output.Byte((byte)'}');
            }

            output.Raw("}}}"u8);
            return null;
        });
    }

    private async ValueTask WriteAsync(
        ResponseWriter response, string userId, IEnumerable<AccountDataRow> rows, CancellationToken stop)
    {
        var isFirst = true;
        foreach (var row in rows)
        {
            var content = await accountDataTable.ContentAsync(userId, row, stop);
            if (!isFirst) response.Buffer.Byte((byte)',');
            isFirst = false;
            CanonicalJson.WriteString(response.Buffer, row.Type);
            response.Buffer.Byte((byte)':');
            response.Buffer.Raw(content.Span);
            await response.StepAsync(stop);
        }
    }

    private async ValueTask<Answer> PushersAsync(Call call, CancellationToken stop)
    {
        var found = await users.FindAsync(call["userId"], stop);
        if (!found.IsOk) return UserAnswers.Of(found.Failure);
        var all = await pushers.OfAsync(call["userId"], stop);
        return Answer.Json(all, static (json, all) =>
        {
            json.WriteStartArray("pushers");
            foreach (var pusher in all)
            {
                json.WriteStartObject();
                json.WriteString("app_display_name", pusher.AppDisplayName);
                json.WriteString("app_id", pusher.AppId);
                AdminCalls.WriteStored(json, "data", pusher.Data);
                json.WriteString("device_display_name", pusher.DeviceDisplayName);
                json.WriteString("kind", pusher.Kind == PusherKind.Email ? "email" : "http");
                json.WriteString("lang", pusher.Lang);
                json.WriteString("profile_tag", pusher.ProfileTag ?? "");
                json.WriteString("pushkey", pusher.PushKey);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteNumber("total", all.Count);
        });
    }
}
