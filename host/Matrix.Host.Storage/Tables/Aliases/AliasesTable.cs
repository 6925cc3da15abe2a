using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.Aliases;

internal sealed class AliasesTable(IReads reads) : IAliasesTable
{
    private static readonly Statement Find = Statement.Of("""
        SELECT a.alias, a.room_nid, r.room_id, a.creator FROM aliases a JOIN rooms r ON r.room_nid = a.room_nid
            WHERE a.alias = $1
        """);

    private static readonly Statement OfRoom = Statement.Of(
        "SELECT alias FROM aliases WHERE room_nid = $1 ORDER BY alias");
    private static readonly Statement IsPublished = Statement.Of("SELECT 1 FROM published_rooms WHERE room_nid = $1");

    private static readonly Statement Published = Statement.Of("""
        SELECT r.room_nid, r.room_id, r.joined_count FROM published_rooms p JOIN rooms r ON r.room_nid = p.room_nid
        WHERE r.joined_count < $1 OR (r.joined_count = $1 AND r.room_nid > $2)
        ORDER BY r.joined_count DESC, r.room_nid LIMIT $3
        """);

    private static readonly Statement PublishedBefore = Statement.Of("""
        SELECT r.room_nid, r.room_id, r.joined_count FROM published_rooms p JOIN rooms r ON r.room_nid = p.room_nid
        WHERE r.joined_count > $1 OR (r.joined_count = $1 AND r.room_nid < $2)
        ORDER BY r.joined_count, r.room_nid DESC LIMIT $3
        """);

    private static readonly Statement PublishedCount = Statement.Of("SELECT COUNT(*) FROM published_rooms");

    private static readonly Statement Insert = Statement.Of("""
        INSERT INTO aliases (alias, room_nid, creator) VALUES ($1, $2, $3) ON CONFLICT (alias) DO NOTHING
        """);

    private static readonly Statement Delete = Statement.Of("DELETE FROM aliases WHERE alias = $1");
    private static readonly Statement Publish = Statement.Of(
        "INSERT INTO published_rooms (room_nid) VALUES ($1) ON CONFLICT DO NOTHING");
    private static readonly Statement Unpublish = Statement.Of("DELETE FROM published_rooms WHERE room_nid = $1");

    public static void Register(WriteHandlers handlers) => handlers
        .OnCondition<AliasCreated>(Insert, static (a, op) => a.Text(op.Alias).Room(op.Room).Text(op.Creator))
        .OnCondition<AliasDeleted>(Delete, static (a, op) => a.Text(op.Alias))
        .On<DirectoryVisibilityChanged>(
            static (op, writes) =>
                writes.Run(op.Published ? Publish : Unpublish, op, static (a, op) => a.Room(op.Room)));

    public ValueTask<AliasRow?> FindAsync(string alias, CancellationToken stop) => reads.FirstAsync(
        Find,
        alias,
        static (a, alias) => a.Text(alias),
        static row => new AliasRow(row.Text(0), row.Room(1), row.Text(2), row.Text(3)),
        stop);

    public ValueTask<IReadOnlyList<string>> OfRoomAsync(RoomNid room, CancellationToken stop) =>
        reads.ListAsync(OfRoom, room, static (a, room) => a.Room(room), static row => row.Text(0), stop);

    public async ValueTask<bool> IsPublishedAsync(RoomNid room, CancellationToken stop) =>
        await reads.FirstAsync(IsPublished, room, static (a, room) => a.Room(room), static _ => true, stop);

    public ValueTask<IReadOnlyList<PublishedRow>> PublishedAsync(
        PublishedRow? after, int limit, CancellationToken stop) =>
        PublishedAsync(Published, after ?? new PublishedRow(default, "", int.MaxValue), limit, stop);

    public ValueTask<IReadOnlyList<PublishedRow>> PublishedBeforeAsync(
        PublishedRow before, int limit, CancellationToken stop) =>
        PublishedAsync(PublishedBefore, before, limit, stop);

    public ValueTask<int> PublishedCountAsync(CancellationToken stop) =>
        reads.FirstAsync(PublishedCount, static row => row.Int32(0), stop);

    private ValueTask<IReadOnlyList<PublishedRow>> PublishedAsync(
        Statement statement, PublishedRow from, int limit, CancellationToken stop) =>
        reads.ListAsync(
            statement,
            (from, limit),
            static (a, q) => a.Int(q.from.JoinedCount).Room(q.from.Room).Int(q.limit),
            static row => new PublishedRow(row.Room(0), row.Text(1), row.Int32(2)),
            stop);
}
