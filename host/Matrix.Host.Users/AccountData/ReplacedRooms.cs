using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Storage.Tables.Rooms;
using Matrix.Host.Users.Commands;
using Matrix.Host.Users.PushRules;

namespace Matrix.Host.Users.AccountData;

/// <summary>
/// Gives users the settings of a room for the one that replaces it: tags, push rules, its place among direct chats.
/// v1.19 client-server-api#room-upgrades
/// </summary>
public sealed class ReplacedRooms(
    RoomsTable roomsTable,
    IAccountDataTable accountDataTable,
    IStorageWriter writer,
    UserPushRules pushRules,
    UserLocks locks,
    UserCommands commands)
{
    private const string Tags = "tags";

    /// <summary>
    /// Copies the settings of a user whom another node may have. What the user has set for the new room stays; a second
    /// call changes nothing.
    /// </summary>
    public async ValueTask CopyAsync(string userId, string oldRoomId, string newRoomId, CancellationToken stop) =>
        await commands.RunAsync(
            userId,
            () => CopyHereAsync(userId, oldRoomId, newRoomId, stop),
            () => new CopyRoomSettings(userId, oldRoomId, newRoomId),
            stop);

    /// <summary>The same for a user who is here.</summary>
    internal async ValueTask<UserAnswer> CopyHereAsync(
        string userId, string oldRoomId, string newRoomId, CancellationToken stop)
    {
        if (await roomsTable.FindAsync(oldRoomId, stop) is not { } before
            || await roomsTable.FindAsync(newRoomId, stop) is not { } after)
        {
            return new UserAnswer(Failure: null);
        }

        using var held = await locks.TakeAsync(userId, stop);
        var batch = new WriteBatch(Authority.User(userId), 3);
        if (await TagsAsync(userId, before.Nid, after.Nid, stop) is { } tags)
        {
            batch.Add(new AccountDataPut(userId, after.Nid, EventTypes.Tag, tags));
        }

        if (await DirectAsync(userId, oldRoomId, newRoomId, stop) is { } direct)
        {
            batch.Add(new AccountDataPut(userId, null, EventTypes.Direct, direct));
        }

        var rules = await pushRules.OfAsync(userId, stop);
        var copied = rules.ForReplacedRoom(oldRoomId, newRoomId, pushRules.Limits);
        if (!ReferenceEquals(rules, copied))
        {
            var content = CanonicalJson.Bytes(Json.Of(copied.ToContent()));
            if (pushRules.Fits(content)) batch.Add(new AccountDataPut(userId, null, UserPushRules.Type, content));
        }

        if (batch.Changes.Count > 0) await writer.WriteAsync(batch, stop);
        return new UserAnswer(Failure: null);
    }

    /// <summary>The old room's tags, with the new one's over them; null if there is none to copy.</summary>
    private async ValueTask<byte[]?> TagsAsync(string userId, RoomNid before, RoomNid after, CancellationToken stop)
    {
        if (Inner(await ReadAsync(userId, before, EventTypes.Tag, stop)) is not { Count: > 0 } old)
        {
            return null;
        }

        var now = await ReadAsync(userId, after, EventTypes.Tag, stop);
        var own = Inner(now) ?? JsonObject.Empty;
        var merged = JsonObject.OfSeq(old.Members.Concat(own.Members));
        return merged.Equals(own)
            ? null
            : BytesOf(JsonObject.OfSeq(
                (now ?? JsonObject.Empty).Members.Append((Tags, Json.Of(merged)))));
    }

    private static JsonObject? Inner(JsonObject? content) =>
        content is not null && JsonText.TryGet(content, Tags, out var value) && value is Json.Object tags
            ? tags.Item
            : null;

    /// <summary>The direct chats with the new room beside the old one; null if the old room is none.</summary>
    private async ValueTask<byte[]?> DirectAsync(
        string userId, string oldRoomId, string newRoomId, CancellationToken stop)
    {
        if (await ReadAsync(userId, null, EventTypes.Direct, stop) is not { } content) return null;
        var changed = false;
        var members = content.Members.Select(member =>
        {
            if (member.Item2 is not Json.Array { Item: var rooms }
                || !rooms.Contains(Json.Of(oldRoomId))
                || rooms.Contains(Json.Of(newRoomId)))
            {
                return member;
            }

            changed = true;
            return (member.Item1, Json.Of([.. rooms, Json.Of(newRoomId)]));
        }).ToArray();
        return changed ? BytesOf(JsonObject.OfSeq(members)) : null;
    }

    private async ValueTask<JsonObject?> ReadAsync(
        string userId, RoomNid? room, string type, CancellationToken stop) =>
        await accountDataTable.FindAsync(userId, room, type, stop) is { } row
        && JsonText.TryParseStored(row.Content.Span, out var content)
            ? content
            : null;

    private static byte[] BytesOf(JsonObject content) => CanonicalJson.Bytes(Json.Of(content));
}
