using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Relations;
using Matrix.Host.Streams.Streams.Timelines;
using Matrix.Host.Users.AccountData;

namespace Matrix.Host.Api.Client.RoomReading;

/// <summary>
/// Relations and threads. v1.19 client-server-api#relationships-api, v1.19 client-server-api#querying-threads-in-a-room
/// </summary>
internal sealed class Related(
    RoomAccess access,
    EventPages pages,
    Visibility visibility,
    EventStore events,
    TimelinePositions places,
    IgnoredUsers ignored,
    RelationsTable relationsTable,
    StorageOptions bounds,
    ReadingOptions reading,
    RateLimiter limiter) : IEndpoints
{
    private const int UsualLimit = 50;
    private const int MostEvents = 200;

    /// <summary>The threads whose roots and latest events are read at once.</summary>
    private const int ThreadsAtOnce = 8;

    private sealed record Asked(string? From, string? To, int Limit, Direction Direction, bool? Recurse);

    private static readonly Answer _noParent = Answer.NotFound("The event does not exist, or you may not see it.");

    private sealed record Threads(string? From, int Limit, bool ParticipatedOnly);

    public void Map(ClientRoutes routes)
    {
        // The specification has no rate limit for these. A recursive request has one, because its cost grows with the
        // number of events below.
        var free = new RouteOptions { Rate = RateClass.None, IsLarge = true };
        // v1.19 client-server-api#get_matrixclientv1roomsroomidrelationseventid
        routes.V1.Get(
            "rooms/{roomId}/relations/{eventId}",
            Read,
            (call, asked, stop) => ChildrenAsync(call, asked, null, null, stop),
            free);
        // v1.19 client-server-api#get_matrixclientv1roomsroomidrelationseventidreltype
        routes.V1.Get(
            "rooms/{roomId}/relations/{eventId}/{relType}",
            Read,
            (call, asked, stop) => ChildrenAsync(call, asked, call["relType"], null, stop),
            free);
        // v1.19 client-server-api#get_matrixclientv1roomsroomidrelationseventidreltypeeventtype
        routes.V1.Get(
            "rooms/{roomId}/relations/{eventId}/{relType}/{eventType}",
            Read,
            (call, asked, stop) => ChildrenAsync(call, asked, call["relType"], call["eventType"], stop),
            free);
        // v1.19 client-server-api#get_matrixclientv1roomsroomidthreads
        routes.V1.Get(
            "rooms/{roomId}/threads", ReadThreads, ThreadsAsync, RouteOptions.Default with { IsLarge = true });
    }

    private static Asked Read(QueryReader query) => new(
        query.Token("from"),
        query.Token("to"),
        (int)Math.Min(query.Number("limit", 1) ?? UsualLimit, MostEvents),
        query.OneOf("dir", "b", "f") == "f" ? Direction.Forward : Direction.Backward,
        query.Text("recurse") is null ? null : query.Flag("recurse"));

    private static Threads ReadThreads(QueryReader query) => new(
        query.Token("from"),
        (int)Math.Min(query.Number("limit", 1) ?? UsualLimit, MostEvents),
        query.OneOf("include", "all", "participated") == "participated");

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

        var (seen, next) = await SeenAsync(readable, rows, asked.Limit, stop);
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

    /// <summary>
    /// The events of a page that the user sees, up to the bytes of a page, and the last one that was looked at if the
    /// next page may have more.
    /// </summary>
    private async ValueTask<(IReadOnlyList<StoredEvent> Seen, EventNid? Next)> SeenAsync(
        Readable readable, IReadOnlyList<RelationRow> rows, int limit, CancellationToken stop)
    {
        var hidden = await ignored.OfAsync(readable.Viewer.UserId, stop);
        var page = rows.Take(limit).Where(row => !hidden.Contains(row.Sender)).Select(row => row.Event).ToArray();
        var seen = new List<StoredEvent>();
        var (bytes, looked) = (0L, 0);
        await foreach (var portion in events.PortionsAsync(readable.Room, page, stop))
        {
            looked += portion.Count;
            bytes += portion.Sum(static stored => (long)stored.Row.Json.Length);
            seen.AddRange(await visibility.FilterAsync(
                readable.Room,
                [.. portion.Where(stored => stored.Nid.Value <= readable.Through.Value)],
                readable.Viewer,
                stop));
            if (bytes >= reading.PageBytes && looked < page.Length) return (seen, portion[^1].Nid);
        }

        return (seen, rows.Count > limit ? rows[limit - 1].Event : null);
    }

    private async ValueTask<(EventNid? From, EventNid? Until, Answer? Wrong)> RangeAsync(
        Readable readable, Asked asked, CancellationToken stop)
    {
        var from = asked.From is null
            ? null
            : await places.BehindAsync(readable.Room, asked.From, stop);
        var to = asked.To is null
            ? null
            : await places.BehindAsync(readable.Room, asked.To, stop);
        if ((asked.From is not null && from is null) || (asked.To is not null && to is null))
        {
            return (null, null, Answer.InvalidParam("`from` and `to` must be pagination tokens of this server."));
        }

        // A position is after an event: backward that event comes first, forward the next one.
        return asked.Direction == Direction.Backward
            ? (from is { } f ? new EventNid(f.Value + 1) : null, to is { } t ? new EventNid(t.Value + 1) : null, null)
            : (from, to, null);
    }

    private async ValueTask<Answer> ThreadsAsync(Call call, Threads asked, CancellationToken stop)
    {
        var result = await access.OfAsync(call.Caller.UserId, call["roomId"], stop);
        if (!result.IsOk) return RoomAnswers.Of(result.Failure);
        var readable = result.Value;
        EventNid? before = null;
        if (asked.From is { } from)
        {
            before = await places.BehindAsync(readable.Room, from, stop);
            if (before is null) return Answer.InvalidParam("`from` is not a pagination token of this server.");
            before = new EventNid(before.Value.Value + 1);
        }

        var rows = await relationsTable.ThreadsAsync(
            readable.Room.Nid,
            before,
            call.Caller.UserId,
            asked.ParticipatedOnly,
            asked.Limit + 1,
            stop);
        return Answer.InSteps(call, async (output, stop) =>
        {
            output.Buffer.Raw("{\"chunk\":["u8);
            var shown = 0;
            var isFirst = true;
            foreach (var some in rows.Take(asked.Limit).Chunk(ThreadsAtOnce))
            {
                if (output.Length >= reading.PageBytes) break;
                isFirst &= !await WriteThreadsAsync(output, readable, some, call.Caller.Device, isFirst, stop);
                shown += some.Length;
                await output.StepAsync(stop);
            }

            output.Buffer.Byte((byte)']');
            if (rows.Count > shown)
            {
                output.Buffer.Raw(",\"next_batch\":"u8);
                CanonicalJson.WriteString(
                    output.Buffer, TimelineToken.JustBefore(rows[shown - 1].Latest).ToString());
            }

            output.Buffer.Byte((byte)'}');
            return null;
        });
    }

    /// <summary>Writes the roots of some threads. Returns whether there were any.</summary>
    private async ValueTask<bool> WriteThreadsAsync(
        ResponseWriter output,
        Readable readable,
        ThreadRow[] rows,
        UserDevice reader,
        bool isFirst,
        CancellationToken stop)
    {
        var hidden = await ignored.OfAsync(reader.UserId, stop);
        var roots = new List<StoredEvent>(rows.Length);
        foreach (var row in rows)
        {
            if (await pages.FindAsync(readable, row.RootId, stop) is not { } root) continue;
            roots.Add(hidden.Contains(root.Row.Sender) ? root.Redacted() : root);
        }

        // A thread without an event that the reader may see is left out. State events have no bundled aggregations.
        var bundles = await pages.BundledAsync(readable, roots, reader, stop);
        roots.RemoveAll(
            root => !root.Pdu.IsState && !(bundles.TryGetValue(root.Nid, out var bundle) && HasThread(bundle)));
        if (roots.Count == 0) return false;
        if (!isFirst) output.Buffer.Byte((byte)',');
        await pages.WritePortionAsync(output.Buffer, readable, roots, reader, bundles, stop);
        return true;
    }

    private static bool HasThread(ReadOnlyMemory<byte> bundle) =>
        JsonText.TryParseStored(bundle.Span, out var json) && json.Has("m.thread");
}
