using Matrix.Core.Json;
using Matrix.Host.Api.Client;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Rooms;

namespace Matrix.Host.Api.Admin.ServerRooms;

/// <summary>Events by their id alone, and the rooms that take most of the database.</summary>
internal sealed class FoundEvents(
    RoomAccess access,
    EventPages pages,
    RoomsTable roomsTable,
    IEventsTable eventsTable,
    IStorageAdmin storageAdmin) : IEndpoints
{
    private const int MostRooms = 10;

    private static readonly Answer _unknown = Answer.NotFound("This server has no such event.");

    public void Map(ClientRoutes routes)
    {
        var admin = routes.Of(RouteOwner.Nobody).Admin(1);
        admin.Get("fetch_event/{eventId}", GetAsync);
        admin.Get("statistics/database/rooms", SizesAsync);
    }

    private async ValueTask<Answer> GetAsync(Call call, CancellationToken stop)
    {
        var rows = await eventsTable.FindAnywhereAsync(call["eventId"], 1, stop);
        if (rows is not [var row]
            || await roomsTable.FindAsync(row.Nid.Room, stop) is not { } room)
        {
            return _unknown;
        }

        var readable = await access.AllOfAsync(call.Caller.UserId, room.RoomId, stop);
        if (!readable.IsOk) return RoomAnswers.Of(readable.Failure);
        if (await pages.FindAsync(readable.Value, call["eventId"], stop) is not { } stored)
        {
            return _unknown;
        }

        using var output = new ByteBuffer(4096);
        output.Raw("{\"event\":"u8);
        await pages.WriteOneAsync(output, readable.Value, stored, call.Caller.Device, stop);
        output.Byte((byte)'}');
        return Answer.Bytes(output.ToArray());
    }

    private async ValueTask<Answer> SizesAsync(Call call, CancellationToken stop)
    {
        var rooms = await storageAdmin.RoomSizesAsync(MostRooms, stop);
        return Answer.Json(rooms, static (json, rooms) =>
        {
            json.WriteStartArray("rooms");
            foreach (var room in rooms)
            {
                json.WriteStartObject();
                json.WriteString("room_id", room.RoomId);
                json.WriteNumber("estimated_size", room.EventBytes + room.StateBytes);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        });
    }
}
