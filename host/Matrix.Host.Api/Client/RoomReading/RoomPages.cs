using System.Text;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Core.Sync;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Streams.Streams.Timelines;
using Matrix.Host.Users.AccountData;

namespace Matrix.Host.Api.Client.RoomReading;

/// <summary>
/// Pages of a room's timeline. v1.19 client-server-api#getting-events-for-a-room, v1.19 client-server-api#event-context
/// </summary>
internal sealed class RoomPages(
    RoomAccess access, EventPages pages, TimelinePositions places, IgnoredUsers ignored) : IEndpoints
{
    private const int UsualLimit = 10;
    private const int MostEvents = 1000;
    private const int MostAround = 100;

    private sealed record Asked(string? From, string? To, bool IsBackward, int Limit, EventFilter Filter);

    private sealed record Around(int Limit, EventFilter Filter);

    public void Map(ClientRoutes routes)
    {
        var open = new RouteOptions { Access = Access.UsersAndGuests };
        var page = open with { IsLarge = true };
        // v1.19 client-server-api#get_matrixclientv3roomsroomidmessages
        routes.Of(RouteOwner.Room).Get("rooms/{roomId}/messages", ReadPage, PageAsync, page);
        // v1.19 client-server-api#get_matrixclientv3roomsroomidcontexteventid
        routes.Of(RouteOwner.Room).Get("rooms/{roomId}/context/{eventId}", ReadAround, ContextAsync, page);
        // v1.19 client-server-api#get_matrixclientv3roomsroomideventeventid
        routes.Of(RouteOwner.Nobody).Get("rooms/{roomId}/event/{eventId}", EventAsync, open);
        var admin = routes.Of(RouteOwner.Room).Admin(1);
        var adminPage = RouteOptions.ForAdmins with { IsLarge = true };
        admin.Get("rooms/{roomId}/messages", ReadAdminPage, PageAsync, adminPage);
        admin.Get("rooms/{roomId}/context/{eventId}", ReadAround, ContextAsync, adminPage);
    }

    // Administrators read forward if they do not say.
    private static Asked ReadAdminPage(QueryReader query)
    {
        var direction = query.OneOf("dir", "b", "f");
        var filter = ReadFilter(query);
        return new Asked(
            query.Token("from"), query.Token("to"), direction == "b", LimitOf(query, filter, MostEvents), filter);
    }

    /// <summary>What the caller may read: all of the room in the administration API.</summary>
    private ValueTask<RoomResult<Readable>> ReadableAsync(Call call, CancellationToken stop) =>
        call.Route.Options.Access == Access.Admins
            ? access.AllOfAsync(call.Caller.UserId, call["roomId"], stop)
            : access.OfAsync(call.Caller.UserId, call["roomId"], stop);

    private static Asked ReadPage(QueryReader query)
    {
        var direction = query.OneOf("dir", "b", "f");
        if (direction is null && query.Problem is null)
        {
            query.Refuse(MatrixError.MissingParam, "`dir` is missing: it must be `b` or `f`.");
        }

        var filter = ReadFilter(query);
        return new Asked(
            query.Token("from"), query.Token("to"), direction == "b", LimitOf(query, filter, MostEvents), filter);
    }

    private static Around ReadAround(QueryReader query)
    {
        var filter = ReadFilter(query);
        return new Around(LimitOf(query, filter, MostAround), filter);
    }

    private static int LimitOf(QueryReader query, EventFilter filter, int most) =>
        query.Number("limit") is { } limit ? (int)Math.Min(limit, most) : filter.Limit(UsualLimit, most);

    private static EventFilter ReadFilter(QueryReader query)
    {
        if (query.Text("filter") is not { } text) return EventFilter.Everything;
        var bytes = Encoding.UTF8.GetBytes(text);
        if (!JsonText.TryParseObject(bytes, Reading.Client, JsonText.ClientBodyLimits, out var json, out _))
        {
            query.Refuse(MatrixError.NotJson, "`filter` is not a JSON object.");
            return EventFilter.Everything;
        }

        return EventFilter.Parse(json).Match(
            static filter => filter,
            fault =>
            {
                query.Refuse(fault.ErrCode, fault.ToString());
                return EventFilter.Everything;
            });
    }

    private async ValueTask<Answer> PageAsync(Call call, Asked asked, CancellationToken stop)
    {
        var result = await ReadableAsync(call, stop);
        if (!result.IsOk) return RoomAnswers.Of(result.Failure);

        var readable = result.Value;
        var room = readable.Room;
        var behind = asked.From is null
            ? asked.IsBackward ? readable.Through : EventNid.FirstOf(room.Nid)
            : await places.BehindAsync(room, asked.From, isEnd: asked.IsBackward, stop);
        var until = asked.To is null
            ? null
            : await places.BehindAsync(room, asked.To, isEnd: !asked.IsBackward, stop);
        if (behind is not { } start || (asked.To is not null && until is null))
        {
            return Answer.InvalidParam("`from` and `to` must be pagination tokens of this server.");
        }

        var page = asked.IsBackward
            ? await BackAsync(readable, start, until, asked, stop)
            : await OnAsync(readable, start, until, asked, stop);

        return Answer.InSteps(call, async (output, stop) =>
        {
            var reader = call.Caller.Device;
            output.Buffer.Raw("{\"chunk\":"u8);
            var written = await pages.WriteAsync(output, readable, page.Events, reader, stop, isPage: true);
            var shown = written == page.Events.Count
                ? page
                : new EventPages.Page([.. page.Events.Take(written)], page.Events[written - 1].Nid);
            if (await EndAsync(readable, shown, until, asked, stop) is { } end)
            {
                output.Buffer.Raw(",\"end\":"u8);
                CanonicalJson.WriteString(output.Buffer, end);
            }

            output.Buffer.Raw(",\"start\":"u8);
            CanonicalJson.WriteString(output.Buffer, asked.From ?? TimelineToken.JustAfter(start).ToString());
            if (asked.Filter.LazyLoadMembers)
            {
                output.Buffer.Raw(",\"state\":"u8);
                var senders = await pages.SendersAsync(readable, shown.Events, stop);
                await pages.WriteAsync(output, readable, senders, null, reader, stop);
            }

            output.Buffer.Byte((byte)'}');
            return null;
        });
    }

    /// <summary>
    /// The token after a page: null if nothing more is visible. A page that ended at the requested end may be followed
    /// by another.
    /// </summary>
    private async ValueTask<string?> EndAsync(
        Readable readable, EventPages.Page page, EventNid? until, Asked asked, CancellationToken stop)
    {
        if (page.Next is { } next)
        {
            return (asked.IsBackward ? TimelineToken.JustBefore(next) : TimelineToken.JustAfter(next)).ToString();
        }

        if (until is not { } place || page.Events.Count == 0) return null;
        var beyond = asked.IsBackward
            ? await BackAsync(readable, place, null, asked with { Limit = 0 }, stop)
            : await OnAsync(readable, place, null, asked with { Limit = 0 }, stop);
        return beyond.Next is null ? null : TimelineToken.JustAfter(place).ToString();
    }

    /// <summary>Backward from a position: the event before it comes first.</summary>
    private ValueTask<EventPages.Page> BackAsync(
        Readable readable, EventNid start, EventNid? until, Asked asked, CancellationToken stop)
    {
        var first = new EventNid(Math.Min(start.Value, readable.Through.Value) + 1);
        var last = until is { } place ? new EventNid(place.Value + 1) : (EventNid?)null;
        return last is { } end && end.Value >= first.Value
            ? new(new EventPages.Page([], null))
            : pages.ReadAsync(readable, first, last, Direction.Backward, asked.Limit, asked.Filter, stop);
    }

    /// <summary>Forward from a position: the event after it comes first.</summary>
    private ValueTask<EventPages.Page> OnAsync(
        Readable readable, EventNid start, EventNid? until, Asked asked, CancellationToken stop)
    {
        var last = new EventNid(Math.Min(until?.Value ?? long.MaxValue, readable.Through.Value));
        return last.Value <= start.Value
            ? new(new EventPages.Page([], null))
            : pages.ReadAsync(readable, start, last, Direction.Forward, asked.Limit, asked.Filter, stop);
    }

    private async ValueTask<Answer> EventAsync(Call call, CancellationToken stop)
    {
        if (await FindAsync(call, stop) is not var (readable, stored)) return _noEvent;
        using var output = new ByteBuffer(4096);
        await pages.WriteOneAsync(output, readable, stored, call.Caller.Device, stop);
        return Answer.Bytes(output.ToArray());
    }

    private async ValueTask<Answer> ContextAsync(Call call, Around around, CancellationToken stop)
    {
        if (await FindAsync(call, stop) is not var (readable, stored)) return _noEvent;
        var reader = call.Caller.Device;
        var before = await pages.ReadAsync(
            readable,
            stored.Nid,
            null,
            Direction.Backward,
            around.Limit / 2,
            around.Filter,
            stop);
        var after = stored.Nid.Value >= readable.Through.Value
            ? new EventPages.Page([], null)
            : await pages.ReadAsync(
                readable,
                stored.Nid,
                readable.Through,
                Direction.Forward,
                around.Limit - (around.Limit / 2),
                around.Filter,
                stop);
        return Answer.InSteps(call, async (output, stop) =>
        {
            output.Buffer.Raw("{\"event\":"u8);
            await pages.WriteOneAsync(output.Buffer, readable, stored, reader, stop);
            output.Buffer.Raw(",\"events_after\":"u8);
            var following = await pages.WriteAsync(output, readable, after.Events, reader, stop, isPage: true);
            output.Buffer.Raw(",\"events_before\":"u8);
            var preceding = await pages.WriteAsync(output, readable, before.Events, reader, stop, isPage: true);
            var last = following > 0 ? after.Events[following - 1] : stored;
            var first = preceding > 0 ? before.Events[preceding - 1] : stored;
            output.Buffer.Raw(",\"end\":"u8);
            CanonicalJson.WriteString(output.Buffer, TimelineToken.JustAfter(last.Nid).ToString());
            output.Buffer.Raw(",\"start\":"u8);
            CanonicalJson.WriteString(output.Buffer, TimelineToken.JustBefore(first.Nid).ToString());
            output.Buffer.Raw(",\"state\":"u8);
            StoredEvent[] shown =
                [.. before.Events.Take(preceding), stored, .. after.Events.Take(following)];
            var state = await pages.StateAtAsync(readable, last, around.Filter, shown, stop);
            await pages.WriteAsync(
                output, readable, state, each => EventPages.Admits(around.Filter, each), reader, stop);
            output.Buffer.Byte((byte)'}');
            return null;
        });
    }

    private static readonly Answer _noEvent = Answer.NotFound("The event does not exist, or you may not see it.");

    /// <summary>The event that a path names, if it is visible to the caller.</summary>
    private async ValueTask<(Readable Readable, StoredEvent Stored)?> FindAsync(Call call, CancellationToken stop)
    {
        var result = await ReadableAsync(call, stop);
        if (!result.IsOk) return null;
        if (await pages.FindAsync(result.Value, call["eventId"], stop) is not { } stored)
        {
            return null;
        }

        if (result.Value.Viewer.SeesAll) return (result.Value, stored);
        var hidden = await ignored.OfAsync(call.Caller.UserId, stop);
        return !stored.Pdu.IsState && hidden.Contains(stored.Row.Sender) ? null : (result.Value, stored);
    }
}
