using System.Text;
using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.AccountData;

namespace Matrix.Host.Users.AccountData;

/// <summary>
/// The tags that a user gives a room: account data `m.tag`, with a member for each tag.
/// v1.19 client-server-api#room-tagging
/// </summary>
public sealed class RoomTags(
    IAccountDataTable accountDataTable,
    IStorageWriter writer,
    AccountDataRooms rooms,
    UserLocks locks,
    UsersOptions options)
{
    private const string Member = "tags";
    private const int LongestTag = 255;
    private const int LargestContent = 65_536;

    /// <summary>The tags of a room, as the JSON content of `m.tag`.</summary>
    public async ValueTask<UserResult<ReadOnlyMemory<byte>>> FindAsync(
        string userId, string roomId, CancellationToken stop)
    {
        var (room, isKnown) = await rooms.FindAsync(userId, roomId, stop);
        if (!isKnown) return AccountDataRooms.Unknown;
        return (ReadOnlyMemory<byte>)ContentOf(await TagsAsync(userId, room, stop));
    }

    /// <summary>Sets a tag. Null if it is set.</summary>
    public async ValueTask<UserFailure?> PutAsync(
        string userId, string roomId, string tag, JsonObject content, CancellationToken stop) =>
        Encoding.UTF8.GetByteCount(tag) > LongestTag
            ? new UserFailure(UserFailureKind.InvalidParam, $"A tag has at most {LongestTag} bytes.")
            : await ChangeAsync(
                userId,
                roomId,
                tags => tags.With(tag, Json.Of(content)),
                stop);

    /// <summary>Deletes a tag. Null if the room does not have it any more.</summary>
    public ValueTask<UserFailure?> DeleteAsync(string userId, string roomId, string tag, CancellationToken stop) =>
        ChangeAsync(userId, roomId, tags => JsonObject.OfSeq(tags.Members.Where(member => member.Item1 != tag)), stop);

    private async ValueTask<UserFailure?> ChangeAsync(
        string userId, string roomId, Func<JsonObject, JsonObject> change, CancellationToken stop)
    {
        var (room, isKnown) = await rooms.FindAsync(userId, roomId, stop);
        if (!isKnown) return AccountDataRooms.Unknown;

        using var held = await locks.TakeAsync(userId, stop);
        var before = await TagsAsync(userId, room, stop);
        var after = change(before);
        if (after.Equals(before)) return null;

        var content = ContentOf(after);
        if (content.Length > LargestContent)
        {
            return new UserFailure(
                UserFailureKind.TooLarge, $"All tags of a room have at most {LargestContent} bytes.");
        }

        var put = new AccountDataPut(userId, room, EventTypes.Tag, content);
        var row = await accountDataTable.FindAsync(userId, room, EventTypes.Tag, stop);
        var batch = new WriteBatch(Authority.User(userId), 1).Require(UserAccountData.Fit(put, row, options)).Add(put);
        return (await writer.WriteAsync(batch, stop)).Refused
            ? UserAccountData.TooMuch(options)
            : null;
    }

    /// <summary>The tags; none if a client has put other content under the type.</summary>
    private async ValueTask<JsonObject> TagsAsync(string userId, RoomNid? room, CancellationToken stop)
    {
        var row = await accountDataTable.FindAsync(userId, room, EventTypes.Tag, stop);
        return row is not null
            && JsonText.TryParseStored(row.Content.Span, out var content)
            && JsonText.TryGet(content, Member, out var value)
            && value is Json.Object tags
                ? tags.Item
                : JsonObject.Empty;
    }

    private static byte[] ContentOf(JsonObject tags) =>
        CanonicalJson.Bytes(
            Json.Of(JsonObject.OfSeq([new ValueTuple<string, Json>(Member, Json.Of(tags))])));
}
