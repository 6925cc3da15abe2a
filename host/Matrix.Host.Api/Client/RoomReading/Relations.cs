using Matrix.Core.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Relations;
using Matrix.Host.Streams.Streams.Timelines;

namespace Matrix.Host.Api.Client.RoomReading;

/// <summary>The events that relate to one. v1.19 client-server-api#relationships-api</summary>
internal sealed class Relations(
    RoomAccess access,
    EventPages pages,
    RelatedEvents related,
    TimelinePositions places,
    RelationsTable relationsTable,
    StorageOptions bounds,
    RateLimiter limiter) : IEndpoints
{
    /// <summary>The events of a page of which the request does not say how many.</summary>
    internal const int UsualLimit = 50;

    /// <summary>The most events of a page.</summary>
    internal const int MostEvents = 200;

    private sealed record Asked(string? From, string? To, int Limit, Direction Direction, bool? Recurse);

    private static readonly Answer _noParent = Answer.NotFound("The event does not exist, or you may not see it.");

    public void Map(ClientRoutes routes)
    {
        // The specification has no rate limit for these. A recursive request has one, because its cost grows with the
        // number of events below.
        var free = new RouteOptions { Rate = RateClass.None, IsLarge = true };
        // v1.19 client-server-api#get_matrixclientv1roomsroomidrelationseventid
        routes.Of(RouteOwner.Nobody).V1.Get(
            "rooms/{roomId}/relations/{eventId}",
            Read,
            (call, asked, stop) => ChildrenAsync(call, asked, null, null, stop),
            free);
        // v1.19 client-server-api#get_matrixclientv1roomsroomidrelationseventidreltype
        routes.Of(RouteOwner.Nobody).V1.Get(
            "rooms/{roomId}/relations/{eventId}/{relType}",
            Read,
            (call, asked, stop) => ChildrenAsync(call, asked, call["relType"], null, stop),
            free);
        // v1.19 client-server-api#get_matrixclientv1roomsroomidrelationseventidreltypeeventtype
        routes.Of(RouteOwner.Nobody).V1.Get(
            "rooms/{roomId}/relations/{eventId}/{relType}/{eventType}",
            Read,
            (call, asked, stop) => ChildrenAsync(call, asked, call["relType"], call["eventType"], stop),
            free);
    }

    private static Asked Read(QueryReader query) => new(
        query.Token("from"),
        query.Token("to"),
        (int)Math.Min(query.Number("limit", 1) ?? UsualLimit, MostEvents),
        query.OneOf("dir", "b", "f") == "f" ? Direction.Forward : Direction.Backward,
        query.Text("recurse") is null ? null : query.Flag("recurse"));

    private async ValueTask<Answer> ChildrenAsync(
        Call call, Asked asked, string? relType, string? eventType, CancellationToken stop)
    {
        if (asked.Recurse == true && limiter.Take(RateClass.Recursion, call.Caller.UserId) is { Ticks: > 0 } wait)
        {
            return Answer.LimitExceeded(wait);
        }

        var result = await access.OfAsync(call.Caller.UserId, call["roomId"], stop);
        if (!result.IsOk) return _noParent;
        var readable = result.Value;
        if (await pages.FindAsync(readable, call["eventId"], stop) is not { } parent)
        {
            return _noParent;
        }

        var (from, until, wrong) = await RangeAsync(readable, asked, stop);
        if (wrong is not null) return wrong;
        var depth = asked.Recurse == true ? bounds.MaxRelationDepth : 1;
        var rows = await relationsTable.ChildrenAsync(
            new RelationsQuery
            {
                Room = readable.Room.Nid,
                ParentId = parent.EventId,
                RelType = relType,
                EventType = eventType,
                Direction = asked.Direction,
                From = from,
                Until = until,
                Limit = asked.Limit + 1,
                Depth = depth,
            },
            stop);

        var (seen, next) = await related.SeenAsync(readable, rows, asked.Limit, stop);
        return Answer.InSteps(call, async (output, stop) =>
        {
            output.Buffer.Raw("{\"chunk\":"u8);
            var written = await pages.WriteAsync(output, readable, seen, call.Caller.Device, stop, isPage: true);
            WriteEnd(output.Buffer, asked, written < seen.Count ? seen[written - 1].Nid : next, depth);
            return null;
        });
    }

    /// <summary>Writes what follows the events of a page.</summary>
    /// <param name="last">The event after which the next page begins; null if there is none.</param>
    private static void WriteEnd(ByteBuffer output, Asked asked, EventNid? last, int depth)
    {
        if (last is { } nid)
        {
            var token = asked.Direction == Direction.Backward
                ? TimelineToken.JustBefore(nid)
                : TimelineToken.JustAfter(nid);
            output.Raw(",\"next_batch\":"u8);
            CanonicalJson.WriteString(output, token.ToString());
        }

        if (asked.From is not null)
        {
            output.Raw(",\"prev_batch\":"u8);
            CanonicalJson.WriteString(output, asked.From);
        }

        if (asked.Recurse is not null)
        {
            output.Raw(",\"recursion_depth\":"u8);
            CanonicalJson.WriteInt(output, depth);
        }

        output.Byte((byte)'}');
    }

    private async ValueTask<(EventNid? From, EventNid? Until, Answer? Wrong)> RangeAsync(
        Readable readable, Asked asked, CancellationToken stop)
    {
        var isBackward = asked.Direction == Direction.Backward;
        var from = asked.From is null
            ? null
            : await places.BehindAsync(readable.Room, asked.From, isEnd: isBackward, stop);
        var to = asked.To is null
            ? null
            : await places.BehindAsync(readable.Room, asked.To, isEnd: !isBackward, stop);
        if ((asked.From is not null && from is null) || (asked.To is not null && to is null))
        {
            return (null, null, Answer.InvalidParam("`from` and `to` must be pagination tokens of this server."));
        }

        // A position is after an event: backward that event comes first, forward the next one.
        return isBackward
            ? (from is { } f ? new EventNid(f.Value + 1) : null, to is { } t ? new EventNid(t.Value + 1) : null, null)
            : (from, to, null);
    }
}
