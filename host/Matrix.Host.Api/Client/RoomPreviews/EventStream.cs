using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Sync.EventStream;
using Matrix.Host.Users.AccountData;

namespace Matrix.Host.Api.Client.RoomPreviews;

/// <summary>
/// Looking into rooms without joining them, and the deprecated operations that came before sync.
/// v1.19 client-server-api#room-previews, `GET /events`, `GET /events/{eventId}` and `GET /initialSync`.
/// </summary>
internal sealed class EventStream(
    IEventFeed stream,
    IInitialSync rooms,
    RoomAccess access,
    RoomSnapshots snapshots,
    EventPages pages,
    IgnoredUsers ignored,
    IEventsTable eventsTable) : IEndpoints
{
    /// <summary>
    /// Events of several rooms may have one id in the first room versions; more of them than this are not looked at.
    /// </summary>
    private const int MostSameId = 16;

    private sealed record Asked(string? From, long Timeout, string? RoomId);

    public void Map(ClientRoutes routes)
    {
        var open = new RouteOptions { Access = Access.UsersAndGuests };
        // v1.19 client-server-api#get_matrixclientv3events, v1.19 client-server-api#peeking_get_matrixclientv3events
        routes.Of(RouteOwner.Nobody).Get("events", Read, EventsAsync, open);
        // v1.19 client-server-api#get_matrixclientv3eventseventid
        routes.Of(RouteOwner.Nobody).Get("events/{eventId}", EventAsync);
        // v1.19 client-server-api#get_matrixclientv3initialsync
        routes.Of(RouteOwner.Nobody).Get(
            "initialSync",
            static query => (Limit: query.Number("limit"), Archived: query.Flag("archived")),
            (call, asked, _) => ValueTask.FromResult(Answer.InSteps(call, async (response, stop) =>
            {
                await rooms.OfUserAsync(call.Caller.Device, asked.Limit, asked.Archived, response, stop);
                return null;
            })),
            RouteOptions.Default with { IsLarge = true });
        // v1.19 client-server-api#get_matrixclientv3roomsroomidinitialsync
        routes.Of(RouteOwner.Nobody).Get(
            "rooms/{roomId}/initialSync",
            static query => query.Number("limit"),
            (call, limit, _) => ValueTask.FromResult(Answer.InSteps(call, async (response, stop) => Of(
                await rooms.OfRoomAsync(call.Caller.Device, call["roomId"], limit, response, stop)))),
            open with { IsLarge = true });
    }

    private static Asked Read(QueryReader query)
    {
        var roomId = query.Text("room_id");
        if (roomId is not null && !RoomId.IsOfSomeVersion(roomId))
        {
            query.Refuse(MatrixError.InvalidParam, "`room_id` is not a valid room id.");
        }

        return new Asked(query.Token("from"), query.Number("timeout") ?? 0, roomId);
    }

    private ValueTask<Answer> EventsAsync(Call call, Asked asked, CancellationToken _)
    {
        var request = new EventsRequest(
            call.Caller.Device, asked.From, TimeSpan.FromMilliseconds(Math.Min(asked.Timeout, int.MaxValue)));
        return ValueTask.FromResult(Answer.InSteps(call, async (response, stop) => Of(asked.RoomId is { } roomId
            ? await stream.OfRoomAsync(request, roomId, response, stop)
            : await stream.OfUserAsync(request, response, stop)), waits: asked.Timeout > 0));
    }

    private async ValueTask<Answer> EventAsync(Call call, CancellationToken stop)
    {
        var userId = call.Caller.UserId;
        var hidden = await ignored.OfAsync(userId, stop);
        foreach (var row in await eventsTable.FindAnywhereAsync(call["eventId"], MostSameId, stop))
        {
            if (await snapshots.FindAsync(row.Nid.Room, stop) is not { } snapshot) continue;
            var found = await access.OfAsync(userId, snapshot.Room.RoomId, stop);
            if (!found.IsOk) continue;
            if (await pages.FindAsync(found.Value, row.EventId, stop) is not { } stored) continue;
            if (!stored.Pdu.IsState && hidden.Contains(stored.Row.Sender)) continue;
            using var output = new ByteBuffer(4096);
            await pages.WriteOneAsync(output, found.Value, stored, call.Caller.Device, stop);
            return Answer.Bytes(output.ToArray());
        }

        return Answer.NotFound("The event does not exist, or you may not see it.");
    }

    private static Answer? Of(RoomFailure? failure) => failure is null ? null : RoomAnswers.Of(failure);
}
