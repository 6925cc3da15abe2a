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

    /// <summary>All account data of a user in a room.</summary>
    public ValueTask<IReadOnlyList<AccountDataRow>> OfRoomAsync(string userId, RoomNid room, CancellationToken stop) =>
        accountDataTable.OfRoomAsync(userId, room, stop);

    /// <summary>The content of a row, large or not.</summary>
    public ValueTask<ReadOnlyMemory<byte>> ContentAsync(
        string userId, AccountDataRow row, CancellationToken stop) =>
        accountDataTable.ContentAsync(userId, row, stop);
}
