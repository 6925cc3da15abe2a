using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.RoomData;

/// <summary>
/// Tags of rooms. All tags of a user in a room are one piece of account data here. A room whose last tag was removed
/// has one without tags, so that a client that has not synced since learns of it.
/// </summary>
internal sealed class TagsPart : IImportPart
{
    private const string Kind = "tags";

    // A tag whose revision is missing came before all others.
    private const string Query = """
        SELECT k.user_id, k.room_id, COALESCE(r.stream_id, 1), t.tag, t.content
        FROM (SELECT user_id, room_id FROM room_tags_revisions UNION SELECT user_id, room_id FROM room_tags) k
        LEFT JOIN room_tags_revisions r ON r.user_id = k.user_id AND r.room_id = k.room_id
        LEFT JOIN room_tags t ON t.user_id = k.user_id AND t.room_id = k.room_id
        WHERE (k.user_id, k.room_id) > ($1, $2) ORDER BY k.user_id, k.room_id, t.tag
        """;

    public string Name => "tags";

    public string Title => "tags of rooms";

    public IReadOnlyList<string> Tables { get; } = ["room_tags", "room_tags_revisions"];

    public Task<long> EstimateAsync(ImportContext context, CancellationToken stop) =>
        context.Source.NumberAsync("SELECT COUNT(*) FROM room_tags", stop);

    public async Task RunAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        if (context.Choices.WithoutHistory) return;
        var rooms = new CarriedRooms(context, progress, Kind);
        var after = progress.Reached?.Split('\n') ?? ["", ""];
        TagsOfRoom? tags = null;
        await foreach (var row in context.Source.RowsAsync(Query, stop, after[0], after[1]))
        {
            var (userId, roomId) = (row.Text(0), row.Text(1));
            if (tags is null || tags.UserId != userId || tags.RoomId != roomId)
            {
                await EndAsync(tags);
                tags = new TagsOfRoom(userId, roomId, row.Int64(2));
            }

            if (row.IsNull(3)) continue;
            progress.Read(Kind);
            if (row.TryObject(4, out var content))
            {
                tags.Tags.Add((row.Text(3), Json.Of(content)));
            }
            else
            {
                progress.LeaveOut(Kind, $"{row.Text(3)} of {userId} in {roomId}", "Its content is no JSON object.");
            }
        }

        await EndAsync(tags);

        async ValueTask EndAsync(TagsOfRoom? ended)
        {
            if (ended is null) return;
            if (await rooms.FindAsync(ended.RoomId, stop, ended.Tags.Count) is { } room)
            {
                var content = JsonObject.OfSeq([("tags", Json.Of(JsonObject.OfSeq(ended.Tags)))]);
                progress.Add(
                    new AccountDataPut(ended.UserId, room, EventTypes.Tag, CanonicalJson.Bytes(Json.Of(content))),
                    ended.Position);
                progress.Written(Kind, ended.Tags.Count);
            }

            await progress.SaveAsync($"{ended.UserId}\n{ended.RoomId}", stop);
        }
    }

    private sealed record TagsOfRoom(string UserId, string RoomId, long Position)
    {
        public List<(string Tag, Json Content)> Tags { get; } = [];
    }
}
