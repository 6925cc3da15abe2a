using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.AccountData;

internal sealed class AccountDataTable(IReads reads) : IAccountDataTable
{
    private const string Columns = "room_nid, type, content, position";

    private static readonly string Listed =
        $"room_nid, type, CASE WHEN length(content) <= {AccountDataRow.Inline} THEN content END, position";

    // Of what was deleted the row stays, without a content.
    private const string IsDeleted = "length(content) = 0";

    private static readonly ReadOnlyMemory<byte> _empty = "{}"u8.ToArray();

    private static readonly Statement One = Statement.Of($"""
        SELECT {Columns} FROM account_data WHERE user_id = $1 AND room_nid = $2 AND type = $3
            AND NOT {IsDeleted}
        """);

    private static readonly Statement OfUser = Statement.Of($"""
        SELECT {Listed} FROM account_data WHERE user_id = $1 AND position > $2 AND position <= $3
            AND ($2 > 0 OR NOT {IsDeleted})
        """);

    private static readonly Statement OfRoom = Statement.Of(
        $"SELECT {Listed} FROM account_data WHERE user_id = $1 AND room_nid = $2 AND NOT {IsDeleted}");

    private static readonly Statement Count = Statement.Of(
        $"SELECT COUNT(*), COUNT(*) FILTER (WHERE {IsDeleted}) FROM account_data WHERE user_id = $1");

    private static readonly Statement Put = Statement.Of("""
        INSERT INTO account_data (user_id, room_nid, type, content, position) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (user_id, room_nid, type) DO UPDATE SET content = excluded.content, position = excluded.position
        """);

    private static readonly Statement Delete = Statement.Of("DELETE FROM account_data WHERE user_id = $1");

    private static readonly Statement Forget = Statement.Of(
        $"DELETE FROM account_data WHERE user_id = $1 AND {IsDeleted}");

    public static void Register(WriteHandlers handlers) => handlers
        .On<AccountDataPut>(Put, static (a, op) => a
            .Text(op.UserId).Int(op.Room?.Value ?? 0).Text(op.Type).Blob(op.Content).Position())
        .On<AccountDataDeleted>(Delete, static (a, op) => a.Text(op.UserId))
        .On<DeletedAccountDataForgotten>(Forget, static (a, op) => a.Text(op.UserId));

    public ValueTask<AccountDataRow?> FindAsync(
        string userId, RoomNid? room, string type, CancellationToken stop) => reads.FirstAsync(
        One, (userId, room, type), static (a, q) => a.Text(q.userId).Int(q.room?.Value ?? 0).Text(q.type), Row, stop);

    public ValueTask<IReadOnlyList<AccountDataRow>> OfUserAsync(
        string userId, long after, long through, CancellationToken stop) =>
        reads.ListAsync(
            OfUser, (userId, after, through), static (a, q) => a.Text(q.userId).Int(q.after).Int(q.through), Row, stop);

    public ValueTask<(int All, int Deleted)> CountAsync(string userId, CancellationToken stop) => reads.FirstAsync(
        Count, userId, static (a, user) => a.Text(user), static row => (row.Int32(0), row.Int32(1)), stop);

    public ValueTask<IReadOnlyList<AccountDataRow>> OfRoomAsync(string userId, RoomNid room, CancellationToken stop) =>
        reads.ListAsync(OfRoom, (userId, room), static (a, q) => a.Text(q.userId).Room(q.room), Row, stop);

    private static AccountDataRow Row(IRow row)
    {
        var content = row.BlobOrNull(2);
        return new AccountDataRow(
            row.Int64(0) == 0 ? null : row.Room(0),
            row.Text(1),
            content is { IsEmpty: true } ? _empty : content ?? default,
            row.Int64(3));
    }
}
