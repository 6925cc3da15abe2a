using System.Text;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Users.Accounts;

namespace Matrix.Host.Api.Client.AccountData;

/// <summary>Tags of rooms: one piece of account data, of which each tag is a member. Client-Server API, "Room Tagging".</summary>
internal sealed class Tags(IStorage storage, RoomNumbers rooms, UserLocks locks) : IEndpoints
{
    private const int LongestTag = 255;
    private const int LargestContent = 65_536;
    private const string Member = "tags";

    private static readonly Answer _notYours = Answer.Forbidden("Tags are their user's alone.");

    public void Map(ClientRoutes routes)
    {
        routes.Get("user/{userId}/rooms/{roomId}/tags", GetAsync);
        routes.Put("user/{userId}/rooms/{roomId}/tags/{tag}", ReadTag, PutAsync);
        routes.Delete("user/{userId}/rooms/{roomId}/tags/{tag}", DeleteAsync);
    }

    private static JsonObject ReadTag(BodyReader body)
    {
        if (body.Whole.IndexOf("order") is >= 0 and var at && !IsOrder(body.Whole.Value(at)))
        {
            body.Refuse(MatrixError.BadJson, "`order` must be a number from 0 to 1.");
        }

        return body.Whole;
    }

    private static bool IsOrder(Json value) => value switch
    {
        Json.Int i => i.Item is 0 or 1,
        Json.Float f => f.Item is >= 0 and <= 1,
        _ => false,
    };

    private async ValueTask<Answer> GetAsync(Call call, CancellationToken stop)
    {
        if (call["userId"] != call.Caller.UserId) return _notYours;
        var (room, isKnown) = await rooms.OfCallAsync(call, stop).ConfigureAwait(false);
        if (!isKnown) return RoomNumbers.Unknown;
        var tags = await OfAsync(call.Caller.UserId, room!.Value, stop).ConfigureAwait(false);
        return Answer.Bytes(ContentOf(tags));
    }

    private ValueTask<Answer> PutAsync(Call call, JsonObject tag, CancellationToken stop) =>
        Encoding.UTF8.GetByteCount(call["tag"]) > LongestTag
            ? ValueTask.FromResult(Answer.InvalidParam($"A tag has at most {LongestTag} bytes."))
            : ChangeAsync(call, tags => JsonObject.OfSeq(tags.Members.Append((call["tag"], Json.NewObject(tag)))), stop);

    private ValueTask<Answer> DeleteAsync(Call call, CancellationToken stop) =>
        ChangeAsync(call, tags => JsonObject.OfSeq(tags.Members.Where(m => m.Item1 != call["tag"])), stop);

    private async ValueTask<Answer> ChangeAsync(Call call, Func<JsonObject, JsonObject> change, CancellationToken stop)
    {
        var userId = call.Caller.UserId;
        if (call["userId"] != userId) return _notYours;
        var (room, isKnown) = await rooms.OfCallAsync(call, stop).ConfigureAwait(false);
        if (!isKnown) return RoomNumbers.Unknown;

        using var held = await locks.TakeAsync(userId, stop).ConfigureAwait(false);
        var before = await OfAsync(userId, room!.Value, stop).ConfigureAwait(false);
        var after = change(before);
        if (after.Equals(before)) return Answer.Empty;

        var content = ContentOf(after);
        if (content.Length > LargestContent) return Answer.TooLarge($"All tags of a room have at most {LargestContent} bytes.");
        var put = new AccountDataPut(userId, room, AccountDataTypes.Tags, content);
        await storage.Writer.WriteAsync(new WriteBatch(1).Add(put), stop).ConfigureAwait(false);
        return Answer.Empty;
    }

    /// <summary>The tags; none if a client has put something else in their place.</summary>
    private async ValueTask<JsonObject> OfAsync(string userId, RoomNid room, CancellationToken stop)
    {
        var row = await storage.AccountData.FindAsync(userId, room, AccountDataTypes.Tags, stop).ConfigureAwait(false);
        if (row is null) return JsonObject.Empty;
        return JsonText.TryParseStored(row.Content.Span, out var content) && JsonText.TryGet(content, Member, out var value) && value is Json.Object tags
            ? tags.Item
            : JsonObject.Empty;
    }

    private static byte[] ContentOf(JsonObject tags) =>
        CanonicalJson.bytes(Json.NewObject(JsonObject.OfSeq([new ValueTuple<string, Json>(Member, Json.NewObject(tags))])));
}
