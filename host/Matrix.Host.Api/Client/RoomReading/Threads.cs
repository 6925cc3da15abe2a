using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Relations;
using Matrix.Host.Streams.Streams.Timelines;
using Matrix.Host.Users.AccountData;

namespace Matrix.Host.Api.Client.RoomReading;

/// <summary>The threads of a room. v1.19 client-server-api#querying-threads-in-a-room</summary>
internal sealed class Threads(
    RoomAccess access,
    EventPages pages,
    TimelinePositions places,
    IgnoredUsers ignored,
    RelationsTable relationsTable,
    ReadingOptions reading) : IEndpoints
{
    /// <summary>The threads whose roots and latest events are read at once.</summary>
    private const int ThreadsAtOnce = 8;

    private sealed record Asked(string? From, int Limit, bool ParticipatedOnly);

    // v1.19 client-server-api#get_matrixclientv1roomsroomidthreads
    public void Map(ClientRoutes routes) => routes.Of(RouteOwner.Nobody).V1.Get(
        "rooms/{roomId}/threads", Read, ThreadsAsync, RouteOptions.Default with { IsLarge = true });

    private static Asked Read(QueryReader query) => new(
        query.Token("from"),
        (int)Math.Min(query.Number("limit", 1) ?? Relations.UsualLimit, Relations.MostEvents),
        query.OneOf("include", "all", "participated") == "participated");

    private async ValueTask<Answer> ThreadsAsync(Call call, Asked asked, CancellationToken stop)
    {
        var result = await access.OfAsync(call.Caller.UserId, call["roomId"], stop);
        if (!result.IsOk) return RoomAnswers.Of(result.Failure);
        var readable = result.Value;
        EventNid? before = null;
        if (asked.From is { } from)
        {
            before = await places.BehindAsync(readable.Room, from, isEnd: true, stop);
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
