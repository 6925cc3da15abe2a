using Matrix.Core.Sync;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Streams.Streams.AccountData;

/// <summary>Reads account data. Large contents are read one by one, when they are written.</summary>
internal sealed class AccountDataReader(IAccountDataTable accountDataTable)
{
    /// <summary>Whether a user's account data may have changed after a position, anywhere.</summary>
    public static bool MayHave(UserStream? stream, long after)
    {
        var news = new List<UpdatedRoom>();
        return stream?.TryCollect(after, long.MaxValue, news) != true
            || stream.LastAccountData > after
            || news.Exists(static each => (each.Parts & RoomParts.AccountData) != 0);
    }

    /// <summary>What a user changed after one position and up to another, in all rooms and outside of rooms.</summary>
    public ValueTask<IReadOnlyList<AccountDataRow>> OfUserAsync(
        string userId, long after, long upTo, CancellationToken stop) =>
        accountDataTable.OfUserAsync(userId, after, upTo, stop);

    /// <summary>
    /// What a user changed after a token and up to a position; all of it without a token. An imported token has a
    /// position of its own for push rules, which count less than other account data.
    /// </summary>
    public ValueTask<IReadOnlyList<AccountDataRow>> OfUserAsync(
        string userId, SyncToken? since, long upTo, CancellationToken stop) =>
        since?.Imported is { } token
            ? SinceImportedAsync(userId, token, upTo, stop)
            : OfUserAsync(userId, since?.Position ?? 0, upTo, stop);

    /// <summary>All account data of a user in a room.</summary>
    public ValueTask<IReadOnlyList<AccountDataRow>> OfRoomAsync(string userId, RoomNid room, CancellationToken stop) =>
        accountDataTable.OfRoomAsync(userId, room, stop);

    /// <summary>The content of a row, large or not.</summary>
    public ValueTask<ReadOnlyMemory<byte>> ContentAsync(
        string userId, AccountDataRow row, CancellationToken stop) =>
        accountDataTable.ContentAsync(userId, row, stop);

    private async ValueTask<IReadOnlyList<AccountDataRow>> SinceImportedAsync(
        string userId, ImportedToken token, long upTo, CancellationToken stop)
    {
        var (data, rules) = (token.AccountData.Least, token.PushRules.Least);
        var rows = await OfUserAsync(userId, Math.Min(data, rules), upTo, stop);
        return [.. rows.Where(row => row.Position > (AccountDataFormat.IsPushRules(row) ? rules : data))];
    }
}
