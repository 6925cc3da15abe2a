using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Host.Api.Client;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms.Administration;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Memberships;

namespace Matrix.Host.Api.Admin.ServerRooms;

/// <summary>A room of the administration API: details, members, state.</summary>
internal sealed class RoomDetails(
    RoomLists lists,
    RoomSnapshots rooms,
    RoomAccess access,
    EventPages pages,
    StateReader state,
    IMembershipsTable membershipsTable, IAccountsTable accountsTable) : IEndpoints
{
    private const int MembersAtOnce = 1000;

    private static readonly Answer _unknown = Answer.NotFound("This server has no such room.");

    public void Map(ClientRoutes routes)
    {
        var admin = routes.Of(RouteOwner.Nobody).Admin(1);
        admin.Get("rooms/{roomId}", GetAsync);
        admin.Get("rooms/{roomId}/members", MembersAsync);
        admin.Get(
            "rooms/{roomId}/state",
            static query => query.Text("type"),
            StateAsync,
            RouteOptions.ForAdmins with { IsLarge = true });
    }

    private async ValueTask<Answer> GetAsync(Call call, CancellationToken stop)
    {
        if (await lists.FindAsync(call["roomId"], stop) is not { } room
            || await rooms.FindAsync(call["roomId"], stop) is not { } snapshot)
        {
            return _unknown;
        }

        var tombstone = await state.ContentAsync(snapshot, EventTypes.Tombstone, "", stop);
        var local = await membershipsTable.LocalMembersAsync(snapshot.Room.Nid, MembershipSet.Any, stop);
        var devices = 0;
        foreach (var user in snapshot.Local.Joined)
        {
            devices += (await accountsTable.DevicesAsync(user, stop)).Count;
        }

        var isForgotten = local.All(static member => member.Forgotten);
        return Answer.Json((room, tombstone, devices, isForgotten), static (json, it) =>
        {
            RoomJson.Write(json, it.room);
            json.WriteString("avatar", it.room.Summary.AvatarUrl);
            json.WriteString("topic", it.room.Summary.Topic);
            json.WriteNumber("joined_local_devices", it.devices);
            json.WriteBoolean("forgotten", it.isForgotten);
            json.WriteBoolean("tombstoned", it.tombstone is not null);
            json.WriteString("replacement_room", it.tombstone?.Text("replacement_room"));
        });
    }

    private async ValueTask<Answer> MembersAsync(Call call, CancellationToken stop)
    {
        if (await rooms.FindAsync(call["roomId"], stop) is not { } snapshot) return _unknown;
        var members = new List<string>();
        for (var after = ""; ;)
        {
            var page = await membershipsTable.MembersAsync(
                snapshot.Room.Nid, MembershipSet.Join, after, MembersAtOnce, stop);
            members.AddRange(page.Select(static member => member.UserId));
            if (page.Count < MembersAtOnce) break;
            after = page[^1].UserId;
        }

        return Answer.Json(members, static (json, members) =>
        {
            json.WriteStartArray("members");
            foreach (var member in members) json.WriteStringValue(member);
            json.WriteEndArray();
            json.WriteNumber("total", members.Count);
        });
    }

    private async ValueTask<Answer> StateAsync(Call call, string? type, CancellationToken stop)
    {
        var result = await access.AllOfAsync(call.Caller.UserId, call["roomId"], stop);
        if (!result.IsOk) return RoomAnswers.Of(result.Failure);
        var readable = result.Value;
        var entries = type is null ? readable.State.Entries() : readable.State.OfType(type);
        EventNid[] nids = [.. entries.Select(entry => EventNid.Of(readable.Room.Nid, entry.Ordinal)).Order()];
        return Answer.InSteps(call, async (output, stop) =>
        {
            output.Buffer.Raw("{\"state\":"u8);
            await pages.WriteAsync(output, readable, nids, null, call.Caller.Device, stop);
            output.Buffer.Byte((byte)'}');
            return null;
        });
    }
}
