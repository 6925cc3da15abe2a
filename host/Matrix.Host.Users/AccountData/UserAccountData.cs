using System.Text;
using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Storage.Tables.StoredBytes;
using Matrix.Host.Users.PushRules;

namespace Matrix.Host.Users.AccountData;

/// <summary>Account data of users, also of users in rooms. v1.19 client-server-api#client-config</summary>
public sealed class UserAccountData(
    IAccountDataTable accountDataTable,
    IStorageWriter writer,
    AccountDataRooms rooms,
    UserPushRules pushRules,
    UserLocks locks,
    UsersOptions options)
{
    private const int LongestType = 255;

    private static readonly UserFailure _none = new(UserFailureKind.NotFound, "There is no account data of this type.");

    /// <summary>The content of a type; no room means the user's own.</summary>
    public async ValueTask<UserResult<ReadOnlyMemory<byte>>> FindAsync(
        string userId, string? roomId, string type, CancellationToken stop)
    {
        var (room, isKnown) = await rooms.FindAsync(userId, roomId, stop);
        if (!isKnown) return _none;
        if (room is null && type == UserPushRules.Type)
        {
            var rules = await pushRules.OfAsync(userId, stop);
            return (ReadOnlyMemory<byte>)CanonicalJson.Bytes(Json.Of(rules.ToContent()));
        }

        var row = await accountDataTable.FindAsync(userId, room, type, stop);
        return row is null ? _none : row.Content;
    }

    /// <summary>
    /// Puts the content of a type; no room means the user's own. Null if it was put. An empty content deletes it: so
    /// clients deleted before there was a way to do so (MSC3391).
    /// </summary>
    public async ValueTask<UserFailure?> PutAsync(
        string userId, string? roomId, string type, JsonObject content, CancellationToken stop)
    {
        if (content.Count == 0) return await DeleteAsync(userId, roomId, type, stop);
        if (Judge(type) is { } refused) return refused;
        var (room, isKnown) = await rooms.FindAsync(userId, roomId, stop);
        if (!isKnown) return AccountDataRooms.Unknown;

        // Tags and direct chats are read and written back elsewhere.
        using var held = await locks.TakeAsync(userId, stop);
        var batch = new WriteBatch(Authority.User(userId), 2);
        var before = await accountDataTable.FindAsync(userId, room, type, stop);
        if (before is null)
        {
            var (all, deleted) = await accountDataTable.CountAsync(userId, stop);
            if (all - deleted >= options.AccountData)
            {
                return new UserFailure(
                    UserFailureKind.LimitReached,
                    $"An account has at most {options.AccountData} pieces of account data.");
            }

            // Rows of deleted ones count too: whoever puts and deletes many types has bounded rows.
            if (all >= options.AccountData) batch.Add(new DeletedAccountDataForgotten(userId));
        }

        var put = new AccountDataPut(userId, room, type, CanonicalJson.Bytes(Json.Of(content)));
        batch.Require(Fit(put, before, options)).Add(put);
        return (await writer.WriteAsync(batch, stop)).Refused ? TooMuch(options) : null;
    }

    /// <summary>The condition that there is room for a piece of account data.</summary>
    /// <param name="before">What it takes the place of.</param>
    internal static StoredBytesFit Fit(AccountDataPut put, AccountDataRow? before, UsersOptions options)
    {
        var added = before is null
            ? StoredBytesFit.BytesOf(put.Content)
            : put.Content.Length - before.Content.Length;
        return new StoredBytesFit(put.UserId, StoredKind.AccountData, added, options.AccountDataBytes);
    }

    /// <summary>The failure if there is none.</summary>
    internal static UserFailure TooMuch(UsersOptions options) => new(
        UserFailureKind.LimitReached, $"The account data of an account has at most {options.AccountDataBytes} bytes.");

    /// <summary>Deletes the content of a type; no room means the user's own. Null if it is gone. MSC3391.</summary>
    public async ValueTask<UserFailure?> DeleteAsync(
        string userId, string? roomId, string type, CancellationToken stop)
    {
        if (Judge(type) is { } refused) return refused;
        var (room, isKnown) = await rooms.FindAsync(userId, roomId, stop);
        if (!isKnown) return AccountDataRooms.Unknown;

        using var held = await locks.TakeAsync(userId, stop);
        if (await accountDataTable.FindAsync(userId, room, type, stop) is null) return null;
        var deletion = AccountDataPut.Deletion(userId, room, type);
        await writer.WriteAsync(new WriteBatch(Authority.User(userId), 1).Add(deletion), stop);
        return null;
    }

    /// <summary>Why a client may not put this type; null if it may.</summary>
    private static UserFailure? Judge(string type)
    {
        if (type is EventTypes.FullyRead or UserPushRules.Type)
        {
            return new UserFailure(UserFailureKind.NotSettable, $"Cannot set {type} through this API.");
        }

        return Encoding.UTF8.GetByteCount(type) is 0 or > LongestType
            ? new UserFailure(UserFailureKind.InvalidParam, $"A type has 1 to {LongestType} bytes.")
            : null;
    }
}
