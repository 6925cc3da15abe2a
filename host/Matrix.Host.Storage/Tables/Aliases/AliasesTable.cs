using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.Rooms;

namespace Matrix.Host.Storage.Tables.Aliases;

/// <summary>
/// Local room aliases, and the published room directory. v1.19 client-server-api#room-aliases,
/// v1.19 client-server-api#published-room-directory
/// </summary>
public sealed class AliasesTable(IReads reads)
{
    private static readonly Statement Find = Statement.Of("""
        SELECT a.alias, a.room_nid, r.room_id, a.creator FROM aliases a JOIN rooms r ON r.room_nid = a.room_nid
            WHERE a.alias = $1
        """);

    private static readonly Statement OfRoom = Statement.Of(
        "SELECT alias FROM aliases WHERE room_nid = $1 ORDER BY alias");
    private static readonly Statement IsPublished = Statement.Of("SELECT 1 FROM published_rooms WHERE room_nid = $1");

    private const string InOwn = "published_rooms p WHERE (p.place, p.room_nid)";
    private const string InNetwork = "network_rooms p WHERE p.instance_id = $4 AND (p.place, p.room_nid)";
    private const string InNetworks = "network_rooms p WHERE (p.place, p.room_nid)";

    private static readonly Statement Published = PageOf(InOwn, ">", "");
    private static readonly Statement PublishedBefore = PageOf(InOwn, "<", "DESC");
    private static readonly Statement OfNetwork = PageOf(InNetwork, ">", "");
    private static readonly Statement OfNetworkBefore = PageOf(InNetwork, "<", "DESC");
    private static readonly Statement OfAll = PageOfAll(">", "");
    private static readonly Statement OfAllBefore = PageOfAll("<", "DESC");

    private static readonly Statement PublishedCount = Statement.Of("SELECT COUNT(*) FROM published_rooms");

    private static readonly Statement NetworkCount = Statement.Of(
        "SELECT COUNT(*) FROM network_rooms WHERE instance_id = $1");

    private static readonly Statement AllCount = Statement.Of("""
        SELECT COUNT(*) FROM (SELECT room_nid FROM published_rooms UNION SELECT room_nid FROM network_rooms) listed
        """);

    private static readonly Statement Insert = Statement.Of("""
        INSERT INTO aliases (alias, room_nid, creator) VALUES ($1, $2, $3) ON CONFLICT (alias) DO NOTHING
        """);

    private static readonly Statement HasFewer = Statement.Of("""
        SELECT 1 WHERE (SELECT COUNT(*) FROM (SELECT 1 FROM aliases WHERE creator = $1 LIMIT $2) AS made) < $2
        """);

    private static readonly Statement Delete = Statement.Of("DELETE FROM aliases WHERE alias = $1");
    private static readonly Statement Publish = Statement.Of("""
        INSERT INTO published_rooms (room_nid, place) SELECT room_nid, -joined_count FROM rooms WHERE room_nid = $1
        ON CONFLICT DO NOTHING
        """);

    private static readonly Statement Unpublish = Statement.Of("DELETE FROM published_rooms WHERE room_nid = $1");

    private static readonly Statement PublishInNetwork = Statement.Of("""
        INSERT INTO network_rooms (instance_id, room_nid, place)
            SELECT $1, room_nid, -joined_count FROM rooms WHERE room_nid = $2
        ON CONFLICT DO NOTHING
        """);

    private static readonly Statement UnpublishInNetwork = Statement.Of(
        "DELETE FROM network_rooms WHERE instance_id = $1 AND room_nid = $2");

    private static readonly Statement Place = Statement.Of(
        "UPDATE published_rooms SET place = $2 WHERE room_nid = $1");

    private static readonly Statement PlaceInNetworks = Statement.Of(
        "UPDATE network_rooms SET place = $2 WHERE room_nid = $1");

    private static readonly Statement MoveAliases = Statement.Of(
        "UPDATE aliases SET room_nid = $2 WHERE room_nid = $1");

    private static readonly Statement MovePublished = Statement.Of("""
        INSERT INTO published_rooms (room_nid, place) SELECT room_nid, -joined_count FROM rooms
            WHERE room_nid = $2 AND EXISTS (SELECT 1 FROM published_rooms WHERE room_nid = $1)
        ON CONFLICT DO NOTHING
        """);

    private static readonly Statement MoveInNetworks = Statement.Of("""
        INSERT INTO network_rooms (instance_id, room_nid, place)
            SELECT n.instance_id, r.room_nid, -r.joined_count FROM network_rooms n JOIN rooms r ON r.room_nid = $2
            WHERE n.room_nid = $1
        ON CONFLICT DO NOTHING
        """);

    private static readonly Statement LeaveNetworks = Statement.Of("DELETE FROM network_rooms WHERE room_nid = $1");

    internal static void Register(WriteHandlers handlers) => handlers
        .OnCondition<AliasCreated>(Insert, static (a, op) => a.Text(op.Alias).Room(op.Room).Text(op.Creator))
        .OnCondition<AliasesFewerThan>(
            HasFewer, static (a, op) => a.Text(op.Creator).Int(op.Most), static (_, _) => true)
        .OnCondition<AliasDeleted>(Delete, static (a, op) => a.Text(op.Alias))
        .On<DirectoryVisibilityChanged>(
            static (op, writes) =>
                writes.Run(op.Published ? Publish : Unpublish, op, static (a, op) => a.Room(op.Room)))
        .On<NetworkVisibilityChanged>(static (op, writes) => writes.Run(
            op.Published ? PublishInNetwork : UnpublishInNetwork,
            op,
            static (a, op) => a.Text(op.InstanceId).Room(op.Room)))
        .On<DirectoryMoved>(static (op, writes) =>
        {
            foreach (var statement in (Statement[])[MoveAliases, MovePublished, MoveInNetworks])
            {
                writes.Run(statement, op, static (a, op) => a.Room(op.From).Room(op.To));
            }

            writes.Run(Unpublish, op, static (a, op) => a.Room(op.From));
            writes.Run(LeaveNetworks, op, static (a, op) => a.Room(op.From));
        })
        .On<RoomAdvanced>(static (op, writes) =>
        {
            // A new room is placed when it is published.
            if (op.Before is null || op.Before.JoinedCount == op.Header.JoinedCount) return;
            writes.Run(Place, op, static (a, op) => a.Room(op.Room.Nid).Int(-op.Header.JoinedCount));
            writes.Run(PlaceInNetworks, op, static (a, op) => a.Room(op.Room.Nid).Int(-op.Header.JoinedCount));
        });

    /// <summary>The room of an alias, or null.</summary>
    public ValueTask<AliasRow?> FindAsync(string alias, CancellationToken stop) => reads.FirstAsync(
        Find,
        alias,
        static (a, alias) => a.Text(alias),
        static row => new AliasRow(row.Text(0), row.Room(1), row.Text(2), row.Text(3)),
        stop);

    /// <summary>A room's aliases, in order.</summary>
    public ValueTask<IReadOnlyList<string>> OfRoomAsync(RoomNid room, CancellationToken stop) =>
        reads.ListAsync(OfRoom, room, static (a, room) => a.Room(room), static row => row.Text(0), stop);

    /// <summary>Whether the room is in the published directory.</summary>
    public async ValueTask<bool> IsPublishedAsync(RoomNid room, CancellationToken stop) =>
        await reads.FirstAsync(IsPublished, room, static (a, room) => a.Room(room), static _ => true, stop);

    /// <summary>The rooms of a directory, most joined members first, a page at a time.</summary>
    /// <param name="after">The last row of the page before; null for the first page.</param>
    public ValueTask<IReadOnlyList<PublishedRow>> PublishedAsync(
        RoomDirectory directory, PublishedRow? after, int limit, CancellationToken stop) =>
        PageAsync(
            directory.IsAll ? OfAll : directory.InstanceId is null ? Published : OfNetwork,
            directory,
            after ?? new PublishedRow(default, "", int.MaxValue),
            limit,
            stop);

    /// <summary>The rows before one, in the opposite order.</summary>
    public ValueTask<IReadOnlyList<PublishedRow>> PublishedBeforeAsync(
        RoomDirectory directory, PublishedRow before, int limit, CancellationToken stop) =>
        PageAsync(
            directory.IsAll ? OfAllBefore : directory.InstanceId is null ? PublishedBefore : OfNetworkBefore,
            directory,
            before,
            limit,
            stop);

    /// <summary>The number of rooms of a directory. Reads its index, not the rooms.</summary>
    public ValueTask<int> PublishedCountAsync(RoomDirectory directory, CancellationToken stop) =>
        directory.InstanceId is { } network
            ? reads.FirstAsync(
                NetworkCount, network, static (a, network) => a.Text(network), static row => row.Int32(0), stop)
            : reads.FirstAsync(directory.IsAll ? AllCount : PublishedCount, static row => row.Int32(0), stop);

    private ValueTask<IReadOnlyList<PublishedRow>> PageAsync(
        Statement statement, RoomDirectory directory, PublishedRow from, int limit, CancellationToken stop) =>
        reads.ListAsync(
            statement,
            (directory, from, limit),
            static (a, q) =>
            {
                a.Int(-(long)q.from.JoinedCount).Room(q.from.Room).Int(q.limit);
                if (q.directory.InstanceId is { } network) a.Text(network);
            },
            static row => new PublishedRow(row.Room(0), row.Text(1), row.Int32(2)),
            stop);

    private static Statement PageOf(string directory, string beyond, string order) => Statement.Of($"""
        SELECT p.room_nid, (SELECT room_id FROM rooms r WHERE r.room_nid = p.room_nid), -p.place
        FROM {directory} {beyond} ($1, $2)
        ORDER BY p.place {order}, p.room_nid {order} LIMIT $3
        """);

    // The page is within the first rows of each part: no part is read beyond them.
    private static Statement PageOfAll(string beyond, string order) => Statement.Of($"""
        SELECT listed.room_nid, (SELECT room_id FROM rooms r WHERE r.room_nid = listed.room_nid), -listed.place FROM (
            SELECT place, room_nid FROM (
                SELECT p.place, p.room_nid FROM {InOwn} {beyond} ($1, $2)
                ORDER BY p.place {order}, p.room_nid {order} LIMIT $3) own
            UNION
            SELECT place, room_nid FROM (
                SELECT DISTINCT p.place, p.room_nid FROM {InNetworks} {beyond} ($1, $2)
                ORDER BY p.place {order}, p.room_nid {order} LIMIT $3) networks
        ) listed
        ORDER BY listed.place {order}, listed.room_nid {order} LIMIT $3
        """);
}
