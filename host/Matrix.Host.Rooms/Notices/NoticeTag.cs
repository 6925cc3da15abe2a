using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.AccountData;

namespace Matrix.Host.Rooms.Notices;

/// <summary>The tag by which clients know the room of server notices.</summary>
internal sealed class NoticeTag(IAccountDataTable accountDataTable, IStorageWriter writer)
{
    private const string Tags = "tags";
    private const string Tag = "m.server_notice";

    /// <summary>Gives the room its tag again if a client took it away.</summary>
    internal async ValueTask PutAgainAsync(string userId, RoomNid room, CancellationToken stop)
    {
        var row = await accountDataTable.FindAsync(userId, room, EventTypes.Tag, stop);
        var tags = row is not null
            && JsonText.TryParseStored(row.Content.Span, out var content)
            && JsonText.TryGet(content, Tags, out var value)
            && value is Json.Object { Item: var known }
                ? known
                : JsonObject.Empty;
        if (tags.Has(Tag)) return;
        await writer.WriteAsync(new WriteBatch(Authority.User(userId), 1).Add(Put(userId, room, tags)), stop);
    }

    /// <summary>Gives a room the tag beside others.</summary>
    internal static AccountDataPut Put(string userId, RoomNid room, JsonObject others)
    {
        var tags = others.With(Tag, Json.Of(JsonObject.Empty));
        var content = JsonObject.OfSeq([(Tags, Json.Of(tags))]);
        return new AccountDataPut(userId, room, EventTypes.Tag, CanonicalJson.Bytes(Json.Of(content)));
    }
}
