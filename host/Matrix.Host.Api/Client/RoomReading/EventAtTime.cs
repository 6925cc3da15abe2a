using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Servers;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Api.Client.RoomReading;

/// <summary>
/// The event closest to a time. v1.19 client-server-api#get_matrixclientv1roomsroomidtimestamp_to_event
/// </summary>
internal sealed class EventAtTime(RoomAccess access, RoomTimes times) : IEndpoints
{
    private const string Path = "rooms/{roomId}/timestamp_to_event";

    public void Map(ClientRoutes routes)
    {
        // v1.19 client-server-api#get_matrixclientv1roomsroomidtimestamp_to_event
        routes.Of(RouteOwner.Room).V1.Get(Path, TimeQuery.Read, GetAsync);
        routes.Of(RouteOwner.Room).Admin(1).Get(Path, TimeQuery.Read, GetAsync);
    }

    private async ValueTask<Answer> GetAsync(Call call, TimeQuery asked, CancellationToken stop)
    {
        var readable = call.Route.Options.Access == Access.Admins
            ? await access.AllOfAsync(call.Caller.UserId, call["roomId"], stop)
            : await access.OfAsync(call.Caller.UserId, call["roomId"], stop);
        if (!readable.IsOk) return RoomAnswers.Of(readable.Failure);
        var found = await times.OfUserAsync(call.CausedBy, readable.Value, asked.Timestamp, asked.IsForwards, stop);
        return TimeQuery.AnswerOf(asked, found);
    }
}

/// <summary>A time and a direction, the same for clients and servers.</summary>
internal sealed record TimeQuery(long Timestamp, bool IsForwards)
{
    internal static TimeQuery Read(QueryReader query)
    {
        var time = query.Number("ts", least: long.MinValue);
        if (time is null) query.Refuse(MatrixError.MissingParam, "The query parameter `ts` is missing.");
        var direction = query.OneOf("dir", "f", "b");
        if (direction is null) query.Refuse(MatrixError.MissingParam, "`dir` is missing: it must be `f` or `b`.");
        return new TimeQuery(time ?? 0, direction == "f");
    }

    internal static Answer AnswerOf(TimeQuery asked, StoredEvent? found) => found is null
        ? Answer.NotFound(
            $"There is no event {(asked.IsForwards ? "at or after" : "at or before")} {asked.Timestamp}.")
        : Answer.Json(found, static (json, it) =>
        {
            json.WriteString("event_id", it.EventId);
            json.WriteNumber("origin_server_ts", it.OriginServerTs);
        });
}
